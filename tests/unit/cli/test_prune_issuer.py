"""`irsa apply --prune` where an issuer is left over: not while the cluster still signs with it."""

import pytest
from tests.fakes.cluster import SIGNING_KEY
from tests.fakes.stage import BUCKET, command_line, config_text, make_stage

OLD = f"https://{BUCKET}.s3.eu-west-1.amazonaws.com"
NEW = {"publish": "s3", "bucket": "prod-eu-moved"}
OVERRIDE = ("--override", "issuer-in-use", "--reason", "it is gone soon")


@pytest.fixture(name="stage")
def _stage():
    """The issuer moved to another bucket, and the roles with it."""
    stage = make_stage()
    stage.apply()
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, issuer=NEW).wish
    stage.apply()
    return stage


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch, issuer=NEW)


def test_an_issuer_that_is_in_use_is_a_gate(irsa, stage, capsys):
    """An API server that signs with it stops the prune; the override with a reason does not."""
    stage.kube.sign_with(OLD)
    assert irsa("apply", "--yes", "--prune") == 3
    assert f"still signs tokens with {OLD}" in capsys.readouterr().err
    assert len(stage.aws.providers) == 2
    assert irsa("apply", "--yes", "--prune", *OVERRIDE) == 0
    assert len(stage.aws.providers) == 1


def test_an_issuer_that_nobody_signs_with_goes(irsa, stage):
    """That is what --prune is for."""
    assert irsa("apply", "--yes", "--prune") == 0
    assert len(stage.aws.providers) == 1


def test_a_plain_apply_asks_nobody(irsa, stage):
    """Nothing goes."""
    stage.kube.sign_with(OLD)
    assert irsa("apply", "--yes") == 0
    assert len(stage.aws.providers) == 2


def test_a_provider_that_changes_does_not_go(irsa, stage):
    """The cluster signs with its issuer, as it should."""
    stage.kube.sign_with("https://prod-eu-moved.s3.eu-west-1.amazonaws.com")
    for provider in stage.aws.providers.values():
        provider["ClientIDList"] = ["sts.amazonaws.com", "theirs"]
    assert irsa("apply", "--yes") == 0


def test_a_cluster_that_is_not_seen_shuts_the_gate(irsa, stage, tmp_path, capsys):
    """Nobody knows what it signs with."""
    (tmp_path / "sa.pub").write_bytes(SIGNING_KEY.public.pem())
    issuer = NEW | {"keysFrom": ["sa.pub"]}
    text = config_text(stage.kube.cluster_uid(), issuer=issuer)
    (tmp_path / "irsa.yaml").write_text(text)
    prune = ("apply", "--yes", "--prune", "--only", "aws")
    assert irsa(*prune) == 3
    assert "--override issuer-in-use" in capsys.readouterr().err
    assert irsa(*prune, *OVERRIDE) == 0


def test_the_documents_of_an_existing_issuer_in_a_bucket_of_ours_are_a_gate(
    stage, tmp_path, monkeypatch, capsys
):
    """A destroy would take them away, whoever is said to publish them."""
    url = "https://prod-eu-moved.s3.eu-west-1.amazonaws.com"
    stage.kube.sign_with(url)
    existing = {"publish": "existing", "url": url}
    irsa = command_line(stage, tmp_path, monkeypatch, issuer=existing)
    sure = ("destroy", "--yes", "--confirm-name", "prod-eu")
    assert irsa(*sure) == 3
    assert f"still signs tokens with {url}" in capsys.readouterr().err
    assert irsa(*sure, *OVERRIDE) == 0
    assert stage.aws.providers == {}
