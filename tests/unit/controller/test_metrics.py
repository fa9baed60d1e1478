"""What the controller shows, and over which socket."""

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from irsa.controller.metrics import HEALTHY, State, render
from irsa.controller.pods import Bare
from irsa.controller.server import serving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BARE = Bare(
    namespace="shop", name="web", uid="u", service_account="w", role_arn="a", containers=("app",)
)


def test_everything_is_shown() -> None:
    """Leadership, actions, when certificates end, and the pods without a role by namespace."""
    state = State(since=NOW, leading=True, survey_at=NOW, bare=(BARE, BARE), restarts=3)
    state.actions.update(["NewServing"])
    state.expiries = {"ca": NOW, "serving": NOW}
    lines = render(state).splitlines()
    assert "irsa_controller_leader 1" in lines
    assert 'irsa_controller_actions_total{action="NewServing"} 1' in lines
    expiry = "irsa_controller_certificate_expiry_timestamp_seconds"
    assert f'{expiry}{{certificate="ca"}} {NOW.timestamp():.0f}' in lines
    assert "irsa_controller_unmutated_pods 2" in lines
    assert 'irsa_controller_namespace_unmutated_pods{namespace="shop"} 2' in lines
    assert "irsa_controller_restarts_total 3" in lines


def test_unknown_is_not_shown_as_none_missing() -> None:
    """Before the first look there is no number of pods: 0 would be a claim."""
    assert "unmutated" not in render(State(since=NOW))


def test_health_ends_when_rounds_do() -> None:
    """A round that hangs needs another process; one that fails does not."""
    state = State(since=NOW)
    assert state.is_healthy(NOW)
    assert not state.is_healthy(NOW + HEALTHY)
    state.round_at = NOW + HEALTHY
    assert state.is_healthy(NOW + HEALTHY + timedelta(seconds=1))


def fetch(port: int | None, path: str) -> tuple[int, str]:
    """Status and body of a path."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("path", "healthy", "status"),
    [("/metrics", True, 200), ("/healthz", True, 200), ("/healthz", False, 503), ("/", True, 404)],
)
def test_routes(path: str, healthy: bool, status: int) -> None:
    """Metrics and health, and nothing else."""
    with serving(0, metrics=lambda: "a 1\n", healthy=lambda: healthy) as port:
        assert fetch(port, path)[0] == status
        assert fetch(port, "/metrics")[1] == "a 1\n"


def test_taken_port_does_not_stop_the_controller(caplog: pytest.LogCaptureFixture) -> None:
    """Certificates matter more than numbers."""
    with (
        serving(0, metrics=str, healthy=lambda: True) as port,
        serving(port, metrics=str, healthy=lambda: True) as second,
    ):
        assert second is None
    assert "cannot listen" in caplog.text


def test_without_a_port_nothing_listens() -> None:
    """Nobody asked for it."""
    with serving(None, metrics=str, healthy=lambda: True) as port:
        assert port is None
