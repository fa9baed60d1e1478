"""The webhook in a cluster of 100,000 ServiceAccounts, listed while they come and go."""

import json
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from irsa.kube.stream import PAGE

from .faults import way_to
from .objects import ROLE
from .placing import KNOWN, Place, placed
from .rigs import Rig, rig_up
from .serving import start
from .store import BATCH, etcd
from .waiting import until

pytestmark = pytest.mark.cluster

MANY = 100_000
# A generous bound in MB: they take less than half of it.
MEMORY = 250
MADE = "2026-01-01T00:00:00Z"


@pytest.fixture(name="own", scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig_up("scale", tmp_path_factory.mktemp("rig")) as up:
        yield up


@pytest.fixture(name="place", scope="module")
def _place(own: Rig) -> Iterator[Place]:
    with placed(own.kube, "scale") as place:
        fill(own, place.pods)
        yield place
        with etcd(own) as store:
            store.clear(accounts(place.pods))


def fill(rig: Rig, namespace: str) -> None:
    """Put the ServiceAccounts where the API server keeps them: it would take minutes itself."""
    names = [f"many-{number:06}" for number in range(MANY)]
    with etcd(rig) as store:
        for start_ in range(0, MANY, BATCH):
            batch = names[start_ : start_ + BATCH]
            store.put({accounts(namespace) + name: stored(namespace, name) for name in batch})


def accounts(namespace: str) -> str:
    """Where they lie in etcd."""
    return f"/registry/serviceaccounts/{namespace}/"


def stored(namespace: str, name: str) -> bytes:
    """A ServiceAccount as it lies in etcd."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": MADE,
        "annotations": {"eks.amazonaws.com/role-arn": ROLE},
    }
    return json.dumps({"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata}).encode()


class Churn(threading.Thread):
    """ServiceAccounts are made and deleted, at both ends of the list, as long as it is paged."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.end = threading.Event()
        self.made: list[str] = []
        self.deleted: list[str] = []

    def run(self) -> None:
        while not self.end.is_set():
            number = len(self.made) // 2
            for side in ("aaa", "zzz"):
                self.place.account(f"{side}-{number}")
                self.made.append(f"{side}-{number}")
            for gone in (f"many-{number:06}", f"many-{MANY - 2 - number:06}"):
                self.place.delete(gone)
                self.deleted.append(gone)


@pytest.mark.timeout(600)
def test_hundred_thousand_service_accounts(own: Rig, place: Place, tmp_path: Path) -> None:
    """The last one is served from the cache, and what changed while they were listed is right."""
    churn = Churn(place)
    with way_to(own.status["apiServers"][0], tmp_path / "way") as (way, authority):
        churn.start()
        began = time.monotonic()
        webhook = start(way, authority, tmp_path / "webhook", token=place.token())
        try:
            until(lambda: webhook.is_ready)
            seconds = time.monotonic() - began
            churn.end.set()
            churn.join()
            whole = MANY + len(churn.made) - len(churn.deleted)
            until(lambda: webhook.metric(KNOWN) >= whole)

            def role(name: str) -> bool:
                return webhook.gives_role(name, namespace=place.pods)

            assert role(f"many-{MANY - 1:06}")
            assert way.count("list") >= MANY / PAGE
            assert way.count("get") == 0
            wrong = [name for name in churn.made if not role(name)]
            wrong += [name for name in churn.deleted if role(name)]
            assert wrong == []
            print(  # noqa: T201 # a measurement, shown with -s
                f"{MANY} ServiceAccounts: ready after {seconds:.1f} s, {webhook.memory} MB; "
                f"{len(churn.made)} made and {len(churn.deleted)} deleted meanwhile",
                file=sys.stderr,
            )
            assert webhook.memory < MEMORY
        finally:
            churn.end.set()
            churn.join()
            webhook.end()
