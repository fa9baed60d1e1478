"""
A container's probes over time: when it counts as started, as ready, and when it must be restarted.

Never here: how a probe is done, threads, clocks.
"""

from collections.abc import Mapping
from typing import Any

# Until a probe has succeeded for the first time it is tried this often: a rig is for waiting less.
EAGER = 0.1


class Track:
    """
    One probe of one run.

    Args:
        probe: Its spec; None counts as passed.
        began: When the run began.
    """

    def __init__(self, probe: Mapping[str, Any] | None, began: float) -> None:
        self.probe = probe
        self.passed = probe is None
        self.failed = False
        self._period = float((probe or {}).get("periodSeconds") or 10)
        self._failures_wanted = (probe or {}).get("failureThreshold") or 3
        self._successes_wanted = (probe or {}).get("successThreshold") or 1
        self._successes = self._failures = 0
        self._ever = False
        self._counted = began + float((probe or {}).get("initialDelaySeconds") or 0)
        self.due = self._counted

    def note(self, success: bool, now: float) -> None:
        """Take one result into account."""
        if success:
            self._successes, self._failures = self._successes + 1, 0
            if self._successes >= self._successes_wanted:
                self.passed, self._ever = True, True
        else:
            self._successes = 0
            self._count_failure(now)
        self.due = now + (self._period if self._ever else min(EAGER, self._period))

    def _count_failure(self, now: float) -> None:
        """A failure counts once a period, however often we looked."""
        if now - self._counted < self._period and not self._ever:
            return
        self._counted = now
        self._failures += 1
        if self._failures >= self._failures_wanted:
            self.passed, self.failed = False, True


class Health:
    """The three probes of one run of a container."""

    def __init__(self, container: Mapping[str, Any], began: float) -> None:
        self._container = container
        self._startup = Track(container.get("startupProbe"), began)
        self._later: tuple[Track, Track] | None = None
        self._settle(began)

    @property
    def started(self) -> bool:
        """Whether it has started."""
        return self._startup.passed

    @property
    def ready(self) -> bool:
        """Whether it may be sent traffic."""
        return self._later is not None and self._later[1].passed

    @property
    def must_restart(self) -> bool:
        """Whether it has to be ended and started again."""
        return self._startup.failed or (self._later is not None and self._later[0].failed)

    def next(self) -> Track | None:
        """The probe that is due next; None if there is nothing to look at."""
        tracks = [self._startup] if self._later is None else list(self._later)
        return min((t for t in tracks if t.probe), key=lambda track: track.due, default=None)

    def note(self, track: Track, success: bool, *, now: float) -> None:
        """Take one result into account."""
        track.note(success, now)
        self._settle(now)

    def _settle(self, now: float) -> None:
        if self._startup.passed and self._later is None:
            liveness = Track(self._container.get("livenessProbe"), now)
            self._later = (liveness, Track(self._container.get("readinessProbe"), now))
