"""The demo, as a newcomer runs it."""

import os
import subprocess
import sys

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


def test_the_demo_ends_with_one_object_and_five_refusals(rig_name, tmp_path):
    """The whole story, then nothing is left of it."""
    environment = {**ENVIRONMENT, "TMPDIR": str(tmp_path)}
    ended = _irsa("demo", "--name", rig_name, environment=environment)
    assert ended.returncode == 0, ended.stderr
    assert "assumed-role/demo-s3-echoer" in ended.stdout.replace("\n", "")
    for code in ("AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"):
        assert code in ended.stdout
    assert "5 attacks refused" in ended.stdout
    assert list(tmp_path.iterdir()) == []
    status = _irsa("local", "status", "--name", rig_name)
    assert status.returncode != 0


def test_nothing_secret_is_printed(rig_name):
    """Neither a token nor a private key is anywhere in what the demo prints."""
    ended = _irsa("demo", "--name", rig_name)
    everything = ended.stdout + ended.stderr
    assert "PRIVATE KEY" not in everything
    assert "eyJ" not in everything
