"""Who holds the Lease, by seconds that are counted here."""

import time
from datetime import timedelta
from typing import Any

import pytest

from irsa.controller.held import Held, NotOurTurnError
from irsa.controller.lease import DURATION, RENEW, Lease, boot_time, lease_ref
from irsa.errors import KubeError

LEASE = lease_ref("irsa-system", "irsa-controller")
SECOND = timedelta(seconds=1)


def lease(cluster: Any, holder: str = "me") -> Lease:
    """The controller's Lease, as seen by one process."""
    return Lease(cluster.kube, LEASE, holder=holder, ticks=cluster.ticks)


def spec(cluster: Any) -> dict:
    """What is written in it."""
    return cluster.kube.get(LEASE)["spec"]


def test_one_holds_it_and_renews_it(cluster: Any) -> None:
    """Since when it is held stays; until when moves on."""
    mine = lease(cluster)
    assert mine.hold(cluster.now)
    taken = spec(cluster)
    cluster.wait(seconds=10)
    assert mine.hold(cluster.now)
    assert spec(cluster)["acquireTime"] == taken["acquireTime"]
    assert spec(cluster)["renewTime"] > taken["renewTime"]
    assert not lease(cluster, "other").hold(cluster.now)


def test_lease_of_the_dead_is_taken_over_after_its_time(cluster: Any) -> None:
    """Counted from when it was first seen not to change, whatever clocks say."""
    assert lease(cluster, "other").hold(cluster.now)
    mine = lease(cluster)
    cluster.wait(days=1)
    assert not mine.hold(cluster.now)
    cluster.now += DURATION
    assert not mine.hold(cluster.now)
    cluster.now += SECOND
    assert mine.hold(cluster.now)
    assert spec(cluster)["leaseTransitions"] == 1


def test_renewal_by_another_begins_the_time_anew(cluster: Any) -> None:
    """Who lives keeps it, also if his clock stands in another year."""
    other, mine = lease(cluster, "other"), lease(cluster)
    for _ in range(5):
        assert other.hold(cluster.now - timedelta(days=365))
        assert not mine.hold(cluster.now)
        cluster.now += DURATION - SECOND


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)], ids=str)
def test_jump_of_the_wall_clock_gives_it_to_nobody(cluster: Any, jump: timedelta) -> None:
    """Neither too early, nor never."""
    other, mine = lease(cluster, "other"), lease(cluster)
    assert other.hold(cluster.now)
    assert not mine.hold(cluster.now + jump)
    cluster.now += DURATION + SECOND
    assert mine.hold(cluster.now + jump)
    assert not other.hold(cluster.now)


@pytest.mark.parametrize("found", [None, {}, {"holderIdentity": ""}], ids=str)
def test_lease_of_nobody_is_free(cluster: Any, found: dict | None) -> None:
    """Given back, or never taken."""
    make(cluster, found)
    assert lease(cluster).hold(cluster.now)


def make(cluster: Any, found: dict | None) -> None:
    """A Lease that somebody wrote by hand."""
    metadata = {"name": LEASE.name, "namespace": LEASE.namespace}
    cluster.kube.create(
        {"apiVersion": LEASE.api_version, "kind": "Lease", "metadata": metadata, "spec": found}
    )


@pytest.mark.parametrize(
    "found",
    [
        {"holderIdentity": "x"},
        {"holderIdentity": "x", "renewTime": "nonsense"},
        {"holderIdentity": "x", "renewTime": "2999-01-01T00:00:00Z", "leaseDurationSeconds": 2**31},
        {"holderIdentity": "x", "leaseTransitions": 2**31 - 1},
        {"holderIdentity": "x", "leaseTransitions": "many"},
    ],
    ids=["no-time", "garbled", "for-ever", "transitions", "no-number"],
)
def test_lease_of_a_stranger_is_free_after_its_time(cluster: Any, found: dict) -> None:
    """Whatever is written in it holds nobody up for longer."""
    make(cluster, found)
    mine = lease(cluster)
    assert not mine.hold(cluster.now)
    cluster.now += DURATION + SECOND
    assert mine.hold(cluster.now)
    assert 0 <= spec(cluster)["leaseTransitions"] < 2**31


def test_lost_race_for_the_lease_is_not_an_error(cluster: Any) -> None:
    """Two that try at once: one gets it, the other tries again later."""
    make(cluster, {})
    cluster.kube.refuse = lambda verb, _: (
        KubeError("modified", status=409, reason="Conflict") if verb == "put" else None
    )
    mine = lease(cluster)
    assert not mine.hold(cluster.now)
    assert not mine.is_held()


def test_it_is_known_without_asking_that_it_has_run_out(cluster: Any) -> None:
    """A process that was stopped for a while knows that another may have it."""
    mine = lease(cluster)
    assert not mine.is_held()
    mine.hold(cluster.now)
    assert (mine.is_held(), mine.is_fresh()) == (True, True)
    cluster.now += RENEW
    assert (mine.is_held(), mine.is_fresh()) == (True, False)
    cluster.now += DURATION - RENEW
    assert not mine.is_held()


def test_renewal_that_fails_is_no_renewal(cluster: Any) -> None:
    """Nothing is done with a Lease that may be another's."""
    mine = lease(cluster)
    mine.hold(cluster.now)
    cluster.kube.refuse = lambda *_: KubeError("no answer")
    with pytest.raises(KubeError):
        mine.hold(cluster.now)
    assert not mine.is_held()


def test_seconds_go_on_while_the_machine_sleeps() -> None:
    """The clock that is counted on is not behind the one that stands still meanwhile."""
    before = time.monotonic()
    assert boot_time() >= before


def test_given_back_it_is_free_at_once(cluster: Any) -> None:
    """A stopped controller does not make the next one wait."""
    mine, other = lease(cluster), lease(cluster, "other")
    mine.hold(cluster.now)
    assert not other.hold(cluster.now)
    mine.release()
    assert not mine.is_held()
    assert other.hold(cluster.now)


def test_lease_of_another_is_not_given_back(cluster: Any) -> None:
    """Who has lost it leaves it alone."""
    mine, other = lease(cluster), lease(cluster, "other")
    mine.hold(cluster.now)
    other.hold(cluster.now)
    cluster.now += DURATION + SECOND
    assert other.hold(cluster.now)
    mine.release()
    assert spec(cluster)["holderIdentity"] == "other"


def held(cluster: Any, holder: str = "me", **options: Any) -> Held:
    """The API behind a Lease that is held."""
    mine = lease(cluster, holder)
    guarded = Held(kube=cluster.kube, lease=mine, clock=lambda: cluster.now, **options)
    assert mine.hold(cluster.now)
    return guarded


CALLS = {
    "get": lambda api: api.get(LEASE),
    "raw": lambda api: api.raw("/version"),
    "create": lambda api: api.create({}),
    "replace": lambda api: api.replace({}),
    "patch": lambda api: api.patch(LEASE, {}),
    "apply": lambda api: api.apply({}, field_manager="x", force=True),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_who_has_lost_the_lease_sends_nothing(cluster: Any, call: Any) -> None:
    """Stopped for longer than it lasts, and continued: another one acts now."""
    mine, other = held(cluster), lease(cluster, "other")
    other.hold(cluster.now)
    cluster.now += DURATION + SECOND
    assert other.hold(cluster.now)
    sent = len(cluster.kube.requests)
    with pytest.raises(NotOurTurnError):
        call(mine)
    assert {path for _, path in cluster.kube.requests[sent:]} == {LEASE.path}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_who_is_to_stop_begins_nothing_more(cluster: Any, call: Any) -> None:
    """So that the Lease is given back at once, also out of long work."""
    with pytest.raises(NotOurTurnError):
        call(held(cluster, stopped=lambda: True))


def test_long_work_keeps_the_lease(cluster: Any) -> None:
    """It is renewed on the way, and it shows that work goes on."""
    beats: list[None] = []
    mine, other = held(cluster, beat=lambda: beats.append(None)), lease(cluster, "other")
    for _ in range(20):
        mine.get(LEASE)
        assert not other.hold(cluster.now)
        cluster.now += RENEW
    assert len(beats) == 20
