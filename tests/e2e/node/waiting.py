"""Waiting for what must come, with a deadline; and saying what goes on."""

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from irsa.errors import KubeError

T = TypeVar("T")
LOOK = 0.2
# The same for every process of a run: the first tells it the others.
BEGAN = "IRSA_NODE_BEGAN"


class Failed(Exception):  # noqa: N818 - what happened, not a kind of error
    """The run has shown that something is not as it must be."""


def say(text: str) -> None:
    """Tell the reader, with the seconds since the beginning."""
    began = os.environ.setdefault(BEGAN, str(time.monotonic()))
    sys.stderr.write(f"[{time.monotonic() - float(began):5.0f} s] {text}\n")
    sys.stderr.flush()


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Tell what is done, before it is done."""
    say(text)
    yield


def until(what: str, found: Callable[[], T | None], *, seconds: float) -> T:
    """
    The first answer that is something; while Kubernetes does not answer, it is asked again.

    Raises:
        Failed: None came in time.
    """
    deadline = time.monotonic() + seconds
    last = ""
    while True:
        try:
            answer = found()
        except KubeError as error:
            answer, last = None, f" ({error.message})"
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Failed(f"not within {seconds:.0f} s: {what}{last}")
        time.sleep(LOOK)
