"""`irsa local up --only aws`: the local AWS by itself, for anybody's tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(name="irsa", scope="module")
def _irsa(tmp_path_factory):
    """A function that runs `irsa local`; the rig it may have brought up ends at the end."""
    home = tmp_path_factory.mktemp("alone")
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_STATE_HOME": str(home)}

    def run(*arguments, env=base, code=0):
        command = [sys.executable, "-m", "irsa", "local", *arguments, "--name", "alone"]
        ended = subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == code, ended.stderr
        return ended.stdout if code == 0 else ended.stderr

    run("up", "--only", "aws", "--region", "eu-isoe-west-1", "--delay", "iam=5s")
    yield run
    run("down")
    assert list((home / "irsa/rigs").iterdir()) == []


@pytest.fixture(name="env", scope="module")
def _env(irsa):
    """The variables that `irsa local env` exports."""
    lines = irsa("env").splitlines()
    pairs = (line.removeprefix("export ").split("=", 1) for line in lines if "=" in line)
    return {name: text.strip("'") for name, text in pairs}


def test_only_variables_of_aws_are_printed(env):
    """Nothing for kubectl."""
    assert set(env) == {
        "HTTPS_PROXY", "NO_PROXY", "AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "IRSA_AUDIT_LOG",
    }  # fmt: skip
    assert env["AWS_REGION"] == "eu-isoe-west-1"


def test_the_aws_cli_works_with_them_and_is_logged(irsa, env):
    """In the partition of the region; the log tells the call."""
    program = str(Path(sys.executable).with_name("aws"))
    ended = subprocess.run(
        [program, "sts", "get-caller-identity", "--output", "json"],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(ended.stdout)["Arn"].startswith("arn:aws-iso-e:iam::111122223333:user/")
    assert "sts:GetCallerIdentity" in irsa("log", "--aws")
    assert irsa("log").split() == ["aws", "supervisor"]


def test_its_status_has_no_kubernetes(irsa):
    """But delays, which can be changed while it runs."""
    assert "AWS alone" in irsa("status")
    assert irsa("delay", "jwks=1m").split() == ["iam=5s", "jwks=60s"]
    status = json.loads(irsa("status", "--output", "json"))
    assert (status["kubernetes"], status["delays"]) == (None, {"iam": 5, "jwks": 60})


def test_a_rig_without_kubernetes_is_not_taken_for_one_with(irsa):
    """`up` does nothing for a rig that is up, but this is another wish."""
    assert "is up with AWS alone" in irsa("up", code=8)
    assert irsa("up", "--only", "aws") == ""


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (["--api-servers", "1"], 64), (["--kubernetes", "v1.36.3"], 64), (["--account", "1"], 65),
        (["--region", "x"], 65), (["--delay", "iam"], 65),
    ],
    ids=["servers", "version", "account", "region", "delay"],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(irsa, wrong, code):
    """Before anything is started."""
    assert "irsa: error:" in irsa("up", "--only", "aws", *wrong, code=code)
