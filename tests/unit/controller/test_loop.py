"""The loop goes on whatever happens, and stops when it is told to."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from irsa.controller.lease import DURATION, Lease, lease_ref
from irsa.controller.loop import Rounds, note_expiries
from irsa.controller.metrics import State
from irsa.errors import KubeError
from irsa.injection.webhook import CA_SECRET, TLS_SECRET

LEASE = lease_ref("irsa-system", "irsa-controller")


class Limit(threading.Event):
    """Stops the loop after some rounds, without waiting."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.left = number

    def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 # an Event's signature
        self.left -= 1
        if self.left <= 0:
            self.set()
        return self.is_set()


def lease(cluster, holder: str = "me") -> Lease:
    """The controller's Lease, as seen by one process."""
    return Lease(cluster.kube, LEASE, holder=holder)


def run(cluster, stop: threading.Event) -> State:
    """Some rounds, and what they came to."""
    state = State(since=cluster.now)
    Rounds(controller=cluster.controller, lease=lease(cluster), state=state).run(stop)
    return state


def test_loop_settles_and_gives_the_lease_back(cluster) -> None:
    """A stopped controller does not make the next one wait."""
    run(cluster, Limit(2))
    assert cluster.kube.get(cluster.ref(TLS_SECRET))
    assert cluster.kube.get(LEASE)["spec"]["holderIdentity"] == ""


def test_second_controller_does_nothing(cluster) -> None:
    """While one holds the Lease, another only looks."""
    assert lease(cluster, "other").hold(cluster.now)
    run(cluster, Limit(2))
    assert cluster.kube.get(cluster.ref(CA_SECRET)) is None
    assert cluster.kube.get(LEASE)["spec"]["holderIdentity"] == "other"


def test_lease_of_the_dead_is_taken_over(cluster) -> None:
    """Who does not renew has lost it."""
    assert lease(cluster, "other").hold(cluster.now)
    assert not lease(cluster).hold(cluster.now + DURATION)
    assert lease(cluster).hold(cluster.now + DURATION + timedelta(seconds=1))
    assert not lease(cluster, "other").hold(cluster.now + DURATION + timedelta(seconds=2))


@pytest.mark.parametrize(
    "spec",
    [
        None,
        {},
        {"holderIdentity": "x"},
        {"holderIdentity": "x", "renewTime": "nonsense"},
        {"holderIdentity": "x", "renewTime": "2026-01-01T00:00:00Z"},
    ],
)
def test_garbled_lease_is_free(cluster, spec: dict | None) -> None:
    """A Lease that says nothing useful holds nobody up."""
    metadata = {"name": LEASE.name, "namespace": LEASE.namespace}
    cluster.kube.create(
        {"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}
    )
    assert lease(cluster).hold(cluster.now)


def test_lost_race_for_the_lease_is_not_an_error(cluster) -> None:
    """Two that try at once: one gets it, the other tries again later."""
    lease(cluster, "other").hold(cluster.now)
    later = cluster.now + timedelta(minutes=5)
    cluster.kube.refuse = lambda verb, _: (
        KubeError("modified", status=409, reason="Conflict") if verb == "put" else None
    )
    assert not lease(cluster).hold(later)


@pytest.mark.parametrize(
    "failure", [KubeError("connection refused"), RuntimeError("bug")], ids=["kube", "bug"]
)
def test_failure_is_logged_and_tried_again(
    cluster, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """The loop never ends by itself."""
    failures = iter([failure, failure])
    cluster.kube.refuse = lambda verb, path: (
        next(failures, None) if verb == "get" and path.endswith(CA_SECRET) else None
    )
    run(cluster, Limit(4))
    assert "trying again" in caplog.text
    assert cluster.kube.get(cluster.ref(TLS_SECRET))


def test_lease_that_cannot_be_given_back_is_told(cluster, caplog: pytest.LogCaptureFixture) -> None:
    """Stopping does not fail because the API server is gone."""
    stop = Limit(1)
    original = stop.wait

    def gone(timeout: float | None = None) -> bool:
        cluster.kube.refuse = lambda *_: KubeError("connection refused")
        return original(timeout)

    stop.wait = gone
    run(cluster, stop)
    assert "not released" in caplog.text


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_interrupted_anywhere_it_converges(cluster, trusts, writes: int) -> None:
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


class FakeSurvey:
    """Counts how often it looks."""

    def __init__(self) -> None:
        self.looks = 0
        self.found = ()
        self.restarter = None

    def look(self) -> None:
        self.looks += 1


def surveyed(cluster, **options) -> tuple[FakeSurvey, State]:
    """Three rounds, with a survey."""
    survey, state = FakeSurvey(), State(since=cluster.now)
    Rounds(
        controller=cluster.controller,
        lease=lease(cluster),
        state=state,
        survey=survey,
        **options,
    ).run(Limit(3))
    return survey, state


def test_survey_comes_less_often_than_rounds(cluster) -> None:
    """Reading pods costs more than reading three objects."""
    assert surveyed(cluster)[0].looks == 1
    assert surveyed(cluster, survey_period=timedelta())[0].looks == 3


def test_only_the_leader_surveys(cluster) -> None:
    """Two would tell of everything twice, and restart two at a time."""
    assert lease(cluster, "other").hold(cluster.now)
    survey, state = surveyed(cluster)
    assert survey.looks == 0
    assert not state.leading


def test_what_was_done_is_counted(cluster) -> None:
    """Actions by kind, failures, and when the certificates end."""
    state = State(since=cluster.now)
    controller = replace(cluster.controller, seen=note_expiries(state))
    Rounds(controller=controller, lease=lease(cluster), state=state).run(Limit(2))
    assert dict(state.actions) == {"NewAuthority": 1, "TrustBundle": 1, "NewServing": 1}
    assert state.expiries["serving"] == cluster.serving().not_valid_after_utc
    assert set(state.expiries) == {"ca", "serving"}
    assert state.round_at == cluster.now
    assert state.failures == 0
