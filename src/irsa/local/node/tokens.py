"""
The tokens of one pod: asked for when they are first needed, and again at 80 % of their life.

Never here: where they are written.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from irsa.errors import KubeError
from irsa.kube.client import IssuedToken
from irsa.local.node.volumes import LONGEST, RENEW_AT, Wanted


@dataclass(slots=True)
class _Held:
    token: str = field(repr=False)
    renew: float
    expires: float


class Tokens:
    """
    The tokens that one pod holds.

    Args:
        issue: Asks the API server for a token.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, issue: Callable[[Wanted], IssuedToken], clock: Callable[[], float] = time.time
    ) -> None:
        self._issue = issue
        self._clock = clock
        self._held: dict[Wanted, _Held] = {}
        self._lock = threading.Lock()

    def get(self, wanted: Wanted) -> str:
        """The token, new or still young; an old one as long as it lives when no new one comes."""
        with self._lock:
            held, now = self._held.get(wanted), self._clock()
            if held is not None and now < held.renew:
                return held.token
            try:
                held = self._fresh(wanted, now)
            except KubeError:
                if held is None or now >= held.expires:
                    raise
                held.renew = now + 1.0
            self._held[wanted] = held
            return held.token

    def next_renewal(self) -> float | None:
        """When the next one is due; None if there are none."""
        with self._lock:
            return min((held.renew for held in self._held.values()), default=None)

    def _fresh(self, wanted: Wanted, now: float) -> _Held:
        issued = self._issue(wanted)
        expires = issued.expires.timestamp()
        life = expires - now
        jitter = random.uniform(0, min(10.0, life / 100))  # noqa: S311 # spreads load, no secret
        renew = now + min(life * RENEW_AT, LONGEST) - jitter
        return _Held(token=issued.token, renew=renew, expires=expires)
