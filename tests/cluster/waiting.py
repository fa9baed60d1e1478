"""Waiting for what becomes true, with a deadline that a busy machine does not miss."""

import time
from collections.abc import Callable
from typing import Any

SECONDS = 150.0


def until(condition: Callable[[], Any], what: str = "it", *, seconds: float = SECONDS) -> Any:
    """What a condition gives, once it gives something true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
    return found
