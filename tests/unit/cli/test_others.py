"""Things of somebody else, on the command line: what is printed, and what has to be allowed."""

import copy
import json

import pytest
from tests.fakes.aws import Bucket
from tests.fakes.stage import BUCKET, command_line, make_stage

PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com/eu"
ROLE = "arn:aws:iam::111122223333:role/theirs"
SHARED = {
    "publish": "s3",
    "bucket": BUCKET,
    "prefix": "eu",
    "manageBucket": False,
    "provider": "shared",
}
WRITES = ("iam:Create", "iam:Delete", "iam:Tag", "s3:Create", "s3:DeleteBucket", "s3:PutBucket")


def _stage():
    stage = make_stage()
    keys = ("keys.json", ".well-known/openid-configuration")
    policy = " ".join(f"arn:aws:s3:::{BUCKET}/eu/{key}" for key in keys)
    stage.aws.buckets[BUCKET] = Bucket(policy=json.dumps(policy))
    stage.aws.providers[PROVIDER] = {"Url": "x", "ClientIDList": ["theirs"], "Tags": []}
    stage.aws.roles["theirs"] = {
        "RoleName": "theirs",
        "Path": "/",
        "AssumeRolePolicyDocument": {"Statement": [{"Sid": "Ec2", "Effect": "Allow"}]},
        "Tags": [],
        "attached": [],
        "inline": {},
    }
    return stage


def _irsa(stage, tmp_path, monkeypatch, management):
    role = {"serviceAccounts": ["shop/web"], "name": "theirs", "management": management}
    return command_line(stage, tmp_path, monkeypatch, issuer=SHARED, roles=[role])


@pytest.fixture(name="stage")
def _stage_fixture():
    return _stage()


def _allowed(printed):
    return {
        action: statement["Resource"]
        for statement in json.loads(printed)["Statement"]
        for action in statement["Action"]
    }


@pytest.mark.parametrize("purpose", ["apply", "destroy"])
def test_the_permissions_reach_no_further_than_one_statement(
    stage, tmp_path, monkeypatch, capsys, purpose
):
    """The trust policy of that role, and nothing that makes or removes what is not irsa's."""
    irsa = _irsa(stage, tmp_path, monkeypatch, "trust-only")
    assert irsa("plan", "--permissions", "--for", purpose) == 0
    allowed = _allowed(capsys.readouterr().out)
    assert allowed["iam:UpdateAssumeRolePolicy"] == [ROLE]
    assert ROLE in allowed["iam:GetRole"]
    assert [action for action in allowed if action.startswith(WRITES)] == []


def test_the_statement_for_an_owner_can_be_copied(stage, tmp_path, monkeypatch, capsys):
    """Whole, on lines of its own, and nothing is changed."""
    irsa = _irsa(stage, tmp_path, monkeypatch, "external")
    before = copy.deepcopy(stage.aws.roles)
    assert irsa("apply", "--yes") == 0
    said = capsys.readouterr().err
    start = said.index("{\n", said.index("role theirs does not let shop/web in"))
    statement, _ = json.JSONDecoder().raw_decode(said[start:])
    assert statement["Principal"] == {"Federated": PROVIDER}
    assert stage.aws.roles == before


def test_a_destroy_leaves_it_all_as_it_was(stage, tmp_path, monkeypatch):
    """Bucket, provider and role are the same, but for the audience that was added."""
    irsa = _irsa(stage, tmp_path, monkeypatch, "trust-only")
    roles, buckets = copy.deepcopy(stage.aws.roles), copy.deepcopy(stage.aws.buckets)
    assert irsa("apply", "--yes") == 0
    assert stage.aws.roles != roles
    assert irsa("destroy", "--confirm-name", "prod-eu") == 0
    assert stage.aws.roles == roles
    assert stage.aws.buckets == buckets
    assert stage.aws.providers[PROVIDER]["ClientIDList"] == ["theirs", "sts.amazonaws.com"]
