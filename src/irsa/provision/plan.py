"""
Desired and observed, made into a plan.

Never here: reading, sending.
"""

from collections.abc import Sequence
from typing import Any

from irsa.provision.checks import Check
from irsa.provision.resource import Diff, Origin, Plan, Resource

Observations = Sequence[tuple[Resource[Any], Any]]


def build(
    observations: Observations, *, checks: tuple[Check, ...] = (), notes: tuple[str, ...] = ()
) -> Plan:
    """
    What makes everything as it should be.

    Args:
        observations: Every resource with what exists of it, in order.
        checks: What is waited for at the end.
        notes: What the reader should know besides.

    Raises:
        RefusedError: Something is somebody else's, or cannot be as it should.
    """
    return _join(_diffs(observations, removed=False), checks=checks, notes=notes)


def build_removal(observations: Observations) -> Plan:
    """
    What removes everything that is ours.

    Raises:
        RefusedError: Something cannot be removed safely.
    """
    return _join(_diffs(observations, removed=True))


def _diffs(observations: Observations, *, removed: bool) -> list[Diff]:
    return [
        Origin(resource=resource, removed=removed).diff(observed)
        for resource, observed in observations
    ]


def _join(
    diffs: Sequence[Diff], *, checks: tuple[Check, ...] = (), notes: tuple[str, ...] = ()
) -> Plan:
    return Plan(
        changes=tuple(change for diff in diffs for change in diff.changes),
        notes=(*notes, *(note for diff in diffs for note in diff.notes)),
        checks=checks,
    )
