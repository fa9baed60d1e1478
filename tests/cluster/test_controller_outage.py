"""The API server away, overloaded, silent, or refusing in part: the controller goes on."""

import itertools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from irsa.errors import KubeError
from irsa.injection.settings import TLS_SECRET

from .controlling import Installation, installation
from .gate import Fault, Gate, refusing
from .objects import account, remove
from .rigs import Rig
from .running import Process
from .waiting import until

pytestmark = pytest.mark.cluster


@pytest.fixture(name="running")
def _running(installed: Installation, tmp_path: Path, gate: Gate) -> Process:
    process = installed.start(tmp_path, gate=gate)
    until(lambda: installed.holds and process.is_ready, "everything is made")
    return process


def is_well(process: Process) -> None:
    """Wait until it works, and look whether anything broke."""
    until(lambda: process.is_ready, "it is ready")
    assert process.child.poll() is None
    assert process.metric("leader") == 1
    assert "Traceback" not in process.text


def heals(installed: Installation, process: Process) -> None:
    """What is damaged now is mended, so everything works."""
    is_well(process)
    leaf = installed.leaf
    installed.lose(TLS_SECRET)
    until(lambda: installed.holds and installed.leaf != leaf, "it mends")


def lost(gate: Gate) -> None:
    gate.lost()


def silent(gate: Gate) -> None:
    gate.hold()


def answering(fault: Fault) -> Callable[[Gate], None]:
    def begin(gate: Gate) -> None:
        gate.fault = fault

    return begin


def complains(process: Process, task: str, text: str) -> bool:
    """Whether a task fails now, and why."""
    lines = process.complaints.splitlines()
    return any(line.startswith(f"{task}: ") and text in line for line in lines)


FAULTS = {
    "lost": (lost, "disconnected"),
    "silent": (silent, "did not answer in time"),
    "429": (answering(refusing(429, retry_after="1")), "the gate refuses"),
    "500": (answering(refusing(500)), "the gate refuses"),
    "503": (answering(refusing(503, retry_after="1")), "the gate refuses"),
    "401": (answering(refusing(401)), "does not accept our credentials"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_api_server_that_is_of_no_use_is_waited_for(
    installed: Installation,
    running: Process,
    gate: Gate,
    *,
    fault: Callable[[Gate], None],
    said: str,
) -> None:
    """It says so, asks moderately, stays alive, and goes on when it can."""
    fault(gate)
    began = time.monotonic()
    until(lambda: complains(running, "lease", said), "it says so")
    assert running.metric('task_failing{task="lease"}') == 1
    assert running.get("/healthz")[0] == 200
    until(lambda: time.monotonic() > began + 5)
    # Each half second at most a request and its repetitions, which take seconds.
    passed, took = len(gate.since(began)), time.monotonic() - began
    assert passed <= 4 * took + 4
    assert sum(said in line for line in running.lines_of("lease")) == 1
    gate.whole()
    heals(installed, running)


@pytest.mark.parametrize("fault", [lost, silent], ids=["lost", "silent"])
def test_unreachable_at_its_start_is_waited_for(
    installed: Installation, tmp_path: Path, gate: Gate, fault: Callable[[Gate], None]
) -> None:
    """No crash loop: it is alive and not ready, and acts as soon as it can."""
    fault(gate)
    process = installed.start(tmp_path, gate=gate)
    until(lambda: "lease" in process.complaints, "it says so")
    assert process.child.poll() is None
    gate.whole()
    until(lambda: installed.holds, "everything is made")
    is_well(process)


def test_connections_that_are_cut_all_the_time_stop_nothing(
    installed: Installation, running: Process, gate: Gate
) -> None:
    """A load balancer that drops connections: reads are repeated, writes come again."""
    leaf, cuts = installed.leaf, 0
    installed.lose(TLS_SECRET)
    while not (installed.holds and installed.leaf != leaf):
        gate.server.hang_up()
        cuts += 1
        assert cuts < 500
        time.sleep(0.1)
    is_well(running)


def test_one_task_that_is_answered_with_errors_is_tried_less_and_less(
    installed: Installation, running: Process, gate: Gate
) -> None:
    """The Lease is kept and pods are looked for, while Secrets cannot be read."""
    began = time.monotonic()
    gate.fault = refusing(500, path="/secrets/")
    looks = [
        lambda: len(gate.since(began, path="/secrets/irsa-webhook-tls")) >= 5,
        lambda: len(gate.since(began, path="/serviceaccounts")) >= 5,
    ]
    for look in looks:
        until(look, "both are tried")
    assert "certificates" in running.complaints
    assert "survey" not in running.complaints
    assert running.leads
    times = [one.at for one in gate.since(began, path="/secrets/irsa-webhook-tls")]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[3] > gaps[1]
    gate.whole()
    heals(installed, running)


RIGHTS = {
    "lease": ("Role", "leases", "lease"),
    "pods": ("ClusterRole", "pods", "survey"),
    "secrets": ("Role", "secrets", "certificates"),
    "registration": ("ClusterRole", "mutatingwebhookconfigurations", "certificates"),
}


@pytest.mark.parametrize(("kind", "resource", "task"), RIGHTS.values(), ids=RIGHTS)
def test_missing_permission_is_named_and_heals(
    installed: Installation, running: Process, *, kind: str, resource: str, task: str
) -> None:
    """Only what needs it stands still; readiness, metrics and log say what."""
    installed.without(kind, resource)
    try:
        until(lambda: running.complaints.startswith(f"{task}: not allowed"), "it says so")
        assert running.metric(f'task_failing{{task="{task}"}}') == 1
        assert running.said("not allowed")
        assert len(running.complaints.splitlines()) == 1
    finally:
        installed.restore()
    heals(installed, running)


def test_without_the_permission_for_events_pods_are_counted(
    installed: Installation, running: Process
) -> None:
    """What cannot be told beside the pod is told in the log and by numbers."""
    installed.without("ClusterRole", "events")
    until(lambda: not may_tell(installed), "the permission is gone")
    try:
        with bare_pod(installed):
            until(lambda: running.metric("unmutated_pods") == 1, "it is counted")
            until(lambda: running.metric('events_total{result="failed"}'), "it is tried")
            assert running.is_ready
            assert running.said("no Event") == 1
            installed.restore()
            until(lambda: installed.events("RoleMissing", namespace="default"), "it is told")
    finally:
        installed.restore()


def may_tell(installed: Installation) -> bool:
    """Whether the controller may write Events now."""
    metadata = {"name": "probe", "namespace": "default"}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, "involvedObject": {}}
    with installed.as_controller() as kube:
        try:
            kube.create(event, dry_run=True)
        except KubeError as error:
            return error.status != 403
    return True


class bare_pod:  # noqa: N801 # used as a context manager
    """A pod that should have a role, and was made while nobody gave it."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed
        metadata = {"name": "bare", "namespace": "default"}
        spec = {
            "serviceAccountName": "bare",
            "schedulingGates": [{"name": "irsa.test/never"}],
            "containers": [{"name": "app", "image": "x"}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        self._items = (account("bare", "default"), pod)

    def __enter__(self) -> None:
        for item in self._items:
            self._installed.kube.create(item)

    def __exit__(self, *_: object) -> None:
        remove(self._installed.kube, self._items)


@pytest.mark.parametrize("code", [429, 500], ids=str)
def test_event_that_the_api_server_refuses_is_told_later_and_once(
    installed: Installation, running: Process, gate: Gate, code: int
) -> None:
    """Neither lost, nor written again with every look."""
    began = time.monotonic()
    gate.fault = refusing(code, path="/events", method="POST")
    with bare_pod(installed):
        until(lambda: running.metric('events_total{result="failed"}'), "it was refused")
        until(lambda: "survey" in running.complaints, "it says so")
        gate.whole()
        [event] = until(lambda: installed.events("RoleMissing", namespace="default"), "it is told")
        assert event["involvedObject"]["name"] == "bare"
        before = running.metric("last_survey_timestamp_seconds")
        until(lambda: running.metric("last_survey_timestamp_seconds") > before + 3, "more looks")
        [event] = installed.events("RoleMissing", namespace="default")
        assert event["count"] == 1
    written = [one for one in gate.since(began) if "/events" in one.path and one.status == 201]
    assert len(written) == 1
    is_well(running)


@pytest.mark.timeout(600)
def test_api_server_that_is_killed_costs_nothing(
    make_rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """A real one, with SIGKILL: the controller goes on with the next."""
    rig = make_rig()
    with installation(rig, "irsa-killed") as installed:
        process = installed.start(tmp_path)
        until(lambda: installed.holds and process.is_ready, "everything is made")
        leaf = installed.leaf
        pid = rig.status["apiServers"][0]["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: rig.status["apiServers"][0]["pid"] not in (None, pid), "another one")
        until(lambda: answers(rig), "another one answers")
        is_well(process)
        assert installed.leaf == leaf
        heals(installed, process)


def answers(rig: Rig) -> bool:
    """Whether the API server is ready."""
    try:
        return rig.kube.raw("/readyz") == b"ok"
    except KubeError:
        return False
