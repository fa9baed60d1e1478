"""
The API server's clock, as its answers tell it.

Certificates are judged by the API server: whoever issues them for it goes by its time, whatever
the own clock says.
Never here: requests.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class ServerClock:
    """
    Goes on from the last `Date` that was heard; between two answers by the monotonic clock.

    Args:
        ticks: Seconds that never jump.
    """

    def __init__(self, *, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._heard: tuple[datetime, float] | None = None

    def hear(self, date: str | None) -> None:
        """Take the value of a `Date` header; one that says nothing changes nothing."""
        try:
            moment = parsedate_to_datetime(date or "")
        except ValueError:
            return
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        self._heard = aware.astimezone(UTC), self._ticks()

    def now(self) -> datetime | None:
        """The API server's time, to a second; None before the first answer."""
        if self._heard is None:
            return None
        moment, at = self._heard
        return moment + timedelta(seconds=self._ticks() - at)
