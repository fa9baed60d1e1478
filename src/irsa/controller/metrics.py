"""
What the controller shows to Prometheus, and whether it is alive and gets on.

Never here: sockets, clocks.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from irsa.controller.pods import Bare
from irsa.webhook.metrics import head

# One request takes seconds; a process that does nothing for so long needs another.
HEALTHY = timedelta(minutes=2)


@dataclass(slots=True, kw_only=True)
class Progress:
    """How a task gets on: how often it failed, why it does now, and when it last succeeded."""

    failures: int = 0
    failing: str = ""
    succeeded: datetime | None = None


@dataclass(slots=True, kw_only=True)
class State:
    """
    What the controller has done and seen.

    Args:
        ticks: Seconds that never jump.
        tasks: How each task gets on; every one that there is.
        registered: Whether there is a registration; None until it was looked for.
        skew: By how much the API server's clock is ahead of ours.
        events: How many Events were written, or could not be.
    """

    ticks: Callable[[], float] = time.monotonic
    leading: bool = False
    tasks: dict[str, Progress] = field(default_factory=dict)
    expiries: dict[str, datetime] = field(default_factory=dict)
    registered: bool | None = None
    skew: timedelta | None = None
    actions: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    survey_at: datetime | None = None
    bare: tuple[Bare, ...] = ()
    restarts: int = 0
    _beat: float | None = None
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.ticks()

    def beat(self) -> None:
        """Work goes on."""
        self._beat = self.ticks()

    def succeeded(self, task: str, now: datetime) -> None:
        """A task was done."""
        progress = self.tasks.setdefault(task, Progress())
        progress.failing, progress.succeeded = "", now

    def failed(self, task: str, message: str) -> None:
        """A task could not be done."""
        progress = self.tasks.setdefault(task, Progress())
        progress.failing = message
        progress.failures += 1

    def is_healthy(self) -> bool:
        """Whether work goes on, with success or without."""
        last = self._began if self._beat is None else self._beat
        return self.ticks() < last + HEALTHY.total_seconds()

    def unready(self) -> str:
        """What does not work now, one task a line; empty if everything does."""
        if not any(progress.succeeded for progress in self.tasks.values()):
            return self._complaints() or "starting\n"
        return self._complaints()

    def _complaints(self) -> str:
        return "".join(
            f"{name}: {progress.failing}\n"
            for name, progress in sorted(self.tasks.items())
            if progress.failing
        )


def render(state: State) -> str:
    """Everything, in Prometheus's text format."""
    return "\n".join((*_tasks(state), *_certificates(state), *_pods(state), ""))


def _tasks(state: State) -> Iterator[str]:
    tasks = sorted(state.tasks.items())
    yield from _one("leader", state.leading, "Whether this process acts.")
    failures = {name: progress.failures for name, progress in tasks}
    yield from _many("failures_total", failures, "How often a task failed.", label="task")
    failing = {name: int(bool(progress.failing)) for name, progress in tasks}
    yield from _many("task_failing", failing, "Whether it failed the last time.", label="task")
    done = {name: int(one.succeeded.timestamp()) for name, one in tasks if one.succeeded}
    name, meaning = "task_success_timestamp_seconds", "When a task last succeeded."
    yield from _many(name, done, meaning, label="task")
    actions = dict(state.actions)
    yield from _many("actions_total", actions, "What was made or mended, by kind.", label="action")
    events = dict(state.events)
    yield from _many("events_total", events, "Events, written or failed.", label="result")


def _certificates(state: State) -> Iterator[str]:
    ends = {name: int(moment.timestamp()) for name, moment in list(state.expiries.items())}
    name, meaning = "certificate_expiry_timestamp_seconds", "When a certificate ends."
    yield from _many(name, ends, meaning, label="certificate")
    if state.registered is not None:
        meaning = "Whether there is a MutatingWebhookConfiguration."
        yield from _one("registered", state.registered, meaning)
    if state.skew is not None:
        meaning = "By how much the API server's clock is ahead of this process's."
        yield from _one("clock_skew_seconds", round(state.skew.total_seconds()), meaning)


def _pods(state: State) -> Iterator[str]:
    if state.survey_at is None:
        return
    name, meaning = "last_survey_timestamp_seconds", "When pods were last looked at."
    yield from _one(name, int(state.survey_at.timestamp()), meaning)
    yield from _one("restarts_total", state.restarts, "Workloads restarted.")
    meaning = "Running pods whose ServiceAccount has a role and which carry no credentials."
    yield from _one("unmutated_pods", len(state.bare), meaning)
    meaning = "The same by namespace; only those that have some."
    namespaces = _by_namespace(state.bare)
    yield from _many("namespace_unmutated_pods", namespaces, meaning, label="namespace")


def _by_namespace(bare: Iterable[Bare]) -> Counter[str]:
    return Counter(pod.namespace for pod in bare)


def _one(name: str, value: int, meaning: str) -> Iterator[str]:
    yield from head(f"irsa_controller_{name}", _kind(name), meaning)
    yield f"irsa_controller_{name} {int(value)}"


def _many(name: str, values: Mapping[str, int], meaning: str, *, label: str) -> Iterator[str]:
    yield from head(f"irsa_controller_{name}", _kind(name), meaning)
    for value, count in sorted(values.items()):
        yield f'irsa_controller_{name}{{{label}="{value}"}} {count}'


def _kind(name: str) -> str:
    return "counter" if name.endswith("_total") else "gauge"
