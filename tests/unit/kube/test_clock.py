"""The API server's clock, from the dates of its answers."""

from datetime import UTC, datetime, timedelta

import pytest

from irsa.kube.clock import ServerClock

DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def test_it_goes_on_between_answers() -> None:
    """By seconds that do not jump, from what was heard last."""
    at = 100.0
    clock = ServerClock(ticks=lambda: at)
    assert clock.now() is None
    clock.hear(DATE)
    at += 90
    assert clock.now() == NOON + timedelta(seconds=90)
    clock.hear(DATE)
    assert clock.now() == NOON


@pytest.mark.parametrize("date", [None, "", "yesterday", "Tue, 99 Nov 2026 12:00:00 GMT"])
def test_what_is_no_date_changes_nothing(date: str | None) -> None:
    """A proxy that takes the header out does not stop the clock."""
    clock = ServerClock(ticks=lambda: 0.0)
    clock.hear(date)
    assert clock.now() is None
    clock.hear(DATE)
    clock.hear(date)
    assert clock.now() == NOON


def test_a_date_without_a_zone_is_utc() -> None:
    """HTTP knows no other."""
    clock = ServerClock(ticks=lambda: 0.0)
    clock.hear("Tue, 24 Nov 2026 12:00:00 -0000")
    assert clock.now() == NOON
