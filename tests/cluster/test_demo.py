"""The demo, as a newcomer runs it."""

import os
import secrets
import subprocess
import sys

import pytest

ENVIRONMENT = {
    # A newcomer's machine may have settings of its own; the demo must not care.
    "AWS_PROFILE": "somebody-elses",
    "AWS_SESSION_TOKEN": "left-over",
    "NO_COLOR": "1",
}


def _irsa(*arguments, environment=None):
    return subprocess.run(
        [sys.executable, "-m", "irsa", *arguments],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module", name="told")
def _told(tmp_path_factory):
    """One run of the demo: its name, its temporary directory and how it ended."""
    name = f"story-{secrets.token_hex(3)}"
    scratch = tmp_path_factory.mktemp("demo")
    return (
        name,
        scratch,
        _irsa("demo", "--name", name, environment={**ENVIRONMENT, "TMPDIR": str(scratch)}),
    )


def test_the_demo_ends_with_one_object_and_five_refusals(told):
    """A pod wrote with its own role, and every attack was refused with AWS's code."""
    _, _, ended = told
    assert ended.returncode == 0, ended.stderr
    assert "assumed-role/demo-default-s3-echoer" in ended.stderr
    for code in ("AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"):
        assert code in ended.stdout
    assert "5 attacks refused" in ended.stdout


def test_the_demo_leaves_nothing(told):
    """No rig, and no file in the temporary directory."""
    name, scratch, _ = told
    assert list(scratch.iterdir()) == []
    assert _irsa("local", "status", "--name", name).returncode != 0


def test_the_demo_prints_no_secret(told):
    """Neither a token nor a private key is anywhere in what it prints."""
    _, _, ended = told
    assert "PRIVATE KEY" not in ended.stdout + ended.stderr
    assert "eyJ" not in ended.stdout + ended.stderr
