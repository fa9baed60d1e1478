"""
What a run that did not finish wrote to IAM a moment ago, by the audit log: it may not show yet.

A refusal tells of most of it, but not of all: a removal does not find what was just made, and what
was just removed and still shows is not made anew.
Never here: reading the log, waiting.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from irsa.provision.overtaken import REMOVALS

SECONDS = 30.0


class Cluster(msgspec.Struct, frozen=True):
    """The cluster of a run."""

    uid: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A line of the audit log, as far as it matters here."""

    time: datetime
    run: str
    event: str
    number: int = 0
    call: str = ""
    outcome: str = ""
    cluster: Cluster | None = None

    @property
    def is_of_iam(self) -> bool:
        """Whether it is a call to IAM."""
        return self.call.startswith("iam:")

    @property
    def removes(self) -> bool:
        """Whether the call takes something away."""
        return self.call.partition(":")[2].startswith(REMOVALS)


def unseen(lines: Iterable[bytes], *, uid: str, removing: bool, now: datetime) -> float:
    """
    For how many seconds IAM may not show yet what a run has to know.

    Args:
        lines: The audit log, or the end of it.
        uid: The cluster; runs for others do not count.
        removing: Whether the run is about to remove things.
        now: The time.
    """
    ages = (
        (now - call.time).total_seconds()
        for call in _unfinished(lines, uid)
        if call.is_of_iam and call.removes != removing
    )
    return max((SECONDS - max(age, 0.0) for age in ages if age < SECONDS), default=0.0)


def _unfinished(lines: Iterable[bytes], uid: str) -> Iterator[Entry]:
    """The calls that took effect, or may have, of runs that did not end well."""
    calls: dict[str, dict[int, Entry]] = {}
    others: set[str] = set()
    for entry in _entries(lines):
        match entry.event, entry.outcome:
            case "begin", _ if entry.cluster is None or entry.cluster.uid != uid:
                others.add(entry.run)
            case "call", _:
                calls.setdefault(entry.run, {})[entry.number] = entry
            case "outcome", "failed":
                calls.get(entry.run, {}).pop(entry.number, None)
            case "end", "done":
                calls.pop(entry.run, None)
    for run, made in calls.items():
        if run not in others:
            yield from made.values()


def _entries(lines: Iterable[bytes]) -> Iterator[Entry]:
    for line in lines:
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except msgspec.DecodeError:  # cut off by a kill, or where reading began
            continue
        if entry.time.tzinfo is not None:
            yield entry
