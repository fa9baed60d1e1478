"""The demo, as a newcomer runs it, with somebody looking for secrets over its shoulder."""

import base64
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cluster import watched_demo
from tests.cluster.leaks import leaks

from irsa.identity.keys import KeyKind, SigningKey

pytestmark = pytest.mark.cluster

ENVIRONMENT = {
    # A newcomer's machine may have settings of its own; the demo must not care.
    "AWS_PROFILE": "somebody-elses",
    "AWS_SESSION_TOKEN": "left-over",
    "NO_COLOR": "1",
}
KEY = SigningKey.generate(KeyKind.ec_p256)


@dataclass(frozen=True, kw_only=True)
class Told:
    """One run of the demo: its name, its directories and how it ended."""

    name: str
    scratch: Path
    state: Path
    seen: Path
    ended: subprocess.CompletedProcess[str]

    @property
    def texts(self) -> dict[str, str]:
        """All that it printed, logged, wrote and sent."""
        files = {path.name: path.read_text(errors="replace") for path in self.seen.iterdir()}
        return files | {"stdout": self.ended.stdout, "stderr": self.ended.stderr}


def _run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module", name="told")
def _told(tmp_path_factory):
    name = f"story-{secrets.token_hex(3)}"
    scratch, state, seen = (tmp_path_factory.mktemp(one) for one in ("demo", "state", "seen"))
    places = {"TMPDIR": str(scratch), "XDG_STATE_HOME": str(state)}
    command = (watched_demo.__file__, str(seen), "demo", "--name", name)
    ended = _run(*command, **ENVIRONMENT, **places)
    return Told(name=name, scratch=scratch, state=state, seen=seen, ended=ended)


def test_the_demo_ends_with_one_object_and_five_refusals(told):
    """A pod wrote with its own role, and every attack was refused with AWS's code."""
    assert told.ended.returncode == 0, told.ended.stderr
    assert "assumed-role/demo-default-s3-echoer" in told.ended.stderr
    for code in ("AccessDenied", "InvalidIdentityToken", "ExpiredTokenException"):
        assert code in told.ended.stdout
    assert "5 attacks refused" in told.ended.stdout


def test_the_demo_leaves_nothing(told):
    """No rig, and no file in the temporary directory."""
    assert list(told.scratch.iterdir()) == []
    assert list(told.state.glob("irsa/rigs/*")) == []
    status = _run("-m", "irsa", "local", "status", "--name", told.name)
    assert status.returncode != 0


def test_no_secret_is_anywhere(told):
    """Nothing that the whole chain prints, logs, writes or sends holds a private key or a token."""
    texts = told.texts
    for what in ("calls.jsonl", "apiserver", "webhook", "controller"):  # it was really looked at
        assert any(what in name for name in texts), sorted(texts)
    assert "irsa-issuer" in texts["cluster.json"]
    assert "CreateOpenIDConnectProvider" in texts["plan.json"]
    assert {name: found for name, text in texts.items() if (found := leaks(text))} == {}


@pytest.mark.parametrize(
    "planted",
    [
        KEY.private_pem().decode(),
        KEY.private_pem().decode().replace("\n", "\\n"),
        base64.b64encode(KEY.private_pem()).decode(),
        f"Bearer {KEY.sign_jwt({'sub': 'system:serviceaccount:shop:web'})}",
    ],
    ids=["key", "key-in-json", "key-in-base64", "token"],
)
def test_a_planted_secret_is_found(told, planted):
    """The search is no comfort unless it finds what is there."""
    harmless = told.texts["cluster.json"]
    middle = len(harmless) // 2
    assert leaks(harmless[:middle] + planted + harmless[middle:])
