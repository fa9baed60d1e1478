"""
Desired and observed, made into a plan.

Never here: reading, sending.
"""

from collections.abc import Sequence
from typing import Any

from irsa.provision.checks import Check
from irsa.provision.resource import Diff, Plan, Resource, Written

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
    diffs = [resource.changes(observed) for resource, observed in observations]
    written = _written(observations, diffs, removed=False)
    return _join(diffs, written, checks=checks, notes=notes)


def build_removal(observations: Observations) -> Plan:
    """
    What removes everything that is ours.

    Raises:
        RefusedError: Something cannot be removed safely.
    """
    diffs = [resource.removal(observed) for resource, observed in observations]
    return _join(diffs, _written(observations, diffs, removed=True))


def _written(
    observations: Observations, diffs: Sequence[Diff], *, removed: bool
) -> tuple[Written, ...]:
    return tuple(
        Written(resource=resource, removed=removed)
        for (resource, _), diff in zip(observations, diffs, strict=True)
        if any(change.late for change in diff.changes)
    )


def _join(
    diffs: Sequence[Diff],
    written: tuple[Written, ...],
    *,
    checks: tuple[Check, ...] = (),
    notes: tuple[str, ...] = (),
) -> Plan:
    return Plan(
        changes=tuple(change for diff in diffs for change in diff.changes),
        notes=(*notes, *(note for diff in diffs for note in diff.notes)),
        checks=checks,
        written=written,
    )
