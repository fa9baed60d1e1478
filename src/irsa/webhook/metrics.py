"""
What is counted, and how Prometheus reads it.

Written by hand: a client library would cost the process more memory than its cache.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/
Never here: sockets, clocks.
"""

from bisect import bisect_left
from collections.abc import Iterator

from msgspec import Struct

from irsa.webhook.handler import Outcome

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LIVE_READS = ("found", "missing", "failed")


class State(Struct, frozen=True, kw_only=True):
    """What is not counted but read when somebody asks."""

    service_accounts: int
    synced: bool
    heard_at: float | None = None
    certificate_expiry: float | None


class Metrics:
    """Counters of one process."""

    def __init__(self) -> None:
        self._reviews = dict.fromkeys(Outcome, 0)
        self._reads = dict.fromkeys(LIVE_READS, 0)
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0
        self._unauthorized = 0

    def review(self, outcome: Outcome, seconds: float) -> None:
        """Count a review and how long it took."""
        self._reviews[outcome] += 1
        self._buckets[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def unauthorized(self) -> None:
        """Count a request that was refused for want of a client certificate."""
        self._unauthorized += 1

    def live_read(self, result: str) -> None:
        """Count a live read: `found`, `missing` or `failed`."""
        self._reads[result] += 1

    def render(self, state: State) -> str:
        """Everything, in Prometheus's text format."""
        return "\n".join((*self._counters(), *self._histogram(), *_gauges(state), ""))

    def _counters(self) -> Iterator[str]:
        yield from head("irsa_webhook_reviews_total", "counter", "Reviews by outcome.")
        for outcome, count in self._reviews.items():
            yield f'irsa_webhook_reviews_total{{outcome="{outcome}"}} {count}'
        yield from head(
            "irsa_webhook_live_reads_total", "counter", "ServiceAccounts read on a cache miss."
        )
        for result, count in self._reads.items():
            yield f'irsa_webhook_live_reads_total{{result="{result}"}} {count}'

        name = "irsa_webhook_unauthorized_requests_total"
        yield from head(name, "counter", "Reviews of clients without a certificate that counts.")
        yield f"{name} {self._unauthorized}"

    def _histogram(self) -> Iterator[str]:
        name = "irsa_webhook_review_duration_seconds"
        yield from head(name, "histogram", "Time from a review's last byte to its answer.")
        total = 0
        for bound, count in zip((*BUCKETS, "+Inf"), self._buckets, strict=True):
            total += count
            yield f'{name}_bucket{{le="{bound}"}} {total}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {total}"


def _gauges(state: State) -> Iterator[str]:
    name = "irsa_webhook_cache_service_accounts"
    yield from head(name, "gauge", "ServiceAccounts in the cache.")
    yield f"{name} {state.service_accounts}"
    name = "irsa_webhook_cache_synced"
    yield from head(name, "gauge", "Whether the cache has been filled.")
    yield f"{name} {int(state.synced)}"
    if state.heard_at is not None:
        name = "irsa_webhook_cache_heard_timestamp_seconds"
        yield from head(name, "gauge", "When the API server last said anything about the cache.")
        yield f"{name} {state.heard_at:.0f}"
    if state.certificate_expiry is not None:
        name = "irsa_webhook_certificate_expiry_timestamp_seconds"
        yield from head(name, "gauge", "When the serving certificate ends.")
        yield f"{name} {state.certificate_expiry:.0f}"


def head(name: str, kind: str, meaning: str) -> tuple[str, str]:
    """The two lines that go before the samples of a metric."""
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"
