"""The documents as files: written whole, never without a key that was there, read back."""

import json
import os
from pathlib import Path

import pytest
from tests.fakes.cluster import OLD_KEY
from tests.fakes.killing import KilledError
from tests.fakes.stage import make_stage

from irsa.errors import InputError, RefusedError, WebError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.provision import audit
from irsa.provision import disk as disks
from irsa.provision.apply import run
from irsa.provision.disk import Disk
from irsa.web import Document

URL = "https://id.example.com/prod"


class Served:
    """A web server that shows the directory at the issuer's URL."""

    def __init__(self, root):
        self.root = root

    def get(self, url):
        file = self.root / url.removeprefix(f"{URL}/")
        status, body = (200, file.read_bytes()) if file.exists() else (404, b"")
        return Document(url=url, status=status, content_type="application/json", body=body)


@pytest.fixture(name="root")
def _root(tmp_path):
    root = tmp_path / "public"
    root.mkdir()
    (root / "index.html").write_text("somebody else's")
    return root


@pytest.fixture(name="published")
def _published(root):
    issuer = {"publish": "directory", "url": URL, "directory": str(root)}
    stage = make_stage(issuer=issuer)
    stage.web = Served(root)
    return stage


def _kids(root):
    return {key.kid for key in jwks.parse((root / "keys.json").read_bytes(), "keys.json")}


def _files(root):
    return sorted(str(one.relative_to(root)) for one in root.rglob("*") if one.is_file())


def test_the_two_files_are_written_and_the_provider_is_made(published, root):
    """Below the directory, for everybody to read; no bucket is made."""
    published.apply()
    assert _files(root) == [".well-known/openid-configuration", "index.html", "keys.json"]
    assert json.loads((root / ".well-known/openid-configuration").read_bytes())["issuer"] == URL
    assert (root / "keys.json").stat().st_mode & 0o777 == 0o644
    assert published.aws.buckets == {}
    assert list(published.aws.providers) == [
        "arn:aws:iam::111122223333:oidc-provider/id.example.com/prod"
    ]


def test_a_second_plan_is_empty(published):
    """The documents are canonical: the same keys are the same bytes."""
    published.apply()
    assert published.plan().changes == ()


def test_a_key_that_is_published_stays(published, root):
    """Whoever put it there."""
    (root / "keys.json").write_bytes(jwks.build((OLD_KEY.public,)))
    published.apply()
    assert _kids(root) == {OLD_KEY.public.kid, published.wish.keys[0].kid}


def test_a_destroy_removes_the_two_files_only(published, root):
    """What else is in the directory is somebody else's."""
    published.apply()
    published.destroy()
    assert _files(root) == ["index.html"]
    assert published.plan_removal().changes == ()


def test_nothing_depends_on_files_that_nobody_can_read(published):
    """A directory that is not served yet: the provider is not made."""
    published.web = Served(Path("/nonexistent"))
    with pytest.raises(WebError, match="answers 404"):
        published.apply()
    assert published.aws.providers == {}
    assert [one for one in published.said if "answers 404" in one]


def test_files_of_another_issuer_are_refused_and_left_alone(published, root):
    """Neither overwritten nor removed."""
    other = IssuerUrl.parse("https://other.example.com")
    body = discovery.build(other, (OLD_KEY.public,))
    (root / ".well-known").mkdir()
    (root / ".well-known/openid-configuration").write_bytes(body)
    with pytest.raises(RefusedError, match="is the document of another issuer"):
        published.plan()
    assert [one for one in published.destroy().notes if one.endswith("left alone")]
    assert (root / ".well-known/openid-configuration").read_bytes() == body


def test_a_jwks_that_cannot_be_understood_is_refused(published, root):
    """It may hold keys that tokens are verified with."""
    (root / "keys.json").write_text("{")
    with pytest.raises(RefusedError, match=r"the JWKS in .*keys\.json cannot be understood"):
        published.plan()


def test_what_changed_since_the_plan_is_not_overwritten(published, root):
    """Two people at once lose no key: the second is told to run it again."""
    plan = published.plan()
    (root / "keys.json").write_bytes(jwks.build((OLD_KEY.public,)))
    with pytest.raises(RefusedError, match="was changed by somebody else meanwhile"):
        published.run(plan)
    published.apply()
    assert _kids(root) == {OLD_KEY.public.kid, published.wish.keys[0].kid}


def test_a_missing_directory_is_not_made(published, root):
    """A misspelt name would be published nowhere."""
    issuer = {"publish": "directory", "url": URL, "directory": str(root / "a" / "b")}
    uid = published.wish.config.cluster.uid
    published.wish = make_stage(issuer=issuer, cluster={"name": "prod-eu", "uid": uid}).wish
    with pytest.raises(InputError, match="cannot make the directory"):
        published.apply()


def test_the_directory_is_relative_to_the_configuration(published, root):
    """Wherever the command is run."""
    issuer = {"publish": "directory", "url": URL, "directory": root.name}
    uid = published.wish.config.cluster.uid
    published.wish = make_stage(issuer=issuer, cluster={"name": "prod-eu", "uid": uid}).wish
    published.apply(base=str(root.parent))
    assert "keys.json" in _files(root)


@pytest.mark.parametrize("at", range(4))
def test_killed_at_any_write_it_converges(published, root, monkeypatch, at):
    """Before and after each of the two files."""
    count = iter(range(10))

    def killed(path, data, **_):
        if next(count) == at:
            raise KilledError
        path.write_bytes(data)
        if next(count) == at:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(disks.files, "write_atomic", killed)
        with pytest.raises(KilledError):
            published.apply()
    published.apply()
    assert published.plan().changes == ()
    assert _kids(root) == {published.wish.keys[0].kid}


def test_a_file_that_cannot_be_removed_is_an_error(tmp_path):
    """With the reason."""
    directory = tmp_path / "a"
    directory.mkdir()
    with pytest.raises(InputError, match="cannot re"):
        Disk().remove(str(directory), before=b"")


def test_a_write_leaves_nothing_beside_the_file(tmp_path):
    """Neither a lock nor a temporary file."""
    Disk().write(str(tmp_path / "keys.json"), b"1", before=None)
    Disk().write(str(tmp_path / "keys.json"), b"2", before=b"1")
    assert os.listdir(tmp_path) == ["keys.json"]  # noqa: PTH208 # the names alone


def test_every_file_is_in_the_audit_log(published, tmp_path):
    """Named before it is written, and never with its content."""
    log = tmp_path / "audit.jsonl"
    with audit.run(log, "apply") as trail:
        list(run(published.plan(), audit.audited(published.world, trail)))
        list(run(published.plan_removal(), audit.audited(published.world, trail)))
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    calls = [(one["call"], Path(one["target"]).name) for one in entries if "file:" in str(one)]
    assert calls == [
        ("file:write", "keys.json"),
        ("file:write", "openid-configuration"),
        ("file:remove", "openid-configuration"),
        ("file:remove", "keys.json"),
    ]
    assert "kty" not in log.read_text()
