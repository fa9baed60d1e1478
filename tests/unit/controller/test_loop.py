"""The loop goes on whatever happens, and stops when it is told to."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from irsa.controller.certificates import REGISTRATION
from irsa.controller.held import NotOurTurnError
from irsa.controller.lease import Lease, lease_ref
from irsa.controller.loop import LONGEST_PAUSE, PERIOD, SAY_AGAIN, Rounds, Task, note_expiries
from irsa.controller.metrics import State
from irsa.errors import KubeError
from irsa.injection.webhook import CA_SECRET, TLS_SECRET

LEASE = lease_ref("irsa-system", "irsa-controller")


class Limit(threading.Event):
    """Stops the loop after some rounds, without waiting: the clock goes on instead."""

    def __init__(self, number: int, cluster: Any) -> None:
        super().__init__()
        self.left = number
        self.cluster = cluster
        self.during: Callable[[], None] = lambda: None

    def wait(self, timeout: float | None = None) -> bool:
        self.cluster.now += timedelta(seconds=timeout or 0)
        self.during()
        self.left -= 1
        if self.left <= 0:
            self.set()
        return self.is_set()


def lease(cluster: Any, holder: str = "me") -> Lease:
    """The controller's Lease, as seen by one process."""
    return Lease(cluster.kube, LEASE, holder=holder, ticks=cluster.ticks)


def rounds(cluster: Any, *tasks: Task) -> Rounds:
    """A loop with these tasks; if there are none, with the certificates."""
    state = State(ticks=cluster.ticks)
    controller = replace(
        cluster.controller,
        seen=note_expiries(state),
        did=lambda action: state.actions.update([type(action).__name__]),
    )
    return Rounds(
        lease=lease(cluster),
        tasks=tasks or (Task(name="certificates", work=controller.settle),),
        state=state,
        clock=lambda: cluster.now,
        ticks=cluster.ticks,
    )


def run(cluster: Any, number: int, *tasks: Task) -> State:
    """Some rounds, and what they came to."""
    loop = rounds(cluster, *tasks)
    loop.run(Limit(number, cluster))
    return loop.state


def test_loop_settles_and_gives_the_lease_back(cluster: Any) -> None:
    """A stopped controller does not make the next one wait."""
    run(cluster, 2)
    assert cluster.kube.get(cluster.ref(TLS_SECRET))
    assert cluster.kube.get(LEASE)["spec"]["holderIdentity"] == ""


def test_second_controller_does_nothing(cluster: Any) -> None:
    """While one holds the Lease, another only looks."""
    other = lease(cluster, "other")
    loop, stop = rounds(cluster), Limit(9, cluster)
    stop.during = lambda: other.hold(cluster.now) and None
    assert other.hold(cluster.now)
    loop.run(stop)
    assert cluster.kube.get(cluster.ref(CA_SECRET)) is None
    assert cluster.kube.get(LEASE)["spec"]["holderIdentity"] == "other"
    assert loop.state.unready() == ""


@pytest.mark.parametrize(
    "failure", [KubeError("connection refused"), RuntimeError("bug")], ids=["kube", "bug"]
)
def test_failure_is_logged_and_tried_again(
    cluster: Any, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop never ends by itself."""
    failures = iter([failure, failure])
    cluster.kube.refuse = lambda verb, path: (
        next(failures, None) if verb == "get" and path.endswith(CA_SECRET) else None
    )
    state = run(cluster, 9)
    assert "trying again" in caplog.text
    assert cluster.kube.get(cluster.ref(TLS_SECRET))
    assert state.tasks["certificates"].failures == 2
    assert state.unready() == ""


def test_lease_that_cannot_be_given_back_is_told(
    cluster: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Stopping does not fail because the API server is gone."""
    stop = Limit(1, cluster)

    def gone() -> None:
        cluster.kube.refuse = lambda *_: KubeError("connection refused")

    stop.during = gone
    rounds(cluster).run(stop)
    assert "not released" in caplog.text


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_interrupted_anywhere_it_converges(cluster: Any, trusts: Any, writes: int) -> None:
    """Killed before any write and started again, it ends in the same state."""
    left = iter([None] * writes)
    cluster.kube.refuse = lambda verb, _: (
        next(left, KubeError("killed")) if verb in ("post", "put", "patch") else None
    )
    with pytest.raises(KubeError):
        cluster.settle()
    cluster.kube.refuse = lambda *_: None
    cluster.settle()
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)
    assert cluster.settle() == []


class Work:
    """Counts how often it is done; raises what it is told to."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.at: list[float] = []
        self.failure: Exception | None = None

    def __call__(self) -> None:
        self.at.append(self.cluster.ticks())
        if self.failure:
            raise self.failure

    @property
    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in zip(self.at, self.at[1:], strict=False)]


@pytest.fixture(name="work")
def _work(cluster: Any) -> Work:
    return Work(cluster)


def test_a_task_comes_as_often_as_it_says(cluster: Any, work: Work) -> None:
    """Reading pods costs more than reading three objects."""
    run(cluster, 30, Task(name="survey", work=work, every=60.0))
    assert work.gaps == [60.0, 60.0]


def test_long_work_keeps_no_other_task_waiting(cluster: Any, work: Work) -> None:
    """A survey of a large cluster takes a minute; a damaged Secret heals in seconds."""
    surveys: list[float] = []

    def survey() -> None:
        surveys.append(cluster.ticks())
        for _ in range(12):
            cluster.now += timedelta(seconds=PERIOD)
            assert loop.lease.hold(cluster.now)
            loop.meanwhile()

    loop = rounds(
        cluster,
        Task(name="certificates", work=work, every=PERIOD),
        Task(name="survey", work=survey, every=60.0),
    )
    loop.run(Limit(1, cluster))
    assert len(surveys) == 1
    assert work.gaps == [PERIOD] * 12


def test_jump_of_the_wall_clock_changes_nothing(cluster: Any, work: Work) -> None:
    """What is due is told by seconds that do not jump."""
    loop = rounds(cluster, Task(name="survey", work=work, every=60.0))
    loop.clock = lambda: cluster.now - timedelta(days=1 if len(work.at) else 0)
    loop.run(Limit(30, cluster))
    assert work.gaps == [60.0, 60.0]


def test_a_task_that_fails_keeps_no_other_from_its_work(cluster: Any, work: Work) -> None:
    """Pods are looked for although a Secret cannot be written."""
    bad = Work(cluster)
    bad.failure = KubeError("immutable", status=422)
    state = run(cluster, 3, Task(name="certificates", work=bad), Task(name="survey", work=work))
    assert len(work.at) == 3
    assert state.unready() == "certificates: immutable\n"


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_an_overloaded_api_server_is_asked_less_and_less(
    cluster: Any, work: Work, status: int | None
) -> None:
    """Up to half a minute; then as before."""
    work.failure = KubeError("no", status=status)
    loop, stop = rounds(cluster, Task(name="certificates", work=work)), Limit(40, cluster)
    loop.run(stop)
    assert work.gaps[:4] == [5.0, 10.0, 20.0, 30.0]
    assert max(work.gaps) == LONGEST_PAUSE
    work.failure = None
    loop.run(Limit(20, cluster))
    assert work.gaps[-3:] == [PERIOD] * 3


def test_what_is_refused_is_tried_again_soon(cluster: Any, work: Work) -> None:
    """Whoever allows it again sees it heal within seconds."""
    work.failure = KubeError("forbidden", status=403)
    run(cluster, 20, Task(name="certificates", work=work))
    assert set(work.gaps) == {PERIOD}


def test_the_same_failure_is_told_once_a_minute(
    cluster: Any, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    """And once that it is over."""
    caplog.set_level("INFO", "irsa")
    work.failure = KubeError("forbidden", status=403)
    loop, stop = rounds(cluster, Task(name="certificates", work=work)), Limit(25, cluster)
    loop.run(stop)
    assert caplog.text.count("forbidden") == 1 + 25 * PERIOD // SAY_AGAIN
    work.failure = None
    loop.run(Limit(2, cluster))
    assert caplog.text.count("works again") == 1


def test_lost_turn_is_no_failure(cluster: Any, work: Work) -> None:
    """The Lease went to another one, or the process stops: nothing is wrong."""
    work.failure = NotOurTurnError("another controller holds the Lease")
    state = run(cluster, 3, Task(name="certificates", work=work))
    assert state.unready() == ""


def test_lease_that_cannot_be_read_is_a_failure_and_nothing_is_done(
    cluster: Any, work: Work
) -> None:
    """Without its permission the controller does not act, and says so."""
    cluster.kube.refuse = lambda _, path: (
        KubeError("not allowed", status=403) if "leases" in path else None
    )
    state = run(cluster, 3, Task(name="certificates", work=work))
    assert work.at == []
    assert state.unready() == "lease: not allowed\n"


def test_what_was_done_is_counted(cluster: Any) -> None:
    """Actions by kind, failures, and when the certificates end."""
    state = run(cluster, 2)
    assert dict(state.actions) == {"NewAuthority": 1, "TrustBundle": 1, "NewServing": 1}
    assert state.expiries["serving"] == cluster.serving().not_valid_after_utc
    assert set(state.expiries) == {"ca", "serving"}
    assert state.tasks["certificates"].failures == 0
    assert state.registered


def test_missing_registration_is_told(cluster: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Without it no new pod gets its role."""
    cluster.kube.delete(REGISTRATION)
    state = run(cluster, 3)
    assert state.registered is False
    assert caplog.text.count("no MutatingWebhookConfiguration") == 1
