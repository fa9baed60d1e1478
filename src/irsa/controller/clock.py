"""
The controller's time: the API server's, for it judges the certificates; ours until it has spoken.

Never here: the clocks themselves.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from irsa.controller.metrics import State

logger = logging.getLogger(__name__)

# A `Date` knows seconds only, and an answer takes a moment.
TOLERATED = timedelta(seconds=30)


@dataclass(slots=True, kw_only=True)
class Clock:
    """
    Tells the time, and how far the own clock is off.

    Args:
        server: The API server's time; None while it has not spoken.
        local: The time of this machine.
        state: Where the difference is shown.
    """

    server: Callable[[], datetime | None]
    local: Callable[[], datetime]
    state: State
    _told: bool = False

    def now(self) -> datetime:
        """The time."""
        local, server = self.local(), self.server()
        if server is None:
            return local
        self.state.skew = server - local
        wrong = abs(self.state.skew) > TOLERATED
        if wrong and not self._told:
            text = "this clock and the API server's differ by %s; the API server's counts"
            logger.warning(text, abs(self.state.skew))
        self._told = wrong
        return server
