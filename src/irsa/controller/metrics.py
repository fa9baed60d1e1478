"""
What the controller shows to Prometheus, and whether it is alive.

Never here: sockets, clocks.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from irsa.controller.pods import Bare
from irsa.webhook.metrics import head

# A round takes seconds; one that hangs for so long needs another process.
HEALTHY = timedelta(minutes=2)


@dataclass(slots=True, kw_only=True)
class State:
    """
    What the controller has done and seen.

    Args:
        since: When it was started.
    """

    since: datetime
    leading: bool = False
    round_at: datetime | None = None
    expiries: dict[str, datetime] = field(default_factory=dict)
    actions: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    survey_at: datetime | None = None
    bare: tuple[Bare, ...] = ()
    restarts: int = 0

    def is_healthy(self, now: datetime) -> bool:
        """Whether rounds go on, with success or without."""
        return now < (self.round_at or self.since) + HEALTHY


def render(state: State) -> str:
    """Everything, in Prometheus's text format."""
    return "\n".join((*_rounds(state), *_certificates(state), *_pods(state), ""))


def _rounds(state: State) -> Iterator[str]:
    yield from _one("leader", "gauge", "Whether this process acts.", int(state.leading))
    yield from _one("failures_total", "counter", "Rounds that failed.", state.failures)
    name = "irsa_controller_actions_total"
    yield from head(name, "counter", "What was made or mended, by kind.")
    for action, count in sorted(state.actions.items()):
        yield f'{name}{{action="{action}"}} {count}'


def _certificates(state: State) -> Iterator[str]:
    name = "irsa_controller_certificate_expiry_timestamp_seconds"
    yield from head(name, "gauge", "When a certificate ends.")
    for certificate, moment in sorted(state.expiries.items()):
        yield f'{name}{{certificate="{certificate}"}} {moment.timestamp():.0f}'


def _pods(state: State) -> Iterator[str]:
    if state.survey_at is None:
        return
    meaning = "When pods were last looked at."
    seconds = int(state.survey_at.timestamp())
    yield from _one("last_survey_timestamp_seconds", "gauge", meaning, seconds)
    yield from _one("restarts_total", "counter", "Workloads restarted.", state.restarts)
    meaning = "Running pods whose ServiceAccount has a role and which carry no credentials."
    yield from _one("unmutated_pods", "gauge", meaning, len(state.bare))
    name = "irsa_controller_namespace_unmutated_pods"
    yield from head(name, "gauge", "The same by namespace; only those that have some.")
    for namespace, count in sorted(_by_namespace(state.bare).items()):
        yield f'{name}{{namespace="{namespace}"}} {count}'


def _by_namespace(bare: Iterable[Bare]) -> Counter[str]:
    return Counter(pod.namespace for pod in bare)


def _one(name: str, kind: str, meaning: str, value: int) -> Iterator[str]:
    yield from head(f"irsa_controller_{name}", kind, meaning)
    yield f"irsa_controller_{name} {value}"
