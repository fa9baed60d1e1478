"""The guards of every command that writes."""

import pytest
from tests.fakes.aws import FakeAws
from tests.fakes.kube import FakeKube
from tests.fakes.stage import config_text, make_config

from irsa.aws.client import Identity
from irsa.cli import session
from irsa.errors import ConfigError, InputError, RefusedError


class _Aws(FakeAws):
    def __init__(self, account="111122223333", partition="aws"):
        super().__init__()
        self._who = Identity(account=account, arn="arn:of:somebody", partition=partition)

    def identity(self):
        return self._who


def test_the_right_cluster_passes():
    """By the uid of kube-system."""
    kube = FakeKube()
    session.check_cluster(make_config(kube.cluster_uid()), kube)


def test_another_cluster_is_refused():
    """Whatever its name and its address."""
    config = make_config("6f0c9a52-8e1d-4c55-9d3a-0a9c2f6b7d11")
    with pytest.raises(RefusedError, match=r"is not 'prod-eu': .* has the uid") as caught:
        session.check_cluster(config, FakeKube())
    assert caught.value.exit_code == 3
    assert "--context" in caught.value.hint


def test_the_right_account_passes():
    """Account and partition."""
    session.check_account(make_config(FakeKube().cluster_uid()), _Aws())


@pytest.mark.parametrize(
    ("aws", "message"),
    [
        (_Aws(account="999999999999"), "belong to account 999999999999"),
        (_Aws(partition="aws-us-gov"), "belong to the partition aws-us-gov"),
    ],
    ids=["account", "partition"],
)
def test_another_account_or_partition_is_refused(aws, message):
    """Before anything is changed."""
    with pytest.raises(RefusedError, match=message):
        session.check_account(make_config(FakeKube().cluster_uid()), aws)


def test_a_configuration_is_read(tmp_path):
    """From its file."""
    file = tmp_path / "irsa.yaml"
    file.write_text(config_text("6f0c9a52-8e1d-4c55-9d3a-0a9c2f6b7d11"))
    assert session.load(file).cluster.name == "prod-eu"


def test_a_missing_configuration_is_named(tmp_path):
    """With its path."""
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        session.load(tmp_path / "nowhere.yaml")


def test_a_wrong_configuration_is_an_error(tmp_path):
    """Of the configuration, not of a key."""
    file = tmp_path / "irsa.yaml"
    file.write_text("clutser: {}")
    with pytest.raises(ConfigError):
        session.load(file)


def test_the_bundle_for_documents_is_that_of_the_calls(monkeypatch, tmp_path):
    """AWS_CA_BUNDLE, as boto3 has it."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    with pytest.raises(InputError, match=r"nothing\.pem"):
        session.open_web()


def test_a_missing_configuration_tells_how_to_make_one(tmp_path):
    """The first thing that everybody sees who tries a command too early."""
    with pytest.raises(InputError, match="there is no configuration") as caught:
        session.load(tmp_path / "irsa.yaml")
    assert "irsa init writes one" in caught.value.hint
