"""The time, as the API writes it."""

from datetime import UTC, datetime


def now() -> str:
    """This second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
