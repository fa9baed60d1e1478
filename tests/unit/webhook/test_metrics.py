"""What Prometheus reads."""

import re

from irsa.webhook.handler import Outcome
from irsa.webhook.metrics import Metrics, State

STATE = State(service_accounts=3, synced=True, certificate_expiry=1_800_000_000.4)


def test_every_outcome_is_there_from_the_start() -> None:
    """A rate needs a zero to begin with."""
    text = Metrics().render(STATE)
    for outcome in Outcome:
        assert f'irsa_webhook_reviews_total{{outcome="{outcome}"}} 0' in text


def test_reviews_and_reads_are_counted() -> None:
    """Counters count what they are told."""
    metrics = Metrics()
    metrics.review(Outcome.mutated, 0.001)
    metrics.review(Outcome.mutated, 0.002)
    metrics.live_read("found")
    text = metrics.render(STATE)
    assert 'irsa_webhook_reviews_total{outcome="mutated"} 2' in text
    assert 'irsa_webhook_live_reads_total{result="found"} 1' in text


def test_histogram_is_cumulative() -> None:
    """Each bucket holds all that took no longer; the last one holds everything."""
    metrics = Metrics()
    for seconds in (0.0004, 0.0005, 0.3, 99.0):
        metrics.review(Outcome.no_role, seconds)
    buckets = dict(re.findall(r'_bucket\{le="([^"]+)"\} (\d+)', metrics.render(STATE)))
    assert (buckets["0.0005"], buckets["0.25"], buckets["0.5"]) == ("2", "2", "3")
    assert (buckets["5.0"], buckets["+Inf"]) == ("3", "4")


def test_state_is_shown() -> None:
    """Cache and certificate are read when somebody asks."""
    text = Metrics().render(STATE)
    assert "irsa_webhook_cache_service_accounts 3\n" in text
    assert "irsa_webhook_cache_synced 1\n" in text
    assert "irsa_webhook_certificate_expiry_timestamp_seconds 1800000000\n" in text


def test_unknown_expiry_is_left_out() -> None:
    """No number is better than a wrong one."""
    state = State(service_accounts=0, synced=False, certificate_expiry=None)
    assert "expiry" not in Metrics().render(state)


def test_every_line_is_a_comment_or_a_sample() -> None:
    """The text is in Prometheus's format, to its last line end."""
    text = Metrics().render(STATE)
    assert text.endswith("\n")
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+(\{\w+=\"[^\"]*\"\})? [0-9.]+", line), line
