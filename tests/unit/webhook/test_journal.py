"""One JSON line a review."""

import json
import os

import pytest

from irsa.webhook import journal
from irsa.webhook.handler import Outcome, Reply
from irsa.webhook.journal import Journal

REPLY = Reply(
    body=b"the whole answer",
    outcome=Outcome.mutated,
    uid="u",
    namespace="shop",
    service_account="web",
    pod="web-*",
)


def test_line_says_who_what_and_how_long() -> None:
    """As every other line of the log begins, and no more of the pod than its name."""
    lines: list[bytes] = []
    Journal(lines.append, clock=lambda: 1_790_000_000.1239).note(REPLY, 0.0123456)
    assert json.loads(lines[0]) == {
        "time": "2026-09-21T14:13:20.123+00:00",
        "level": "info",
        "logger": "irsa.webhook.reviews",
        "message": "review",
        "uid": "u",
        "namespace": "shop",
        "serviceAccount": "web",
        "pod": "web-*",
        "outcome": "mutated",
        "ms": 12.346,
    }
    assert lines[0].endswith(b"}\n")


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        (Outcome.failed, "error"),
        (Outcome.refused, "warning"),
        (Outcome.malformed, "warning"),
        (Outcome.no_role, "info"),
    ],
)
def test_level_says_who_must_act(outcome: Outcome, level: str) -> None:
    """Our own failure is an error; what others wrote wrong is a warning, with its reason."""
    lines: list[bytes] = []
    reply = Reply(body=b"", outcome=outcome, reason="why\nnot")
    Journal(lines.append).note(reply, 0.0)
    assert (line := json.loads(lines[0]))["level"] == level
    assert line["reason"] == "why\nnot"
    assert lines[0].count(b"\n") == 1


def test_lines_of_one_moment_are_written_together() -> None:
    """One call for all of them, and none is kept back."""
    written: list[bytes] = []
    waiting: list = []
    noted = Journal(written.append, soon=waiting.append)
    noted.note(REPLY, 0.1)
    noted.note(REPLY, 0.2)
    assert (written, len(waiting)) == ([], 1)
    waiting.pop()()
    assert written[0].count(b"\n") == 2
    noted.note(REPLY, 0.3)
    assert len(waiting) == 1


def test_log_that_nobody_takes_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed stderr costs the lines, not the reviews."""
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(journal, "STDERR", writing)
    Journal().note(REPLY, 0.1)
    os.close(writing)
