"""Restarts on opt-in: whatever the kind, one rollout at a time, and not for ever."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from irsa.controller.workloads import ANNOTATION, APPS, COUNT, restarted_at, rolled_out
from irsa.errors import KubeError
from irsa.injection.settings import WEBHOOK
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

from .controlling import Installation
from .faults import way_to
from .losing import LOST, lost_space, pod, pods, workload
from .placing import Place, registered
from .serving import start
from .waiting import until

pytestmark = pytest.mark.cluster

KINDS = ("DaemonSet", "Deployment", "StatefulSet")
# A rollout takes longer than the controller's pauses between its looks.
SLOWLY = {"minReadySeconds": 3}


@pytest.fixture(name="restarting")
def _restarting(installed: Installation) -> Iterator[Installation]:
    """Its controller has the permission to restart; and a namespace for workloads."""
    installed.settings = replace(installed.settings, restart=True)
    installed.restore()
    with lost_space(installed.kube):
        yield installed


def restarted(installed: Installation, obj: dict[str, Any]) -> str | None:
    """When a workload was restarted."""
    template = installed.kube.get(Ref.of(obj))["spec"]["template"]["metadata"]
    return (template.get("annotations") or {}).get(ANNOTATION)


def test_restart_that_does_not_help_is_made_once_and_told(
    restarting: Installation, tmp_path: Path
) -> None:
    """The new pod is lost as well: an Event says so, and nothing goes on in a circle."""
    lost = [workload("Deployment", "a"), workload("StatefulSet", "b", serviceName="b")]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "d", "namespace": LOST},
        "spec": {"template": {"spec": pod("d")["spec"] | {"restartPolicy": "Never"}}},
    }
    for item in (*lost, job, pod("alone")):
        restarting.kube.create(item)
    until(lambda: len(pods(restarting.kube)) == 4, "the pods are there")
    process = restarting.start(tmp_path, "--restart")
    [event] = until(lambda: restarting.events("RestartDidNotHelp", namespace=LOST), "it is told")
    named = {item["metadata"]["name"]: item for item in lost}
    first = named[event["involvedObject"]["name"]]
    at = restarted(restarting, first)
    assert at
    assert restarting.kube.get(Ref.of(first))["metadata"]["annotations"][COUNT] == "1"
    before = process.metric("last_survey_timestamp_seconds")
    until(lambda: process.metric("last_survey_timestamp_seconds") > before + 4, "more looks")
    assert process.metric("restarts_total") == 1
    assert restarted(restarting, first) == at
    # Another process knows it too: it is written on the workload.
    process.kill()
    second = restarting.start(tmp_path, "--restart")
    until(lambda: (second.metric("unmutated_pods") or 0) >= 4, "it looked")
    before = second.metric("last_survey_timestamp_seconds")
    until(lambda: second.metric("last_survey_timestamp_seconds") > before + 2, "more looks")
    assert restarted(restarting, first) == at
    events = restarting.events("RoleMissing", namespace=LOST)
    told = {event["involvedObject"]["name"] for event in events}
    assert any(name.startswith("d-") for name in told)
    assert "alone" in told


class Versions:
    """
    Every version of the workloads, in the order of their writing.

    The versions of objects come from one counter of etcd, so that several watches give one order.
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._kubeconfig = kubeconfig
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        self._seen: dict[int, Object] = {}

    def __enter__(self) -> "Versions":
        for kind in KINDS:
            kube = self._stack.enter_context(Kube.open(kubeconfig=str(self._kubeconfig)))
            watch = kube.watch(APPS, kind, namespace=LOST)
            self._threads.append(threading.Thread(target=self._read, args=(kind, watch)))
            self._threads[-1].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for thread in self._threads:
            thread.join()

    def _read(self, kind: str, watch: Iterator[tuple[str, Object]]) -> None:
        with contextlib.suppress(KubeError):
            for _, item in watch:
                self._seen[int(item["metadata"]["resourceVersion"])] = item | {"kind": kind}

    def heard(self, item: Object) -> bool:
        return int(item["metadata"]["resourceVersion"]) in self._seen

    def rolling(self) -> list[set[str]]:
        """Whose restarts were under way, after each version."""
        now: dict[str, Object] = {}
        found = []
        for _, item in sorted(self._seen.items()):
            now[item["kind"]] = item
            under_way = {
                kind for kind, one in now.items() if restarted_at(one) and not rolled_out(one)
            }
            found.append(under_way)
        return found


@contextlib.contextmanager
def healed(restarting: Installation, directory: Path) -> Iterator[None]:
    """A webhook is there from now on: new pods get their role."""
    token = restarting.kube.create_token(restarting.own, WEBHOOK, audiences=[]).token
    with way_to(restarting.rig.status["apiServers"][0], directory / "way") as (way, authority):
        webhook = start(way, authority, directory / "webhook", token=token)
        try:
            until(lambda: webhook.is_ready, "the webhook is ready")
            with registered(Place(restarting.kube, restarting.own, LOST), webhook):
                yield
        finally:
            webhook.end()


def has_role(made: Object) -> bool:
    return any(volume["name"] == "aws-iam-token" for volume in made["spec"].get("volumes", ()))


def test_every_kind_is_restarted_one_rollout_at_a_time(
    restarting: Installation, tmp_path: Path
) -> None:
    """A DaemonSet, a Deployment and a StatefulSet that lost their roles: all of them have them."""
    kube = restarting.kube
    made = [
        workload("DaemonSet", "every", **SLOWLY),
        workload("Deployment", "some", replicas=2, **SLOWLY),
        workload("StatefulSet", "named", replicas=2, serviceName="named", **SLOWLY),
    ]
    for item in made:
        kube.create(item)
    refs = [Ref.of(item) for item in made]
    until(lambda: all(rolled_out(kube.get(ref)) for ref in refs), "their pods run")
    assert not any(has_role(one) for one in pods(kube))
    with Versions(restarting.rig.kubeconfig) as versions, healed(restarting, tmp_path):
        process = restarting.start(tmp_path, "--restart")
        until(lambda: process.metric("restarts_total") == len(refs), "all were restarted")
        until(lambda: all(rolled_out(kube.get(ref)) for ref in refs), "all are rolled out")
        until(lambda: all(versions.heard(kube.get(ref)) for ref in refs), "it is heard of")
        until(lambda: all(has_role(one) for one in pods(kube)), "the old pods are gone")
        until(lambda: process.metric("unmutated_pods") == 0, "no pod is without its role")
    assert len(pods(kube)) == 5
    assert set.union(*versions.rolling()) == set(KINDS)
    assert max(len(one) for one in versions.rolling()) == 1
    assert process.metric("restarts_total") == len(refs)
    assert restarting.events("RestartDidNotHelp", namespace=LOST) == []
