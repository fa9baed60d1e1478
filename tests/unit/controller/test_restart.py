"""Restarts: one rollout at a time, and not for ever."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irsa.controller.pods import Bare, OwnerReference
from irsa.controller.restart import ANNOTATION, PATIENCE, PAUSE, Restarter, rolled_out
from irsa.kube.objects import Ref

DONE = {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}


class FakeWorkloads:
    """Workloads by kind and name; a patch begins a rollout."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict] = {}
        self.patched: list[str] = []

    def add(self, kind: str, name: str, **changes: Any) -> None:
        workload = {
            "kind": kind,
            "metadata": {"name": name, "generation": 1},
            "spec": {"replicas": 1, "template": {}},
            "status": DONE,
        }
        self.objects[kind, name] = workload | changes

    def get(self, ref: Ref) -> dict | None:
        return self.objects.get((ref.kind, ref.name))

    def patch(self, ref: Ref, patch: Any) -> dict:
        workload = self.objects[ref.kind, ref.name]
        workload["spec"] = workload["spec"] | {"template": patch["spec"]["template"]}
        workload["metadata"] = workload["metadata"] | {"generation": 2}
        self.patched.append(ref.name)
        return workload

    def finish(self, kind: str, name: str) -> None:
        self.objects[kind, name]["status"] = DONE | {"observedGeneration": 2}


class Setup:
    """A restarter with a clock that is set."""

    def __init__(self) -> None:
        self.api = FakeWorkloads()
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.restarter = Restarter(kube=self.api, clock=lambda: self.now)

    def step(self, *pods: Bare, later: timedelta = timedelta(minutes=1)) -> str | None:
        self.now += later
        ref = self.restarter.step(pods)
        return ref.name if ref else None


@pytest.fixture(name="setup")
def _setup() -> Setup:
    return Setup()


def bare(kind: str | None, name: str, *, api_version: str = "apps/v1") -> Bare:
    """A pod that belongs to something."""
    owner = None
    if kind:
        owner = OwnerReference(api_version=api_version, kind=kind, name=name, controller=True)
    return Bare(
        namespace="shop",
        name=f"{name}-pod",
        uid=name,
        service_account="web",
        role_arn="arn",
        containers=("app",),
        owner=owner,
    )


def test_one_rollout_after_the_other(setup: Setup) -> None:
    """The next begins when the one before has ended, and was seen to help."""
    pods = [bare("StatefulSet", "a"), bare("StatefulSet", "b")]
    setup.api.add("StatefulSet", "a")
    setup.api.add("StatefulSet", "b")
    assert setup.step(*pods) == "a"
    assert setup.step(*pods) is None
    setup.api.finish("StatefulSet", "a")
    assert setup.step(*pods) is None
    assert setup.step(pods[1]) == "b"
    assert setup.api.patched == ["a", "b"]
    assert setup.restarter.restarts == 2


def test_deployment_is_found_behind_its_replica_set(setup: Setup) -> None:
    """A ReplicaSet's template is its Deployment's business."""
    setup.api.add("Deployment", "web")
    owner = {"kind": "Deployment", "name": "web", "controller": True}
    setup.api.add("ReplicaSet", "web-7d", metadata={"ownerReferences": [owner]})
    assert setup.step(bare("ReplicaSet", "web-7d")) == "web"
    annotations = setup.api.objects["Deployment", "web"]["spec"]["template"]["metadata"]
    assert ANNOTATION in annotations["annotations"]


@pytest.mark.parametrize(
    "pod",
    [bare(None, "x"), bare("Job", "x", api_version="batch/v1"), bare("ReplicaSet", "gone")],
    ids=["alone", "job", "gone"],
)
def test_what_cannot_be_restarted_is_left_alone(setup: Setup, pod: Bare) -> None:
    """A pod of its own, or of a Job, would not come again."""
    assert setup.step(pod) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"replicas": 1, "paused": True}},
        {"spec": {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}},
        {"status": {}},
    ],
    ids=["paused", "by-hand", "rolling"],
)
def test_workload_in_other_hands_waits(setup: Setup, changes: dict) -> None:
    """Whoever paused it, rolls it now, or restarts its pods by hand goes first."""
    setup.api.add("StatefulSet", "a", **changes)
    assert setup.step(bare("StatefulSet", "a")) is None


def test_restart_that_did_not_help_pauses_all(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """New pods without a role mean that the fault is elsewhere: nobody is restarted in a circle."""
    pods = [bare("StatefulSet", "a"), bare("StatefulSet", "b")]
    setup.api.add("StatefulSet", "a")
    setup.api.add("StatefulSet", "b")
    setup.step(*pods)
    setup.api.finish("StatefulSet", "a")
    assert [setup.step(*pods) for _ in range(5)] == [None] * 5
    assert "restarts pause" in caplog.text
    assert setup.step(*pods, later=PAUSE) == "a"


def test_rollout_that_hangs_pauses_all(setup: Setup) -> None:
    """A second rollout would make it worse."""
    setup.api.add("StatefulSet", "a")
    setup.api.add("StatefulSet", "b")
    setup.step(bare("StatefulSet", "a"))
    assert setup.step(bare("StatefulSet", "b"), later=PATIENCE) is None
    assert setup.api.patched == ["a"]


def test_next_controller_waits_for_what_the_last_one_began(setup: Setup) -> None:
    """A rollout under way that carries our mark counts as ours."""
    template = {"metadata": {"annotations": {ANNOTATION: "2026-11-24T12:00:00Z"}}}
    setup.api.add("StatefulSet", "a", spec={"replicas": 1, "template": template}, status={})
    setup.api.add("StatefulSet", "b")
    assert setup.step(bare("StatefulSet", "a"), bare("StatefulSet", "b")) is None


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [
        ("Deployment", DONE, True),
        ("Deployment", DONE | {"observedGeneration": 0}, False),
        ("Deployment", DONE | {"replicas": 2}, False),
        ("Deployment", DONE | {"availableReplicas": 0}, False),
        ("DaemonSet", {"observedGeneration": 1, "desiredNumberScheduled": 0}, True),
        (
            "DaemonSet",
            {
                "observedGeneration": 1,
                "desiredNumberScheduled": 2,
                "updatedNumberScheduled": 2,
                "numberAvailable": 1,
            },
            False,
        ),
    ],
)
def test_rollout_is_done_when_every_pod_is_new_and_available(
    kind: str, status: dict, done: bool
) -> None:
    """Not before: the next one would take two at a time."""
    workload = {"kind": kind, "metadata": {"generation": 1}, "spec": {"replicas": 1}}
    assert rolled_out(workload | {"status": status}) is done
