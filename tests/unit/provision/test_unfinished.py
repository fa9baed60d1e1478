"""What the audit log tells of a run that did not finish."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from irsa.provision.unfinished import SECONDS, unseen

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
UID = "6f0c0d3e-27b5-4b6c-9d2f-0f3b8d1f4c11"
BEGIN = {"event": "begin", "cluster": {"name": "prod-eu", "uid": UID}}
MADE = {"event": "call", "number": 1, "call": "iam:CreateRole"}
REMOVED = {"event": "call", "number": 1, "call": "iam:DeleteRole"}
DONE = {"event": "outcome", "number": 1, "outcome": "done"}
FAILED = {"event": "outcome", "number": 1, "outcome": "failed"}
KILLED = {"event": "end", "outcome": "interrupted"}
ENDED = {"event": "end", "outcome": "done"}


def _log(*entries, ago=5.0, run="one"):
    time = (NOW - timedelta(seconds=ago)).isoformat(timespec="milliseconds")
    return [json.dumps({"time": time, "run": run} | entry).encode() for entry in entries]


def _unseen(lines, *, removing=True):
    return unseen(lines, uid=UID, removing=removing, now=NOW)


@pytest.mark.parametrize(
    ("removing", "entries"),
    [
        (True, [BEGIN, MADE]),
        (True, [BEGIN, MADE, DONE]),
        (True, [BEGIN, MADE, DONE, KILLED]),
        (False, [BEGIN, REMOVED, DONE]),
        (True, [MADE]),
    ],
)
def test_what_a_killed_run_wrote_needs_the_rest_of_its_time(removing, entries):
    """A removal has to find what was made, an apply what was removed."""
    assert _unseen(_log(*entries), removing=removing) == SECONDS - 5


@pytest.mark.parametrize(
    ("removing", "entries"),
    [
        (True, []),
        (True, [BEGIN, MADE, DONE, ENDED]),
        (True, [BEGIN, MADE, FAILED, KILLED]),
        (True, [BEGIN, REMOVED, DONE]),
        (False, [BEGIN, MADE, DONE]),
        (True, [BEGIN, MADE | {"call": "s3:PutObject"}]),
        (True, [BEGIN | {"cluster": {"name": "prod-eu", "uid": "another"}}, MADE]),
        (True, [BEGIN | {"cluster": None}, MADE]),
    ],
)
def test_all_else_is_no_reason_to_wait(removing, entries):
    """What ended well has waited itself; what was refused is not there."""
    assert _unseen(_log(*entries), removing=removing) == 0


def test_what_is_long_ago_shows():
    """Nobody waits for it."""
    assert _unseen(_log(BEGIN, MADE, ago=SECONDS + 1)) == 0


def test_the_latest_call_counts_of_several_runs():
    """The youngest needs the longest."""
    lines = [*_log(BEGIN, MADE, ago=20), *_log(BEGIN, MADE, ago=2, run="two")]
    assert _unseen(lines) == SECONDS - 2


def test_a_clock_that_went_back_makes_nobody_wait_longer():
    """Whatever the log says."""
    assert _unseen(_log(BEGIN, MADE, ago=-3600)) == SECONDS


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"time": 1}', b"\xff\x00", b"{}"])
def test_a_line_that_is_none_is_left_out(line):
    """A kill may cut one off, and reading begins in the middle of one."""
    assert _unseen([line, *_log(BEGIN, MADE)]) == SECONDS - 5
