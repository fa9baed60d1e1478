"""
All connections together: how many, who is too slow, and who has to go when there is no room.

Never here: HTTP, answers.
"""

import time
from collections.abc import Callable, Iterator
from typing import Protocol

from irsa.webhook.limits import Limits

# Most reviews fit in, and so are parsed in one go.
_BUFFER = 256 * 1024


class Connection(Protocol):
    """What is looked after; `due` is when its patience with the client ends."""

    due: float
    used_at: float
    held: int

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        ...

    def expire(self) -> None:
        """Its time is over."""
        ...

    def close(self) -> None:
        """Close it if it is idle, and otherwise after its answer."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...

    def refuse(self, status: int, reason: str) -> None:
        """Answer what is not complete with an error, and end."""
        ...


class Connections:
    """
    The connections of a server.

    Args:
        limits: What they may take.
        clock: Seconds, as the connections' own.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.clock = clock
        self.date = _date()
        self.buffer = memoryview(bytearray(_BUFFER))
        self._all: set[Connection] = set()
        self._held = 0

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._all))

    def add(self, connection: Connection) -> None:
        """One more; if that is one too many, the one that has been idle longest goes."""
        self._all.add(connection)
        if len(self._all) > self.limits.connections:
            idle = (other for other in self if other.is_idle and other is not connection)
            min(idle, key=lambda other: other.used_at, default=connection).abort()

    def remove(self, connection: Connection) -> None:
        """One has ended."""
        self._all.discard(connection)
        self.hold(connection, 0)

    def hold(self, connection: Connection, size: int) -> None:
        """Note how much of a body a connection holds; too much of all costs the oldest its own."""
        self._held += size - connection.held
        connection.held = size
        if self._held > self.limits.held:
            holding = (other for other in self if other.held)
            min(holding, key=lambda other: other.due).refuse(503, "too many bodies at a time")

    def sweep(self) -> None:
        """End what is too slow."""
        now = self.clock()
        for connection in self:
            if connection.due <= now:
                connection.expire()
        self.date = _date()


def _date() -> bytes:
    # No locale is ever set, so the names are English.
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
