"""The door to Kubernetes, on a real API server."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.fakes.kube_cases import CASES, config_map, service_account

from irsa.errors import KubeError
from irsa.kube import locate
from irsa.kube.client import Kube
from irsa.kube.connection import Auth
from irsa.kube.objects import Ref, collection_path
from irsa.kube.stream import Stream

from .objects import remove

pytestmark = pytest.mark.cluster

MANY = 510


@pytest.fixture(scope="module", name="kube")
def _kube(rig):
    with Kube.open(kubeconfig=str(rig.kubeconfig)) as kube:
        yield kube


@pytest.fixture(scope="module", name="make_namespace")
def _make_namespace(kube):
    """Makes namespaces, that are all deleted at once at the end."""
    made = []

    def make():
        metadata = {"generateName": "kube-door-"}
        created = kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        made.append(created)
        return created["metadata"]["name"]

    yield make
    remove(kube, made)


@pytest.fixture(name="namespace")
def _namespace(make_namespace):
    return make_namespace()


@pytest.fixture(scope="module", name="crowd")
def _crowd(kube, make_namespace):
    """A namespace with more ServiceAccounts than one page holds."""
    name = make_namespace()
    for n in range(MANY):
        kube.create(service_account(name, f"sa-{n}", **{"irsa/n": str(n)}))
    return name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_cluster_behaves_as_promised(case, kube, namespace):
    """Every promise of Kube holds on a real API server."""
    case(kube, namespace)


def test_long_list_is_whole(kube, crowd):
    """More than a page, nothing twice, nothing missing."""
    found = kube.list("v1", "ServiceAccount", namespace=crowd)
    names = [account["metadata"]["name"] for account in found]
    assert len(set(names)) == len(names)
    assert {f"sa-{n}" for n in range(MANY)} <= set(names)


def test_observed_changes_are_complete(rig, kube, namespace):
    """Whoever is told of every change can stop before or after each."""
    told = []
    kube.create(service_account(namespace))

    class Observer:
        def before(self, method, path):
            told.append(("before", method, path))

        def after(self, method, path):
            told.append(("after", method, path))

    with Kube.open(kubeconfig=str(rig.kubeconfig), observer=Observer()) as seen:
        ref = Ref.of(seen.apply(config_map(namespace)))
        seen.delete(ref)
        seen.create_token(namespace, "sa", audiences=[])
    methods, moments = ("PATCH", "DELETE"), ("before", "after")
    assert told == [(moment, method, ref.path) for method in methods for moment in moments]


def test_wrong_credentials_are_told_from_missing_rights(rig, kube, namespace):
    """401 and 403, each with what to look at."""
    kube.create(service_account(namespace))
    token = kube.create_token(namespace, "sa", audiences=[]).token
    assert _refusal(rig, token, lambda other: other.list("v1", "Secret")).status == 403
    assert _refusal(rig, "x" + token, lambda other: other.list("v1", "Secret")).status == 401


def _refusal(rig, token: str, call: Callable[[Kube], object]) -> KubeError:
    with Kube.connect(_with_token(rig, token)) as other, pytest.raises(KubeError) as caught:
        call(other)
    return caught.value


def _with_token(rig, token: str):
    connection = locate.connection(str(rig.kubeconfig), None, environment=os.environ)
    return replace(connection, auth=Auth(token=token))


def test_stream_lists_watches_and_gets(rig, kube, crowd):
    """The webhook's door sees what the other one does."""

    async def look():
        stream = Stream(locate.connection(str(rig.kubeconfig), None, environment=os.environ))
        path = collection_path("v1", "ServiceAccount", crowd)
        try:
            pieces = [piece async for piece in stream.list_pieces(path, prefix="irsa/", limit=500)]
            await asyncio.to_thread(kube.create, service_account(crowd, "late", a="b"))
            version = pieces[-1].resource_version
            async with contextlib.aclosing(stream.watch(path, version)) as events:
                event = await anext(events)
            one = await stream.get_metadata(f"{path}/sa-7")
            return pieces, event, one, await stream.get_metadata(f"{path}/nobody")
        finally:
            await stream.close()

    pieces, event, one, nobody = asyncio.run(asyncio.wait_for(look(), 60))
    names = {item.name: item.annotations for piece in pieces for item in piece.items}
    assert len(names) >= MANY
    assert names["sa-7"] == {"irsa/n": "7"}
    assert (event.type, event.object.metadata.name) == ("ADDED", "late")
    assert one.metadata.annotations == {"irsa/n": "7"}
    assert nobody is None


def test_watch_outlives_a_restart_of_the_api_server(make_rig):
    """Killed and started anew: nothing is missed, nothing told twice."""
    own = make_rig()
    (server,) = own.status["apiServers"]
    with Kube.open(kubeconfig=str(own.kubeconfig)) as kube:
        kube.apply(config_map("default", "before"))
        events = kube.watch("v1", "ConfigMap", namespace="default", timeout=120)
        names = list(_names(events, until="before"))
        os.kill(server["pid"], signal.SIGKILL)
        _until_written(kube, config_map("default", "after"))
        names += _names(events, until="after")
        events.close()
    assert len(names) == len(set(names))
    assert {"before", "after"} <= set(names)


def _names(events, *, until: str):
    for _, obj in events:
        yield obj["metadata"]["name"]
        if obj["metadata"]["name"] == until:
            return


def _until_written(kube: Kube, obj) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            kube.apply(obj)
            return
        except KubeError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
