"""
One JSON line a review: what was asked, what became of it, and how long it took.

Written past the logging machinery, which takes as long as the review itself. Never in a line: a
token, a pod's body.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from irsa.webhook.handler import Outcome, Reply

STDERR = 2
_LOGGER = "irsa.webhook.reviews"
_LEVELS = {Outcome.failed: "error", Outcome.refused: "warning", Outcome.malformed: "warning"}


class _Line(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """A line; the first four fields are those of every other line of the log."""

    time: str
    level: str
    logger: str = _LOGGER
    message: str = "review"
    uid: str
    namespace: str
    service_account: str
    pod: str
    outcome: str
    ms: float
    reason: str | msgspec.UnsetType


_encode = msgspec.json.Encoder().encode


def to_stderr(line: bytes) -> None:
    """Where a pod's log goes; a log that nobody takes must not end the process."""
    try:
        os.write(STDERR, line)
    except OSError:
        return


class Journal:
    """
    The log of reviews.

    Lines of reviews that are answered together are written together.

    Args:
        write: Takes whole lines.
        clock: The time, in seconds since 1970.
        soon: Has something done when what is under way is done.
    """

    def __init__(
        self,
        write: Callable[[bytes], None] = to_stderr,
        *,
        clock: Callable[[], float] = time.time,
        soon: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._write = write
        self._clock = clock
        self._soon = soon
        self._lines: list[bytes] = []
        self._second, self._begin = 0, "1970-01-01T00:00:00"

    def note(self, reply: Reply, seconds: float) -> None:
        """Write the line of one review."""
        line = _Line(
            time=self._time(),
            level=_LEVELS.get(reply.outcome, "info"),
            uid=reply.uid,
            namespace=reply.namespace,
            service_account=reply.service_account,
            pod=reply.pod,
            outcome=reply.outcome.value,
            ms=round(seconds * 1000, 3),
            reason=reply.reason or msgspec.UNSET,
        )
        self._lines.append(_encode(line) + b"\n")
        if self._soon is None:
            self.flush()
        elif len(self._lines) == 1:
            self._soon(self.flush)

    def _time(self) -> str:
        """As every other line has it; only the part below a second is made for each."""
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._begin = datetime.fromtimestamp(second, UTC).isoformat().partition("+")[0]
        return f"{self._begin}.{int((now - second) * 1000):03d}+00:00"

    def flush(self) -> None:
        """Write what was noted."""
        lines, self._lines = self._lines, []
        self._write(b"".join(lines))
