"""
IAM as it is seen: a while behind what it is, where the settings say so.

A change is judged by both: it must fit what is seen (a role made a moment ago is not there yet,
one that was deleted still is), and what is so (a name is taken at once).
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
Never here: the settings, and what is done with IAM.
"""

import copy
from datetime import UTC, datetime, timedelta

from moto.iam.models import IAMBackend

_PARTS = ("roles", "users", "access_keys", "open_id_providers", "managed_policies")
_ALWAYS = datetime.min.replace(tzinfo=UTC)


class Past:
    """What IAM was like, and since when; empty as long as nothing is late."""

    def __init__(self) -> None:
        self._states: list[tuple[datetime, IAMBackend]] = []

    def seen(self, truth: IAMBackend, *, now: datetime, delay: float) -> IAMBackend:
        """IAM as it was that many seconds ago; the truth itself if that is all there is."""
        if not delay:
            self._states.clear()
        due = now - timedelta(seconds=delay)
        while len(self._states) > 1 and self._states[1][0] <= due:
            del self._states[0]
        return self._states[0][1] if self._states else truth

    def before(self, truth: IAMBackend) -> None:
        """The first change is about to be made: what was before is seen for a while."""
        if not self._states:
            self._states.append((_ALWAYS, copied(truth)))

    def after(self, truth: IAMBackend, now: datetime) -> None:
        """A change was made."""
        self._states.append((now, copied(truth)))


def copied(iam: IAMBackend) -> IAMBackend:
    """IAM as it is now; AWS's own policies, which never change, are shared."""
    policies = iam.managed_policies
    shared = {id(one): one for arn, one in policies.items() if ":iam::aws:" in arn}
    parts = copy.deepcopy([getattr(iam, name) for name in _PARTS], shared)
    state = copy.copy(iam)
    for name, part in zip(_PARTS, parts, strict=True):
        setattr(state, name, part)
    return state
