"""Pods that come before the watch has told of their account, and an API server that hangs."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from irsa.errors import KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.webhook.lookup import MAX_READS

from .faults import Asked, never
from .placing import Place, Setup, controlling, registered
from .serving import Reviewed
from .waiting import until

pytestmark = pytest.mark.cluster

TRIES = 500
# Of so many pods one is there before its ServiceAccount.
EAGER = 5
FAILED = 'irsa_webhook_reviews_total{outcome="failed"}'
FOUND = 'irsa_webhook_live_reads_total{result="found"}'


def reviews(
    setup: Setup, names: list[str], *, seconds: int, sent: Callable[[], object] = lambda: None
) -> list[Reviewed]:
    """Ask about pods of all of these at once."""

    def ask(name: str) -> Reviewed:
        pods = setup.place.pods
        return setup.webhook.review(name, namespace=pods, seconds=seconds, sent=sent)

    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(ask, names))


@dataclass
class Race:
    """A ServiceAccount and its pod, created at the same time over two connections."""

    place: Place
    kubeconfig: Path
    barrier: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=60))
    accepted: list[float] = field(default_factory=list)
    early: int = 0
    lost: list[str] = field(default_factory=list)

    def run(self, names: list[str]) -> None:
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(self._accounts, names), pool.submit(self._pods, names)]
            for one in both:
                one.result()

    def _accounts(self, names: list[str]) -> None:
        with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
            place = Place(kube, self.place.own, self.place.pods)
            kube.version()
            for name in names:
                self.barrier.wait()
                place.account(name)
                self.accepted.append(time.monotonic())

    def _pods(self, names: list[str]) -> None:
        with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
            kube.version()
            for number, name in enumerate(names):
                eager = number % EAGER == 0
                if not eager:
                    self.barrier.wait()
                if not self._pod(name, kube, eager=eager):
                    self.lost.append(name)

    def _pod(self, name: str, kube: Kube, *, eager: bool) -> bool:
        """
        Create the pod as soon as the API server takes it: not before it has its account.

        An eager one was refused before its account is created, and is tried again meanwhile.
        """
        while True:
            try:
                return self.place.pod(name, kube=kube)
            except KubeError as error:
                if "not found" not in error.message:
                    raise
                self.early += 1
            if eager:
                self.barrier.wait()
                eager = False


def test_no_pod_of_the_same_millisecond_loses_its_role(setup: Setup) -> None:
    """500 ServiceAccounts and their pods over two connections; from the middle without a watch."""
    names = [f"same-{number}" for number in range(TRIES)]
    race = Race(setup.place, setup.rig.kubeconfig)
    with registered(setup.place, setup.webhook):
        race.run(names[: TRIES // 2])
        before, read = setup.way.count("get"), setup.webhook.metric(FOUND)
        setup.way.hold()
        race.run(names[TRIES // 2 :])
        gets = setup.way.count("get") - before
        found = setup.webhook.metric(FOUND) - read
    assert race.lost == []
    assert len(race.accepted) == TRIES
    # They were there as early as can be: many before their ServiceAccount.
    assert race.early >= TRIES // EAGER
    # Without a watch each was read live, and none twice.
    assert gets == found == TRIES // 2


def hanging(gate: asyncio.Event) -> Callable[[Asked], Coroutine[Any, Any, None] | None]:
    """Live reads hang until the gate opens."""

    async def opened() -> None:
        await gate.wait()

    return lambda asked: opened() if asked.kind == "get" else None


def test_hanging_api_server_costs_the_answer_no_more_than_its_time(setup: Setup) -> None:
    """200 pods of unknown accounts: each is let go, with a warning; the reads stay few."""
    seen: list[int] = []

    def fault(asked: Asked) -> Coroutine[Any, Any, None] | None:
        if asked.kind != "get":
            return None
        seen.append(setup.way.open_gets)
        return never()

    setup.way.fault = fault
    names = [f"hangs-{number}" for number in range(200)]
    reviewed = reviews(setup, names, seconds=10)
    assert all(one.status == 200 and one.response["allowed"] for one in reviewed)
    assert not any(one.has_role for one in reviewed)
    assert all("could not be read in time" in one.warning for one in reviewed)
    logged = until(lambda: len(setup.webhook.reviews) == 200 and setup.webhook.reviews)
    assert max(line["ms"] for line in logged) < 10_000
    # One that is given up may still be seen when the next one comes.
    assert MAX_READS / 2 < max(seen) <= MAX_READS * 2
    assert setup.webhook.metric(FAILED) == 200
    setup.way.fault = lambda _asked: None
    setup.way.hold()
    setup.place.account("hangs-no-more")
    assert setup.webhook.gives_role("hangs-no-more", namespace=setup.place.pods)


def test_pods_of_one_account_share_a_read(setup: Setup) -> None:
    """A hundred pods of a Deployment that was just created cost the API server one request."""
    gate, on_their_way = asyncio.Event(), itertools.count(1)
    setup.way.hold()
    setup.way.fault = hanging(gate)
    setup.place.account("shared")

    def sent() -> None:
        if next(on_their_way) == 100:
            # Answered after what came before it.
            assert setup.webhook.get("/healthz")[0] == 200
            setup.way.call(gate.set)

    reviewed = reviews(setup, ["shared"] * 100, seconds=30, sent=sent)
    assert all(one.has_role for one in reviewed)
    # Whoever came in the moment after has read for himself.
    assert setup.way.count("get", "/shared") < 5


def test_pod_that_was_let_go_is_told_of(setup: Setup, tmp_path: Path) -> None:
    """Through a real API server: it starts without its role, and the controller makes an Event."""
    kube = setup.place.kube
    setup.way.fault = lambda asked: never() if asked.path.endswith("/let-go") else None
    with registered(setup.place, setup.webhook):
        setup.way.hold()
        setup.place.account("let-go")
        assert setup.place.pod("let-go", dry_run=False) is False
    assert setup.webhook.metric(FAILED) == 1
    with controlling(setup.place, setup.rig.status["apiServers"][0], tmp_path):
        [event] = until(lambda: events(setup))
    assert event["type"] == "Warning"
    for pod in kube.list("v1", "Pod", namespace=setup.place.pods):
        kube.delete(Ref.of({"apiVersion": "v1", "kind": "Pod", **pod}))


def events(setup: Setup) -> list[dict[str, Any]]:
    """The Events that tell of pods without their role."""
    found = setup.place.kube.list("v1", "Event", namespace=setup.place.pods)
    return [one for one in found if one["reason"] == "RoleMissing"]
