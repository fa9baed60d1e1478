"""`irsa init` where only one half can be seen: the cluster without AWS, AWS without the cluster."""

import pytest
from tests.fakes.aws import ACCOUNT, REGION
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY
from tests.unit.cli.test_init import Surroundings

from irsa.errors import AwsError, KubeError
from irsa.kube.client import Kube

UID = "6f0c2a0e-58b1-4c83-9a57-0d6f1f9f2b11"
SURE = ("--yes", "--name", "prod-eu", "--region", REGION)


@pytest.fixture(name="world")
def _world(tmp_path, monkeypatch):
    return Surroundings(tmp_path, monkeypatch)


def _unreachable(error):
    def refuse(*_, **__):
        raise error

    return refuse


@pytest.fixture(name="no_aws")
def _no_aws(world, monkeypatch):
    """Not from here."""
    assert world.aws is not None
    error = AwsError("there are no AWS credentials", hint="log in")
    monkeypatch.setattr("irsa.aws.client.Aws.open", _unreachable(error))


@pytest.fixture(name="no_cluster")
def _no_cluster(world, monkeypatch):
    """Not from here."""
    assert world.kube is not None
    monkeypatch.setattr(Kube, "open", _unreachable(KubeError("there is no kubeconfig")))


@pytest.fixture(name="keys")
def _keys(tmp_path):
    """The public keys of a cluster, beside the configuration and elsewhere."""
    (tmp_path / "keys").mkdir()
    files = (tmp_path / "sa.pub", tmp_path / "keys" / "old.pub")
    for file, key in zip(files, (SIGNING_KEY, OLD_KEY), strict=True):
        file.write_bytes(key.public.pem())
    return tuple(word for file in files for word in ("--public-key", str(file)))


@pytest.mark.usefixtures("no_aws")
def test_the_clusters_half_needs_no_aws(world, capsys):
    """The account is named; what was not looked at is said, and which half can be planned."""
    assert world.init(*SURE, "--account", ACCOUNT, "--service-account", "shop/web") == 0
    found = world.config()
    assert (found.aws.account, found.cluster.uid) == (ACCOUNT, world.kube.cluster_uid())
    said = " ".join(capsys.readouterr().err.split())
    assert f"AWS was not looked at: account {ACCOUNT} is taken as it is given" in said
    assert "--only cluster` shows what would be made" in said


@pytest.mark.usefixtures("no_cluster")
def test_the_aws_half_needs_no_cluster(world, keys, capsys):
    """Uid and keys are given; the keys are named as seen from the configuration."""
    assert world.init(*SURE, "--uid", UID, *keys, "--service-account", "shop/web") == 0
    found = world.config()
    assert (found.cluster.uid, found.cluster.context) == (UID, None)
    assert found.issuer.keys_from == ("sa.pub", "keys/old.pub")
    said = " ".join(capsys.readouterr().err.split())
    assert "the cluster was not looked at: its uid and its keys are taken as they are given" in said
    assert "--only aws` shows what would be made" in said


@pytest.mark.usefixtures("no_aws", "no_cluster")
def test_neither_is_needed_by_who_knows_all(world, keys):
    """A file can be written on a train."""
    assert world.init(*SURE, "--uid", UID, *keys, "--account", ACCOUNT) == 0
    assert world.config().aws.account == ACCOUNT


@pytest.mark.usefixtures("no_aws")
def test_without_aws_the_way_without_it_is_named(world, capsys):
    """Beside the usual hint."""
    assert world.init(*SURE) == 4
    assert "log in; or without AWS: --account NUMBER" in capsys.readouterr().err
    assert not world.file.exists()


@pytest.mark.usefixtures("no_cluster")
def test_without_a_cluster_the_way_without_it_is_named(world, capsys):
    """With all that it takes."""
    assert world.init(*SURE) == 5
    assert "without the cluster: --uid UID --public-key FILE" in capsys.readouterr().err
    assert not world.file.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--uid", UID), "--uid needs --public-key"),
        (("--account", "12"), "--account: '12'"),
        (("--uid", "no"), "--uid: 'no'"),
    ],
    ids=["no keys", "no account", "no uid"],
)
def test_half_an_answer_is_refused(world, options, named, capsys):
    """With what is missing, or wrong."""
    assert world.init(*SURE, *options) == 65
    assert named in capsys.readouterr().err


def test_keys_of_a_cluster_that_is_seen_are_not_asked_for(world, keys, capsys):
    """Those that are seen signing are better."""
    assert world.init(*SURE, *keys) == 65
    assert "--public-key needs --uid" in capsys.readouterr().err


def test_a_file_without_a_key_is_refused(world, tmp_path, capsys):
    """Now, and not by the first plan."""
    (tmp_path / "no.pub").write_text("no key")
    assert world.init(*SURE, "--uid", UID, "--public-key", str(tmp_path / "no.pub")) == 65
    assert "no.pub" in capsys.readouterr().err
