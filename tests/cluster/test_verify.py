"""`irsa verify` on a cluster whose whole chain stands."""

import json
import signal
import subprocess
import sys
import time

import pytest
from tests.cluster.limited import limited, without
from tests.cluster.rigs import rig_up

from irsa.local.network import free_ports

pytestmark = pytest.mark.cluster

CONFIG = """\
apiVersion: irsa/v1
cluster: {{name: proof, uid: {uid}}}
aws: {{account: "{account}", region: {region}}}
issuer: {{publish: s3, bucket: proof-issuer}}
injection: {{engine: webhook, webhook: {{replicas: 1, hostNetwork: true, port: {port}}}}}
roles:
- serviceAccounts: [default/writer]
  name: proof-writer
  inlinePolicy:
    Version: "2012-10-17"
    Statement: [{{Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::proof-target/*"}}]
- serviceAccounts: [default/reader]
  name: proof-reader
  policies: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess]
"""


@pytest.fixture(scope="module", name="chain")
def _chain(tmp_path_factory):
    """A rig with everything applied, whose API server signs with the public issuer."""
    directory = tmp_path_factory.mktemp("chain")
    with rig_up("chain", tmp_path_factory.mktemp("rig")) as rig:
        yield rig, _applied(rig, directory)


def _applied(rig, directory):
    status = rig.status
    config = directory / "irsa.yaml"
    config.write_text(
        CONFIG.format(
            uid=rig.kube.cluster_uid(),
            account=status["account"],
            region=status["region"],
            port=free_ports(1)[0],
        )
    )
    rig.boto("s3").create_bucket(
        Bucket="proof-target",
        CreateBucketConfiguration={"LocationConstraint": status["region"]},
    )
    node = status["apiServers"][0]["nodeDirectory"]
    options = ["--config", str(config), "--yes"]
    rig.irsa("apply", *options)
    rig.irsa("issuer", "accept", "--root", node, *options)
    rig.irsa("issuer", "activate", "--root", node, "--ack-external-consumers", *options)
    return config


def _verify(rig, config, *arguments, check=True, **variables):
    return rig.irsa(
        "verify",
        "--config",
        str(config),
        "--proxy",
        rig.env["HTTPS_PROXY"],
        "--ca-bundle",
        rig.env["AWS_CA_BUNDLE"],
        *arguments,
        check=check,
        **variables,
    )


def _made_for_verification(rig):
    """Everything that a verification makes, as far as it is there."""
    roles = rig.boto("iam").list_roles(PathPrefix="/irsa-verify/")["Roles"]
    buckets = rig.boto("s3").list_buckets()["Buckets"]
    objects = [
        found
        for api_version, kind in (
            ("batch/v1", "Job"),
            ("v1", "ConfigMap"),
            ("v1", "ServiceAccount"),
        )
        for found in rig.kube.list(
            api_version, kind, namespace="default", label_selector="irsa/verify"
        )
    ]
    return (
        [role["RoleName"] for role in roles]
        + [bucket["Name"] for bucket in buckets if bucket["Name"].startswith("irsa-verify")]
        + [found["metadata"]["name"] for found in objects]
    )


def test_a_pod_writes_with_its_own_role_and_s3_vouches_for_it(chain):
    """With nothing given, role, bucket and ServiceAccount are temporary, and gone afterwards."""
    rig, config = chain
    proof = json.loads(_verify(rig, config, "--output", "json").stdout)
    assert proof["vouched_by"] == "s3"
    assert ":assumed-role/irsa-verify-" in proof["caller"]
    assert proof["size"] > 0
    assert _made_for_verification(rig) == []


def test_a_verification_needs_no_more_than_is_printed(chain):
    """Run as a user who holds just the permissions that `irsa plan --permissions` prints."""
    rig, config = chain
    options = ("--config", str(config), "--permissions", "--for", "verify")
    printed = json.loads(rig.irsa("plan", *options).stdout)
    with limited(rig, "verifier") as user:
        user.allow(printed)
        _verify(rig, config, **user.variables)
        user.allow(without(printed, "iam:TagRole"))
        refused = _verify(rig, config, check=False, **user.variables)
    assert refused.returncode == 4
    assert "the permission iam:TagRole" in refused.stderr
    assert _made_for_verification(rig) == []


def test_a_given_service_account_writes_to_a_given_bucket(chain):
    """The role of the configuration is the one that writes; the object is removed again."""
    rig, config = chain
    ended = _verify(
        rig, config, "--service-account", "default/writer", "--bucket", "proof-target", "-o", "json"
    )
    assert ":assumed-role/proof-writer/" in json.loads(ended.stdout)["caller"]
    assert "Contents" not in rig.boto("s3").list_objects_v2(Bucket="proof-target")


def test_a_role_that_may_not_write_is_told_with_the_answer_of_aws(chain):
    """A refusal by S3 is a failed proof, with AWS's own words, and nothing is left."""
    rig, config = chain
    arguments = ("--service-account", "default/reader", "--bucket", "proof-target")
    ended = _verify(rig, config, *arguments, check=False)
    assert ended.returncode == 9
    assert "AccessDenied" in ended.stderr
    assert _made_for_verification(rig) == []


def test_a_pod_without_a_role_is_told_apart(chain):
    """An unannotated ServiceAccount is found out by its pod, not by a time-out."""
    rig, config = chain
    rig.kube.apply(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "plain", "namespace": "default"},
        }
    )
    arguments = ("--service-account", "default/plain", "--bucket", "proof-target")
    ended = _verify(rig, config, *arguments, check=False)
    assert ended.returncode == 9
    assert "without a role" in ended.stderr


def test_a_killed_verification_is_swept_by_the_next(chain, tmp_path):
    """After SIGKILL in the middle, the next run removes what was left."""
    rig, config = chain
    process = subprocess.Popen(
        [sys.executable, "-m", "irsa", "verify", "--config", str(config)],
        env=rig.env,
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        deadline = time.monotonic() + 60
        while not _made_for_verification(rig):
            assert time.monotonic() < deadline, "the verification never made anything"
            assert process.poll() is None, "the verification ended too early"
        process.send_signal(signal.SIGKILL)
    assert _made_for_verification(rig)
    _verify(rig, config)
    assert _made_for_verification(rig) == []


@pytest.fixture(name="late")
def _late(chain):
    """An IAM that knows of a change three seconds later."""
    rig, _ = chain
    rig.irsa("local", "delay", "--name", rig.name, "iam=3s")
    yield
    rig.irsa("local", "delay", "--name", rig.name, "iam=0s")


@pytest.mark.usefixtures("late")
def test_apply_waits_for_what_iam_does_not_know_yet(chain, tmp_path):
    """A role that was made a moment ago gets its policies; the wait is told."""
    rig, config = chain
    policy = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    more = f"- {{serviceAccounts: [default/late], policies: ['{policy}']}}\n"
    (tmp_path / "irsa.yaml").write_text(config.read_text() + more)
    ended = rig.irsa("apply", "--config", str(tmp_path / "irsa.yaml"), "--yes")
    assert "waiting: the new role is not known everywhere yet (NoSuchEntity)" in ended.stderr
    held = rig.boto("iam").get_waiter("role_exists")
    held.wait(RoleName="proof-default-late", WaiterConfig={"Delay": 1, "MaxAttempts": 10})


@pytest.mark.usefixtures("late")
def test_verify_waits_for_what_iam_does_not_know_yet(chain):
    """Its own role, that role's policy, and their end: told, and nothing is left."""
    rig, config = chain
    ended = _verify(rig, config, "--output", "json")
    assert json.loads(ended.stdout)["vouched_by"] == "s3"
    assert "waiting: the new role is not known everywhere yet (NoSuchEntity)" in ended.stderr
    assert "waiting: IAM still sees policies on the role (DeleteConflict)" in ended.stderr
    rig.irsa("local", "delay", "--name", rig.name, "iam=0s")
    assert _made_for_verification(rig) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--service-account", "default/writer"], "--bucket"),
        (["--service-account", "writer", "--bucket", "b"], "NAMESPACE/NAME"),
        (["--ca-bundle", "missing.pem"], "missing.pem"),
    ],
    ids=["no bucket", "no namespace", "no bundle"],
)
def test_wrong_options_are_refused(chain, arguments, words):
    """Bad input is exit code 65 and names the value or what is missing."""
    rig, config = chain
    ended = rig.irsa("verify", "--config", str(config), *arguments, check=False)
    assert ended.returncode == 65
    assert words in ended.stderr
