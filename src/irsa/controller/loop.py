"""
Look, decide, do, and again: the controller's tasks, each for itself.

A short period instead of watches: four small reads every few seconds heal everything, whatever
happened to it, and there is nothing to resume. A task that fails keeps no other from its work, and
pauses longer each time where the API server is overloaded or away.
Never here: what the tasks do.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from irsa.controller import secrets
from irsa.controller.certificates import Controller
from irsa.controller.held import NotOurTurnError, is_overload
from irsa.controller.lease import Lease
from irsa.controller.metrics import State
from irsa.controller.reconcile import Observed
from irsa.errors import IrsaError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Controller", "Rounds", "Task", "note_expiries"]

logger = logging.getLogger(__name__)

PERIOD = 5.0
LONGEST_PAUSE = 30.0
SAY_AGAIN = 60.0
LEASE = "lease"


@dataclass(slots=True, kw_only=True)
class Task:
    """
    What is done again and again while the Lease is held.

    Args:
        name: Its name in logs and metrics.
        work: Does it once.
        every: At least so many seconds lie between.
    """

    name: str
    work: Callable[[], object]
    every: float = 0.0
    _due: float = 0.0
    _pause: float = 0.0

    def is_due(self, at: float) -> bool:
        """Whether it is to be done now."""
        return at >= self._due

    def succeeded(self, at: float) -> None:
        """Do it again after the usual time."""
        self._due, self._pause = at + self.every, 0.0

    def failed(self, at: float, *, period: float, overloaded: bool) -> None:
        """Do it again soon; later each time, if the API server has too much to do."""
        longer = min(max(self._pause * 2, period), LONGEST_PAUSE)
        self._pause = longer if overloaded else period
        self._due = at + self._pause


@dataclass(slots=True, kw_only=True)
class Rounds:
    """
    The controller's work, again and again.

    Args:
        lease: Who holds it does it.
        state: What is shown of it.
        clock: The time.
        tasks: What is done.
        period: Seconds between rounds.
        ticks: Seconds that never jump.
    """

    lease: Lease
    state: State
    clock: Callable[[], datetime]
    tasks: tuple[Task, ...] = ()
    period: float = PERIOD
    ticks: Callable[[], float] = time.monotonic
    _said: dict[str, tuple[str, float]] = field(default_factory=dict)
    _doing: list[Task] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop; whatever fails is told and tried again."""
        while not stop.is_set():
            self._round()
            stop.wait(self.period)
        if self.state.leading:
            _release(self.lease)

    def _round(self) -> None:
        self.state.beat()
        with self._attempt(LEASE):
            held = self.lease.hold(self.clock())
            if held != self.state.leading:
                logger.info("acting" if held else "another controller holds the Lease")
            self.state.leading = held
        self._do_what_is_due()

    def meanwhile(self) -> None:
        """In the middle of long work: whatever else is due is not kept waiting for its end."""
        self.state.beat()
        self._do_what_is_due()

    def _do_what_is_due(self) -> None:
        for task in self.tasks:
            if task in self._doing or not self.lease.is_held() or not task.is_due(self.ticks()):
                continue
            self._doing.append(task)
            with self._attempt(task.name, task):
                task.work()
            self._doing.pop()

    @contextmanager
    def _attempt(self, name: str, task: Task | None = None) -> "Iterator[None]":
        try:
            yield
        except NotOurTurnError as error:
            logger.info("%s", error.message)
        except IrsaError as error:
            self._failed(name, error.message, task, overloaded=is_overload(error))
        except Exception as error:
            self._failed(name, f"a fault in irsa: {type(error).__name__}", task)
            logger.exception("a fault in irsa; trying again")
        else:
            if self._said.pop(name, None):
                logger.info("%s: works again", name)
            self.state.succeeded(name, self.clock())
            if task:
                task.succeeded(self.ticks())

    def _failed(
        self, name: str, message: str, task: Task | None, *, overloaded: bool = False
    ) -> None:
        self.state.failed(name, message)
        at = self.ticks()
        if task:
            task.failed(at, period=self.period, overloaded=overloaded)
        said, when = self._said.get(name, ("", at))
        if said != message or at >= when + SAY_AGAIN:
            self._said[name] = message, at
            logger.warning("%s: %s; trying again", name, message, extra={"task": name})


def note_expiries(state: State) -> Callable[[Observed], None]:
    """Keeps in the state when the certificates end, and whether there is a registration."""

    def note(observed: Observed) -> None:
        trust = secrets.read_trust(observed.ca_secret)
        serving = secrets.read_serving(observed.tls_secret)
        found = {"ca": trust, "serving": serving}
        state.expiries = {
            name: secrets.ends(item.certificate) for name, item in found.items() if item
        }
        if "configuration" not in observed.unread:
            _note_registration(state, present=observed.configuration is not None)

    return note


def _note_registration(state: State, *, present: bool) -> None:
    if present != state.registered:
        state.registered = present
        if not present:
            logger.warning("there is no MutatingWebhookConfiguration: no new pod gets its role")


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except IrsaError as error:
        logger.warning("the Lease was not released: %s", error.message)
