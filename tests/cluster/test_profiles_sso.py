"""Profiles of AWS single sign-on: plan, apply and destroy, and what is said when it is over."""

import contextlib
from pathlib import Path

import pytest
from tests.cluster.sign_on import LogIn, sections
from tests.cluster.sites import site

pytestmark = pytest.mark.cluster

ROLE = "AWSReservedSSO_AdministratorAccess_"
USER = "developer@example.com"


@pytest.fixture(name="login")
def _login(rig, tmp_path, monkeypatch):
    """A home directory in which nobody is logged in yet; the environment has no keys."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        rig.boto("iam")  # the administrator's client is made while they are there
        monkeypatch.delitem(rig.env, name)
    config = tmp_path / "config"
    config.write_text(sections(rig.status["account"]))
    monkeypatch.setitem(rig.env, "AWS_CONFIG_FILE", str(config))
    monkeypatch.setitem(rig.env, "HOME", str(tmp_path))
    with contextlib.ExitStack() as stack:
        yield LogIn(rig, tmp_path, stack)


@pytest.fixture(name="made")
def _made(rig, login, tmp_path, monkeypatch):  # noqa: ARG001 # the environment has no keys
    """A site whose configuration names the profile `new`; at the end it has the keys again."""
    with site(rig, tmp_path, "signed-on") as made:
        _choose(made, "new")
        yield made
        del made.sections["aws"]
        monkeypatch.undo()


def _choose(made, profile):
    account = made.rig.status["account"]
    made.sections["aws"] = {"account": account, "region": "eu-west-1", "profile": profile}
    made.write()


def _refused(made, *arguments):
    """A plan that AWS refuses, with one sentence and a hint."""
    ended = made.irsa("plan", *arguments, check=False)
    assert ended.returncode == 4, ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    return ended


@pytest.mark.parametrize("profile", ["new", "old"])
def test_all_is_done_as_the_permission_sets_role(made, login, profile):
    """Plan, apply and destroy; the token is in nothing that was said or written."""
    _choose(made, profile)
    login.begin(profile)
    said = [made.irsa("plan"), made.apply()]
    assert made.plan()["changes"] == []
    said.append(made.destroy())
    audit = Path(made.rig.env["IRSA_AUDIT_LOG"]).read_text()
    assert f":assumed-role/{ROLE}" in audit
    assert f"/{USER}" in audit
    log = Path(made.rig.status["aws"]["log"]).read_text()
    everything = audit + log + "".join(one.stdout + one.stderr for one in said)
    assert [one for one in login.secrets(profile) if one in everything] == []


@pytest.mark.parametrize("profile", ["new", "old"])
def test_whoever_is_not_logged_in_is_told_how(made, profile):
    """With the profile's name."""
    _choose(made, profile)
    ended = _refused(made)
    assert "nobody is logged in by AWS single sign-on" in ended.stderr
    assert f"aws sso login --profile {profile}" in ended.stderr


@pytest.mark.parametrize("profile", ["new", "old"])
def test_a_session_that_was_ended_elsewhere_is_said_so(made, login, profile):
    """Its time is not up; `--debug` shows no token either."""
    _choose(made, profile)
    login.begin(profile)
    login.revoke(profile)
    ended = _refused(made)
    assert "the AWS single sign-on session has ended" in ended.stderr
    assert f"aws sso login --profile {profile}" in ended.stderr
    debugged = made.rig.irsa("--debug", "plan", "--config", str(made.file), check=False)
    assert debugged.returncode == 4
    seen = ended.stdout + ended.stderr + debugged.stdout + debugged.stderr
    assert [one for one in login.secrets(profile) if one in seen] == []


def test_a_session_whose_time_is_up_is_said_so(made, login):
    """The older form cannot refresh its token."""
    _choose(made, "old")
    login.begin("old")
    login.let_pass("old")
    ended = _refused(made)
    assert "the AWS single sign-on session has ended" in ended.stderr
    assert "aws sso login --profile old" in ended.stderr


def test_a_token_whose_time_is_up_is_refreshed(made, login):
    """As long as the session lasts, nobody notices."""
    login.begin("new")
    before = login.token("new")["accessToken"]
    login.let_pass("new")
    made.irsa("plan")
    assert login.token("new")["accessToken"] != before


def test_a_token_that_cannot_be_refreshed_is_said_so(made, login):
    """The session was ended, and the token's time is up."""
    login.begin("new")
    login.revoke("new")
    login.let_pass("new")
    ended = _refused(made)
    assert "the AWS single sign-on session has ended" in ended.stderr
    assert "aws sso login --profile new" in ended.stderr
    assert [one for one in login.secrets("new") if one in ended.stderr] == []


def test_a_permission_set_that_nobody_gave_is_said_so(made, login, rig):
    """The portal forbids it; the profile and its two lines are named."""
    config = Path(rig.env["AWS_CONFIG_FILE"])
    config.write_text(sections(rig.status["account"], role="Missing"))
    login.begin("new")
    ended = _refused(made)
    assert "does not give the profile new its account and role" in ended.stderr
    assert "sso_role_name" in ended.stderr
