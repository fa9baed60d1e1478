"""
Where the handler asks what a ServiceAccount grants.

Never here: Kubernetes calls.
"""

import enum
from collections.abc import Callable
from typing import Protocol

from irsa.errors import IrsaError
from irsa.injection.grants import Verdict


class LookupFailedError(IrsaError):
    """It could not be found out what a ServiceAccount grants; its pods are not patched."""


class Unknown(enum.Enum):
    """Instead of a verdict: nobody has seen that ServiceAccount yet."""

    unknown = enum.auto()


UNKNOWN = Unknown.unknown


class Directory(Protocol):
    """Answers what a ServiceAccount grants, wherever that is known from."""

    def known(self, namespace: str, name: str) -> Verdict | Unknown:
        """What a ServiceAccount grants, as `find`, if that can be told at once."""
        ...

    async def find(self, namespace: str, name: str, *, patience: float) -> Verdict:
        """
        What a ServiceAccount grants; None if it grants nothing or does not exist.

        Args:
            namespace: The ServiceAccount's namespace.
            name: The ServiceAccount's name.
            patience: How many seconds the answer may take.

        Raises:
            LookupFailedError: It is not known and could not be read in time.
        """
        ...


def key(namespace: str, name: str) -> str:
    """What a ServiceAccount is kept under."""
    return f"{namespace}/{name}"


class Cache:
    """
    Every ServiceAccount of the cluster and what it grants, in memory.

    `heard_at` is when the API server last said anything about them, on the clock that counts
    seconds whatever happens to the time of day (`time.monotonic`).
    `trouble` is why it says nothing, if that is so.

    Args:
        replaced: Told after each complete list.
    """

    def __init__(self, *, replaced: Callable[[], None] = lambda: None) -> None:
        self._verdicts: dict[str, Verdict] = {}
        self._replaced = replaced
        self.synced = False
        self.heard_at: float | None = None
        self.trouble = ""

    def __len__(self) -> int:
        return len(self._verdicts)

    def knows(self, namespace: str, name: str) -> bool:
        """Whether the ServiceAccount has been seen, whatever it grants."""
        return key(namespace, name) in self._verdicts

    def get(self, namespace: str, name: str) -> Verdict:
        """What the ServiceAccount grants, as far as has been seen."""
        return self._verdicts.get(key(namespace, name))

    def put(self, namespace: str, name: str, verdict: Verdict) -> None:
        """Note what a ServiceAccount grants."""
        self._verdicts[key(namespace, name)] = verdict

    def drop(self, namespace: str, name: str) -> None:
        """Forget a ServiceAccount that was deleted."""
        self._verdicts.pop(key(namespace, name), None)

    def replace(self, verdicts: dict[str, Verdict]) -> None:
        """Take a complete list, by `key`: what is not in it has been deleted unseen."""
        self._verdicts = verdicts
        self.synced = True
        self._replaced()
