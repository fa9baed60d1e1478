"""Profiles that assume a role: plan, apply and destroy run as that role, for real."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cluster.limited import limited
from tests.cluster.sites import site

pytestmark = pytest.mark.cluster

ROLE = "deployer"
NUMBER = "their-number"


@contextmanager
def _deployer(rig):
    """A role that its account may assume, whoever knows the number."""
    account, iam = rig.status["account"], rig.boto("iam")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": NUMBER}},
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    made = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    everything = {"PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    iam.attach_role_policy(RoleName=ROLE, **everything)
    try:
        yield made["Role"]["Arn"]
    finally:
        iam.detach_role_policy(RoleName=ROLE, **everything)
        iam.delete_role(RoleName=ROLE)


@pytest.fixture(name="made")
def _made(rig, tmp_path, monkeypatch):
    """A site whose configuration names a profile; the user behind it may only assume the role."""
    with _deployer(rig) as role, limited(rig, "deploying") as user:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
        user.allow({"Version": "2012-10-17", "Statement": [statement]})
        file = tmp_path / "config"
        file.write_text(_profiles(role, **user.variables))
        monkeypatch.setitem(rig.env, "AWS_CONFIG_FILE", str(file))
        with site(rig, tmp_path, "profiled") as made:
            made.sections["aws"] = _aws(rig, "deploy")
            made.write()
            yield made


def _profiles(role, *, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY):  # noqa: N803 # variables
    assumed = f"source_profile = base\nrole_arn = {role}\n"
    return (
        f"[profile base]\naws_access_key_id = {AWS_ACCESS_KEY_ID}\n"
        f"aws_secret_access_key = {AWS_SECRET_ACCESS_KEY}\n"
        f"[profile deploy]\n{assumed}external_id = {NUMBER}\nrole_session_name = ci\n"
        f"[profile guess]\n{assumed}external_id = wrong\n"
    )


def _aws(rig, profile):
    return {"account": rig.status["account"], "region": "eu-west-1", "profile": profile}


def _callers(rig, since):
    lines = Path(rig.status["aws"]["log"]).read_text().splitlines()[since:]
    return {one["caller"] for one in map(json.loads, lines)} - {"anonymous"}


def test_all_is_done_as_the_assumed_role(made):
    """Plan, apply and destroy: the user behind the profile does nothing but assume it."""
    rig = made.rig
    session = f"arn:aws:sts::{rig.status['account']}:assumed-role/{ROLE}/ci"
    since = len(Path(rig.status["aws"]["log"]).read_text().splitlines())
    made.apply()
    assert made.plan()["changes"] == []
    made.destroy()
    assert _callers(rig, since) == {session, f"arn:aws:iam::{rig.status['account']}:user/deploying"}
    lines = Path(rig.env["IRSA_AUDIT_LOG"]).read_text().splitlines()
    began = [one for one in map(json.loads, lines) if one["event"] == "begin"]
    assert [one["caller"] for one in began[-2:]] == [session, session]


def test_a_role_that_may_not_be_assumed_is_named(made):
    """With the permission that is missing, and nothing is changed."""
    made.write(aws=_aws(made.rig, "guess"))
    ended = made.irsa("plan", check=False)
    assert ended.returncode == 4
    assert "sts:AssumeRole" in ended.stderr
    assert ROLE in ended.stderr
