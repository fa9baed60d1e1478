"""
Issuers that irsa does not publish in a bucket of its own: pods get their roles all the same.

Somebody else's bucket stands for any web server or static host: what is in it, the world can read.
"""

import json
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.rigs import rig_up
from tests.cluster.sites import REGION, public_bucket, site

from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY
from irsa.local.network import free_ports

pytestmark = pytest.mark.cluster

PAUSE = 0.2
GATES = ("--override", "issuer-in-use", "--reason", "the test is over")


def _webhook():
    """One that a pod on the node's own network can reach."""
    webhook = {"replicas": 1, "hostNetwork": True, "port": free_ports(1)[0]}
    return {"engine": "webhook", "webhook": webhook}


def _sign_with(rig, *options):
    """Both stages of a change of the issuer, as a user does them."""
    node = ("--root", rig.status["apiServers"][0]["nodeDirectory"], "--yes")
    rig.irsa("issuer", "accept", *node, *options)
    rig.irsa("issuer", "activate", "--ack-external-consumers", *node, *options)


def _assert_a_pod_gets_its_role(made):
    """A pod writes an object to S3 with a role of its own, and S3 tells who wrote it."""
    egress = ("--proxy", made.rig.env["HTTPS_PROXY"], "--ca-bundle", made.rig.env["AWS_CA_BUNDLE"])
    proof = json.loads(made.irsa("verify", *egress, "--output", "json").stdout)
    assert proof["vouched_by"] == "s3"
    assert ":assumed-role/irsa-verify-" in proof["caller"]


# An issuer that is public already


@pytest.fixture(name="existing", scope="module")
def _existing(tmp_path_factory):
    """An API server whose issuer somebody else publishes, before irsa is heard of."""
    with rig_up("existing", tmp_path_factory.mktemp("rig")) as rig:
        url = public_bucket(rig, "somebodys-site", "/issuers/one")
        _publish_by_hand(rig, url)
        _sign_with(rig, "--issuer", url)
        issuer = {"publish": "existing", "url": url}
        directory = tmp_path_factory.mktemp("site")
        with site(rig, directory, "existing", issuer=issuer, injection=_webhook()) as made:
            made.apply()
            yield made


def _publish_by_hand(rig, url):
    """The documents of the API server itself, the keys under the name that it gives them."""
    document = {
        "issuer": url,
        "jwks_uri": f"{url}/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    bodies = {
        DISCOVERY_KEY: json.dumps(document).encode(),
        "openid/v1/jwks": rig.kube.raw("/openid/v1/jwks"),
    }
    for key, body in bodies.items():
        rig.boto("s3").put_object(Bucket="somebodys-site", Key=f"issuers/one/{key}", Body=body)


def test_a_pod_gets_its_role_by_an_issuer_that_was_there(existing):
    """Nothing is published and no flag is changed by irsa; the chain holds."""
    assert existing.plan()["changes"] == []
    _assert_a_pod_gets_its_role(existing)


def test_the_api_servers_are_left_alone(existing):
    """Every stage says that there is nothing to do."""
    root = existing.rig.status["apiServers"][0]["nodeDirectory"]
    ended = existing.rig.irsa(
        "issuer", "accept", "--config", str(existing.file), "--root", root, "--yes", check=False
    )
    assert ended.returncode == 3
    assert "nothing has to change" in ended.stderr


# A directory


@contextmanager
def _uploading(rig, directory, bucket):
    """Whatever lies in the directory is carried to the web server, all the time."""
    s3, end = rig.boto("s3"), threading.Event()

    def carry():
        seen = {}
        while not end.wait(PAUSE):
            for file in filter(Path.is_file, directory.rglob("*")):
                body, key = file.read_bytes(), str(file.relative_to(directory))
                if seen.get(key) != body:
                    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
                    seen[key] = body

    thread = threading.Thread(target=carry)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


@pytest.fixture(name="published", scope="module")
def _published(tmp_path_factory):
    """An API server whose issuer irsa writes into a directory, which somebody carries on."""
    directory = tmp_path_factory.mktemp("site")
    public = directory / "public"
    public.mkdir()
    with rig_up("published", tmp_path_factory.mktemp("rig")) as rig:
        url = public_bucket(rig, "static-host")
        issuer = {"publish": "directory", "url": url, "directory": "public"}
        with (
            _uploading(rig, public, "static-host"),
            site(rig, directory, "published", issuer=issuer, injection=_webhook()) as made,
        ):
            made.apply()
            _sign_with(rig, "--config", str(made.file))
            yield made
            made.destroy(*GATES)
            assert [*filter(Path.is_file, public.rglob("*"))] == []


def test_a_pod_gets_its_role_by_files_on_a_web_server(published):
    """Written by irsa, served by somebody else, and read back before anything depends on them."""
    public = published.file.parent / "public"
    written = {str(file.relative_to(public)) for file in public.rglob("*") if file.is_file()}
    assert written == {DISCOVERY_KEY, JWKS_KEY}
    assert published.plan()["changes"] == []
    _assert_a_pod_gets_its_role(published)


def test_files_that_are_not_carried_on_are_waited_for(published):
    """What the web server shows is what counts, not what lies in the directory."""
    s3, public = published.rig.boto("s3"), published.file.parent / "public"
    body = (public / JWKS_KEY).read_bytes()
    s3.delete_object(Bucket="static-host", Key=JWKS_KEY)
    put = {"Bucket": "static-host", "Key": JWKS_KEY, "Body": body}
    later = threading.Timer(3.0, s3.put_object, kwargs=put | {"ContentType": "application/json"})
    later.start()
    try:
        ended = published.apply()
    finally:
        later.join()
    assert "waiting: https://static-host.s3.eu-west-1.amazonaws.com/keys.json answers" in (
        ended.stderr
    )


# An issuer that moved


def test_what_an_earlier_issuer_left_is_shown_and_goes_when_asked(rig, tmp_path):
    """Its provider is gone, its bucket empty and private; a destroy finds it, too."""
    s3 = rig.boto("s3")
    with site(rig, tmp_path, "moved") as made:
        made.apply()
        made.write(issuer={"publish": "s3", "bucket": "moved-again"})
        said = " ".join(made.apply().stderr.split())
        assert f"OIDC provider https://{made.bucket}.s3.{REGION}.amazonaws.com is left over" in said
        assert f"{made.bucket}.s3" in _providers(rig)
        made.irsa("apply", "--yes", "--prune")
        assert f"{made.bucket}.s3" not in _providers(rig)
        assert "Versions" not in s3.list_object_versions(Bucket=made.bucket)
        assert made.irsa("plan", "--prune").stdout.strip() == "nothing to change"
    assert "moved-again.s3" not in _providers(rig)
    assert "Versions" not in s3.list_object_versions(Bucket="moved-again")
    s3.delete_bucket(Bucket="moved-again")


def _providers(rig):
    return json.dumps(rig.boto("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"])
