"""What the controller shows, and over which socket."""

import contextlib
import socket
import struct
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from irsa.controller import server
from irsa.controller.metrics import HEALTHY, State, render
from irsa.controller.pods import Bare
from irsa.controller.server import Pages, serving

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
BARE = Bare(
    namespace="shop", name="web", uid="u", service_account="w", role_arn="a", containers=("app",)
)


def test_everything_is_shown() -> None:
    """Leadership, tasks, actions, when certificates end, and the pods without a role."""
    state = State(leading=True, survey_at=NOW, bare=(BARE, BARE), restarts=3, registered=True)
    state.actions.update(["NewServing"])
    state.events.update(["written"])
    state.expiries = {"ca": NOW, "serving": NOW}
    state.skew = timedelta(seconds=-90)
    state.failed("survey", "no answer")
    state.succeeded("certificates", NOW)
    lines = render(state).splitlines()
    wanted = {
        "leader 1",
        'failures_total{task="survey"} 1',
        'task_failing{task="survey"} 1',
        'task_failing{task="certificates"} 0',
        f'task_success_timestamp_seconds{{task="certificates"}} {NOW.timestamp():.0f}',
        'actions_total{action="NewServing"} 1',
        'events_total{result="written"} 1',
        f'certificate_expiry_timestamp_seconds{{certificate="ca"}} {NOW.timestamp():.0f}',
        "registered 1",
        "clock_skew_seconds -90",
        "unmutated_pods 2",
        'namespace_unmutated_pods{namespace="shop"} 2',
        "restarts_total 3",
    }
    assert {f"irsa_controller_{line}" for line in wanted} <= set(lines)
    assert "# TYPE irsa_controller_actions_total counter" in lines
    assert "# TYPE irsa_controller_task_failing gauge" in lines


def test_unknown_is_not_shown_as_none_missing() -> None:
    """Before the first look there is no number of pods: 0 would be a claim."""
    shown = render(State())
    for name in ("unmutated", "registered", "skew"):
        assert name not in shown


def test_health_ends_when_work_does() -> None:
    """One that hangs needs another process; one that fails does not."""
    at = 0.0
    state = State(ticks=lambda: at)
    assert state.is_healthy()
    at = HEALTHY.total_seconds()
    assert not state.is_healthy()
    state.beat()
    at += 1
    assert state.is_healthy()


def test_readiness_names_what_does_not_work() -> None:
    """Until something has worked it is starting."""
    state = State()
    assert state.unready() == "starting\n"
    state.succeeded("lease", NOW)
    assert state.unready() == ""
    state.failed("survey", "not allowed")
    assert state.unready() == "survey: not allowed\n"
    state.succeeded("survey", NOW)
    assert state.unready() == ""


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
    ("path", "pages", "status"),
    [
        ("/metrics", {}, 200),
        ("/metrics?name=x", {}, 200),
        ("/healthz", {"healthy": lambda: True}, 200),
        ("/healthz", {"healthy": lambda: False}, 503),
        ("/readyz", {"unready": lambda: ""}, 200),
        ("/readyz", {"unready": lambda: "lease: no answer\n"}, 503),
        ("/", {}, 404),
    ],
)
def test_routes(path: str, pages: dict, status: int) -> None:
    """Metrics, health and readiness, and nothing else."""
    with serving(0, Pages(metrics=lambda: "a 1\n", **pages)) as port:
        assert fetch(port, path)[0] == status
        assert fetch(port, "/metrics")[1] == "a 1\n"


def test_taken_port_does_not_stop_the_controller(caplog: pytest.LogCaptureFixture) -> None:
    """Certificates matter more than numbers."""
    with (
        serving(0, Pages(metrics=str)) as port,
        serving(port, Pages(metrics=str)) as second,
    ):
        assert second is None
    assert "cannot listen" in caplog.text


def test_without_a_port_nothing_listens() -> None:
    """Nobody asked for it."""
    with serving(None, Pages(metrics=str)) as port:
        assert port is None


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_both_families_are_served() -> None:
    """In a cluster of IPv6 the probes come by it."""
    with serving(0, Pages(metrics=str)) as port:
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), timeout=20).close()


def test_idle_connections_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens more than a few gets no thread for each."""
    monkeypatch.setattr(server, "TIMEOUT", 0.05)
    before = threading.active_count()
    with serving(0, Pages(metrics=str)) as port, contextlib.ExitStack() as stack:
        for _ in range(3 * server.MAX_CONNECTIONS):
            idle = socket.create_connection(("127.0.0.1", port), timeout=20)
            stack.callback(idle.close)
            assert threading.active_count() <= before + 1 + server.MAX_CONNECTIONS
        stack.close()
        monkeypatch.undo()
        assert fetch(port, "/metrics")[0] == 200


def test_client_that_goes_away_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    """The log is JSON lines, and stays so."""
    gone = threading.Event()

    def slow() -> str:
        gone.wait(20)
        return "x" * 10_000_000

    with serving(0, Pages(metrics=slow)) as port:
        client = socket.create_connection(("127.0.0.1", port), timeout=20)
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        gone.set()
        assert fetch(port, "/healthz")[0] == 200
    assert "Traceback" not in capfd.readouterr().err
