"""Pods without their role in a large cluster, and what `irsa status` says of them."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irsa.controller.telling import PODS_OF_AN_OWNER
from irsa.injection.settings import WEBHOOK
from irsa.kube.objects import Ref

from . import placing, serving
from .controlling import Installation
from .faults import way_to
from .losing import LOST, lost_space, pod
from .objects import PREFIX, ROLE, account, remove, space
from .rigs import Rig
from .store import BATCH, etcd
from .waiting import until

pytestmark = pytest.mark.cluster

PODS = 5_000
ACCOUNTS = 10_000
SPACE = "irsa-pods-many"


@pytest.fixture(name="space")
def _space(installed: Installation) -> Iterator[None]:
    with lost_space(installed.kube):
        yield


def stored(kind: str, name: str, **content: Any) -> bytes:
    """An object as it lies in etcd."""
    metadata = {
        "name": name,
        "namespace": SPACE,
        "uid": str(uuid.uuid4()),
        "creationTimestamp": "2026-01-01T00:00:00Z",
    } | content.pop("metadata", {})
    return json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata} | content).encode()


def owners(installed: Installation) -> list[dict[str, Any]]:
    """Ten that pods may belong to without being deleted or adopted: nobody controls ConfigMaps."""
    found = []
    for number in range(10):
        metadata = {"name": f"owner-{number}", "namespace": SPACE}
        made = installed.kube.create(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        )
        uid = made["metadata"]["uid"]
        owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": metadata["name"], "uid": uid}
        found.append(owner | {"controller": True})
    return found


def stored_pod(number: int, owner: dict[str, Any]) -> bytes:
    """A pod as large as they are; nothing schedules it."""
    env = [{"name": f"VARIABLE_{index}", "value": "x" * 40} for index in range(30)]
    spec = {
        "serviceAccountName": f"sa-{number % 100:05}",
        "schedulerName": "nobody",
        "containers": [
            {"name": name, "image": "x", "env": env, "resources": {}} for name in ("app", "side")
        ],
    }
    metadata = {"ownerReferences": [owner]}
    return stored(
        "Pod", f"web-{number:05}", metadata=metadata, spec=spec, status={"phase": "Pending"}
    )


@pytest.fixture(name="many")
def _many(installed: Installation) -> Iterator[None]:
    """10,000 ServiceAccounts with a role, and 5,000 pods without theirs, put into etcd."""
    installed.kube.apply(space(SPACE))
    annotations = {"annotations": {f"{PREFIX}/role-arn": ROLE}}
    items = {
        f"/registry/serviceaccounts/{SPACE}/sa-{number:05}": stored(
            "ServiceAccount", f"sa-{number:05}", metadata=annotations
        )
        for number in range(ACCOUNTS)
    }
    belong = owners(installed)
    pods = {
        f"/registry/pods/{SPACE}/web-{number:05}": stored_pod(number, belong[number % 10])
        for number in range(PODS)
    }
    with etcd(installed.rig) as store:
        for values in (items, pods):
            names = list(values)
            for first in range(0, len(names), BATCH):
                store.put({name: values[name] for name in names[first : first + BATCH]})
        yield
        for kind in ("pods", "serviceaccounts", "events"):
            store.clear(f"/registry/{kind}/{SPACE}/")
    remove(installed.kube, [space(SPACE)])


@pytest.mark.usefixtures("many")
def test_thousands_of_pods_cost_little_and_few_events(
    installed: Installation, tmp_path: Path, record_property: Any
) -> None:
    """Everything is counted; memory, time and Events stay bounded, and the second look is quiet."""
    process = installed.start(tmp_path)
    until(lambda: process.metric("unmutated_pods") == PODS, "every pod is found")
    told = 10 * (PODS_OF_AN_OWNER + 1)
    until(lambda: process.metric('events_total{result="written"}') == told, "all are told")
    before, cpu = process.metric("last_survey_timestamp_seconds"), process.cpu
    until(lambda: process.metric("last_survey_timestamp_seconds") > before + 2, "more looks")
    assert process.metric('events_total{result="written"}') == told
    assert len(installed.events("RoleMissing", namespace=SPACE)) == told
    assert process.said("a running pod has no role") == 10 * PODS_OF_AN_OWNER
    assert process.is_ready
    assert process.memory < 200
    record_property("memory", process.memory)
    record_property("cpu", process.cpu - cpu)


def status(installed: Installation, tmp_path: Path, *options: str) -> tuple[int, str]:
    """What `irsa status` says, and how it ends."""
    config = tmp_path / "irsa.yaml"
    document = {
        "apiVersion": "irsa/v1",
        "cluster": {"name": "pods", "uid": installed.kube.cluster_uid()},
        "aws": {"account": ROLE.split(":")[4], "region": "eu-west-1"},
        "issuer": {"publish": "s3", "bucket": "pods-issuer"},
        "injection": {"engine": "webhook", "namespace": installed.own},
    }
    config.write_text(json.dumps(document))
    ended = installed.rig.irsa("status", "--config", str(config), *options, check=False)
    return ended.returncode, ended.stdout


@pytest.mark.usefixtures("space")
def test_status_names_lost_pods_and_refused_roles_with_or_without_a_controller(
    installed: Installation, tmp_path: Path
) -> None:
    """For people and for scripts; its exit code tells that something is wrong."""
    installed.kube.create(pod("alone"))
    installed.kube.create(account("odd", LOST, role="arn:aws:iam::999999999999:role/x"))
    code, text = status(installed, tmp_path)
    assert code == 9
    assert f"{LOST}/alone" in text
    assert f"{LOST}/odd: account 999999999999" in text
    assert "no controller acts" in text
    process = installed.start(tmp_path)
    until(lambda: installed.holds and process.is_ready, "everything is made")
    code, text = status(installed, tmp_path, "--output", "json")
    assert code == 9
    seen = json.loads(text)
    parts = {part["name"]: part["ok"] for part in seen["parts"]}
    assert parts == {
        "registration": True,
        "webhook": False,
        "controller": False,
        "lease": True,
        "certificate": True,
        "authority": True,
    }
    assert [one["name"] for one in seen["podsWithoutRole"]] == ["alone"]
    assert [one["name"] for one in seen["serviceAccounts"]["refused"]] == ["odd"]


def test_pod_let_through_is_told_of_with_the_webhooks_reason(
    installed: Installation, rig: Rig, tmp_path: Path
) -> None:
    """The webhook may not read ServiceAccounts: the pod notes it, the Event says it, later too."""
    server = rig.status["apiServers"][0]
    with (
        placing.placed(rig.kube, "irsa-reason") as there,
        way_to(server, tmp_path / "way") as (way, authority),
    ):
        webhook = serving.start(way, authority, tmp_path / "webhook", token=there.token())
        try:
            until(lambda: webhook.is_ready, "it is ready")
            with placing.registered(there, webhook):
                way.hold()
                _forbid(there)
                there.account("unread")
                made = until(lambda: _let_through(there), "a pod without its role")
        finally:
            webhook.end()
        note = made["metadata"]["annotations"]["irsa/role-missing"]
        assert "unread could not be read" in note
        # The controller was not there at that moment; both share their cluster-wide names.
        installed.restore()
        process = installed.start(tmp_path)
        [event] = until(
            lambda: installed.events("RoleMissing", namespace=there.pods), "an Event beside it"
        )
        assert event["involvedObject"]["name"] == made["metadata"]["name"]
        assert "unread could not be read" in event["message"]
        assert process.is_ready
        rig.kube.delete(Ref("v1", "Pod", made["metadata"]["name"], there.pods))


def _forbid(there: placing.Place) -> None:
    role = Ref("rbac.authorization.k8s.io/v1", "ClusterRole", WEBHOOK)
    there.kube.patch(role, {"rules": []})


def _let_through(there: placing.Place) -> dict[str, Any] | None:
    """A pod that came out without its role, once the permission is gone everywhere."""
    metadata = {"generateName": "let-", "namespace": there.pods}
    spec = {
        "serviceAccountName": "unread",
        "schedulerName": "nobody",
        "containers": [{"name": "app", "image": "x"}],
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    made = there.kube.create(body, dry_run=True)
    if any(volume["name"] == "aws-iam-token" for volume in made["spec"]["volumes"]):
        return None
    return there.kube.create(body)
