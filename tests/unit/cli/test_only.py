"""`--only`, and `plan --permissions`: each half without the other's door."""

import json

import pytest
from tests.fakes.cluster import SIGNING_KEY
from tests.fakes.stage import BUCKET, command_line, config_text, make_stage

from irsa.cli import session

GATES = ("--override", "pods-in-use", "--override", "issuer-in-use", "--reason", "retired")


@pytest.fixture(name="stage")
def _stage():
    return make_stage()


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch)


@pytest.fixture(name="from_files")
def _from_files(irsa, stage, tmp_path):
    """A configuration with public key files instead of the cluster's word."""
    (tmp_path / "sa.pub").write_bytes(SIGNING_KEY.public.pem())
    issuer = {"publish": "s3", "bucket": BUCKET, "keysFrom": ["sa.pub"]}
    text = config_text(stage.kube.cluster_uid(), issuer=issuer)
    (tmp_path / "irsa.yaml").write_text(text)
    return irsa


def _shut(monkeypatch, door):
    def refuse(*_, **__):
        raise AssertionError(f"{door} was opened")

    monkeypatch.setattr(session, door, refuse)


@pytest.mark.parametrize("parts", ["aws", "issuer,provider,roles"])
def test_the_aws_half_needs_no_cluster(from_files, stage, monkeypatch, parts, capsys):
    """Public key files are enough: the kubeconfig is never opened."""
    _shut(monkeypatch, "open_kube")
    assert from_files("plan", "--only", parts) == 0
    assert "the cluster is not looked at" in " ".join(capsys.readouterr().out.split())
    assert from_files("apply", "--yes", "--only", parts) == 0
    assert (len(stage.aws.roles), len(stage.aws.providers)) == (2, 1)
    assert from_files("plan", "--only", parts, "--detailed-exitcode") == 0


@pytest.mark.parametrize("parts", ["cluster", "service-accounts,injection"])
def test_the_cluster_half_needs_no_aws(irsa, stage, monkeypatch, parts):
    """Names follow from the configuration: AWS is never called."""
    _shut(monkeypatch, "open_aws")
    assert irsa("apply", "--yes", "--only", parts) == 0
    assert irsa("plan", "--only", parts, "--detailed-exitcode") == 0
    assert stage.aws.empty
    assert irsa("destroy", "--yes", "--confirm-name", "prod-eu", "--only", parts) == 0


def test_both_halves_are_the_whole(irsa, stage):
    """One after the other leaves nothing to plan."""
    assert irsa("apply", "--yes", "--only", "aws") == 0
    assert irsa("apply", "--yes", "--only", "cluster") == 0
    assert stage.plan().changes == ()


def test_roles_alone_need_no_keys(irsa, stage, monkeypatch):
    """Nor the cluster, wherever the keys come from."""
    stage.apply()
    _shut(monkeypatch, "open_kube")
    assert irsa("plan", "--only", "roles", "--detailed-exitcode") == 0


def test_an_unseen_cluster_shuts_the_gates_of_destroy(from_files, stage, monkeypatch, capsys):
    """Nobody knows whether pods use the roles: only an override with a reason passes."""
    stage.apply()
    _shut(monkeypatch, "open_kube")
    sure = ("--yes", "--confirm-name", "prod-eu", "--only", "aws")
    assert from_files("destroy", *sure) == 3
    assert "issuer-in-use, pods-in-use" in capsys.readouterr().err
    assert len(stage.aws.roles) == 2
    assert from_files("destroy", *sure, *GATES) == 0
    assert (stage.aws.roles, stage.aws.providers) == ({}, {})


def test_the_bucket_goes_only_with_the_provider(irsa, stage, capsys):
    """Else it would trust a name that anybody may take."""
    stage.apply()
    sure = ("--yes", "--confirm-name", "prod-eu", "--delete-bucket")
    assert irsa("destroy", *sure, "--only", "issuer") == 3
    assert "--only issuer,provider" in capsys.readouterr().err
    assert BUCKET in stage.aws.buckets


def test_an_unknown_part_is_refused(irsa, capsys):
    """And the parts that there are, are named."""
    assert irsa("plan", "--only", "everything") == 65
    assert "service-accounts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "action"),
    [
        ([], "iam:CreateRole"),
        (["--for", "apply", "--only", "issuer"], "s3:PutBucketPolicy"),
        (["--for", "destroy"], "s3:DeleteBucketPolicy"),
        (["--for", "destroy", "--delete-bucket"], "s3:DeleteBucket"),
        (["--for", "verify"], "iam:DeleteRolePolicy"),
    ],
)
def test_permissions_are_a_policy(irsa, stage, options, action, capsys):
    """Nothing but the policy on stdout, and nothing is changed."""
    assert irsa("plan", "--permissions", *options) == 0
    policy = json.loads(capsys.readouterr().out)
    assert policy["Version"] == "2012-10-17"
    assert action in [one for entry in policy["Statement"] for one in entry["Action"]]
    assert stage.aws.calls == []


def test_the_cluster_half_needs_no_permissions(irsa, capsys):
    """In AWS."""
    assert irsa("plan", "--permissions", "--only", "cluster") == 0
    assert json.loads(capsys.readouterr().out)["Statement"] == []


@pytest.mark.parametrize(
    "options",
    [["--for", "verify"], ["--delete-bucket"], ["--permissions", "--out", "x"]],
)
def test_options_that_do_not_go_together_are_refused(irsa, options):
    """Instead of being ignored."""
    assert irsa("plan", *options) == 65


def test_a_policy_that_is_too_long_is_warned_of(irsa, stage, tmp_path, capsys):
    """AWS takes so many characters in one policy."""
    roles = [{"serviceAccounts": [f"shop/account-{number}"]} for number in range(150)]
    text = config_text(stage.kube.cluster_uid(), roles=roles)
    (tmp_path / "irsa.yaml").write_text(text)
    assert irsa("plan", "--permissions", "--only", "roles") == 0
    assert "a managed policy may have 6144" in capsys.readouterr().err
