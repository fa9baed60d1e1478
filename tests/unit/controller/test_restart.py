"""Restarts: one rollout at a time, and not for ever."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irsa.controller import restart as module
from irsa.controller.events import Events
from irsa.controller.pods import Bare, OwnerReference
from irsa.controller.restart import PATIENCE, PAUSE, REASON, Restarter
from irsa.controller.workloads import ANNOTATION, COUNT, is_updating, rolled_out
from irsa.errors import KubeError
from irsa.kube.objects import Ref

DONE = {"observedGeneration": 1, "updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}


class FakeWorkloads:
    """Workloads by kind and name; a patch begins a rollout."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict] = {}
        self.patched: list[str] = []
        self.asked: Counter[str] = Counter()
        self.failure: KubeError | None = None
        self.events: list[dict] = []

    def add(self, kind: str, name: str, **changes: Any) -> None:
        workload = {
            "kind": kind,
            "metadata": {"name": name, "generation": 1, "resourceVersion": "1"},
            "spec": {"replicas": 1, "template": {}},
            "status": DONE,
        }
        self.objects[kind, name] = workload | changes

    def get(self, ref: Ref) -> dict | None:
        self.asked[ref.name] += 1
        return self.objects.get((ref.kind, ref.name))

    def patch(self, ref: Ref, patch: Any) -> dict:
        if self.failure:
            raise self.failure
        workload = self.objects[ref.kind, ref.name]
        assert patch["metadata"]["resourceVersion"] == workload["metadata"]["resourceVersion"]
        workload["spec"] = workload["spec"] | {"template": patch["spec"]["template"]}
        generation = workload["metadata"]["generation"] + 1
        workload["metadata"] = workload["metadata"] | patch["metadata"] | {"generation": generation}
        self.patched.append(ref.name)
        return workload

    def create(self, obj: Any) -> Any:
        if self.failure:
            raise self.failure
        self.events.append(obj)
        return obj

    def finish(self, kind: str, name: str) -> None:
        workload = self.objects[kind, name]
        workload["status"] = DONE | {"observedGeneration": workload["metadata"]["generation"]}


class Setup:
    """A restarter with a clock that is set."""

    def __init__(self) -> None:
        self.api = FakeWorkloads()
        self.now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Another process, which remembers nothing."""
        clock = lambda: self.now  # noqa: E731 # two take it
        events = Events(kube=self.api, clock=clock)
        self.restarter = Restarter(kube=self.api, clock=clock, events=events)

    def step(self, *pods: Bare, later: timedelta = timedelta(minutes=1)) -> str | None:
        self.now += later
        ref = self.restarter.step(pods)
        return ref.name if ref else None

    def bare(self, kind: str | None, name: str, **changes: Any) -> Bare:
        """A pod that belongs to something, made just now."""
        uid, api_version = changes.get("uid", name), changes.get("api_version", "apps/v1")
        owner = None
        if kind:
            owner = OwnerReference(api_version=api_version, kind=kind, name=name, controller=True)
        return Bare(
            namespace="shop",
            name=f"{uid}-pod",
            uid=uid,
            service_account="web",
            role_arn="arn",
            containers=("app",),
            owner=owner,
            created=f"{self.now:%Y-%m-%dT%H:%M:%SZ}",
        )


@pytest.fixture(name="setup")
def _setup() -> Setup:
    return Setup()


def test_one_rollout_after_the_other(setup: Setup) -> None:
    """The next begins when the one before has ended, and was seen to help."""
    pods = [setup.bare("StatefulSet", "a"), setup.bare("StatefulSet", "b")]
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
    """A ReplicaSet's template is its Deployment's business, and asked for once, not per pod."""
    setup.api.add("Deployment", "web")
    owner = {"kind": "Deployment", "name": "web", "controller": True}
    setup.api.add("ReplicaSet", "web-7d", metadata={"ownerReferences": [owner]})
    pods = [setup.bare("ReplicaSet", "web-7d", uid=f"pod-{number}") for number in range(50)]
    assert setup.step(*pods) == "web"
    template = setup.api.objects["Deployment", "web"]["spec"]["template"]["metadata"]
    assert ANNOTATION in template["annotations"]
    assert setup.api.asked["web-7d"] == 1


@pytest.mark.parametrize(
    ("kind", "name", "api_version"),
    [
        (None, "x", ""),
        ("Job", "x", "batch/v1"),
        ("Rollout", "x", "argoproj.io/v1alpha1"),
        ("ReplicaSet", "gone", "apps/v1"),
        ("ReplicaSet", "alone", "apps/v1"),
        ("DaemonSet", "gone", "apps/v1"),
    ],
    ids=["alone", "job", "foreign", "replica-set-gone", "replica-set-alone", "gone"],
)
def test_what_cannot_be_restarted_is_left_alone(
    setup: Setup, kind: str | None, name: str, api_version: str
) -> None:
    """A pod of its own, or of a Job, would not come again; other kinds are not known here."""
    setup.api.add("ReplicaSet", "alone", metadata={})
    assert setup.step(setup.bare(kind, name, api_version=api_version)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"replicas": 1, "paused": True}},
        {"spec": {"replicas": 1, "updateStrategy": {"type": "OnDelete"}}},
        {"spec": {"replicas": 1, "updateStrategy": {"rollingUpdate": {"partition": 1}}}},
        {"status": {}},
        {"status": DONE | {"currentRevision": "a-1", "updateRevision": "a-2"}},
    ],
    ids=["paused", "by-hand", "in-part", "unseen", "rolling"],
)
def test_workload_in_other_hands_waits(setup: Setup, changes: dict) -> None:
    """Whoever paused it, rolls it now, or restarts its pods by hand goes first."""
    setup.api.add("StatefulSet", "a", **changes)
    assert setup.step(setup.bare("StatefulSet", "a")) is None


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_pods_that_fail_for_want_of_their_role_are_restarted(setup: Setup, kind: str) -> None:
    """They are not available, and that is no rollout that is under way."""
    status = {
        "observedGeneration": 1,
        "replicas": 1,
        "updatedReplicas": 1,
        "desiredNumberScheduled": 1,
        "updatedNumberScheduled": 1,
    }
    setup.api.add(kind, "a", status=status)
    pod = setup.bare(kind, "a")
    if kind == "Deployment":
        owner = {"kind": kind, "name": "a", "controller": True}
        setup.api.add("ReplicaSet", "a-1", metadata={"ownerReferences": [owner]})
        pod = setup.bare("ReplicaSet", "a-1")
    assert setup.step(pod) == "a"


def lost_again(setup: Setup, name: str) -> None:
    """A restart whose new pod has no role either."""
    assert setup.step(setup.bare("StatefulSet", name), later=timedelta(days=1)) == name
    setup.now += timedelta(seconds=5)
    setup.api.finish("StatefulSet", name)
    assert setup.step(setup.bare("StatefulSet", name, uid="new")) is None


def test_restart_that_did_not_help_pauses_all_and_is_told(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """New pods without a role mean that the fault is elsewhere: nobody is restarted in a circle."""
    for name in ("a", "b"):
        setup.api.add("StatefulSet", name)
    lost_again(setup, "a")
    pods = [setup.bare("StatefulSet", name) for name in ("a", "b")]
    assert [setup.step(*pods) for _ in range(5)] == [None] * 5
    assert "no role either" in caplog.text
    [event] = setup.api.events
    assert (event["reason"], event["involvedObject"]["name"]) == (REASON, "a")
    assert setup.step(*pods, later=PAUSE) == "b"


def test_same_workload_waits_longer_each_time_even_for_another_controller(setup: Setup) -> None:
    """How often and when is written on the workload: a new process is not a new beginning."""
    setup.api.add("StatefulSet", "a")
    assert setup.step(setup.bare("StatefulSet", "a")) == "a"
    gaps = []
    for _ in range(3):
        setup.begin_anew()
        setup.api.finish("StatefulSet", "a")
        began = setup.now
        while setup.step(setup.bare("StatefulSet", "a"), later=timedelta(minutes=10)) is None:
            setup.begin_anew()
            assert setup.now < began + timedelta(days=2)
        gaps.append(setup.now - began)
    assert gaps == [2 * PAUSE, 4 * PAUSE, 8 * PAUSE]
    assert setup.api.objects["StatefulSet", "a"]["metadata"]["annotations"][COUNT] == "4"


def test_rollout_that_another_controller_began_is_waited_for(setup: Setup) -> None:
    """The one that took over does not begin a second one beside it."""
    for name in ("a", "b"):
        setup.api.add("StatefulSet", name)
    pods = [setup.bare("StatefulSet", name) for name in ("a", "b")]
    assert setup.step(pods[1]) == "b"
    setup.begin_anew()
    assert setup.step(*pods) is None
    assert setup.step(*pods) is None
    setup.api.finish("StatefulSet", "b")
    setup.step(*pods)
    assert setup.step(pods[0]) == "a"


def test_rollout_that_hangs_pauses_all(setup: Setup) -> None:
    """A second rollout would make it worse."""
    setup.api.add("StatefulSet", "a")
    setup.api.add("StatefulSet", "b")
    setup.step(setup.bare("StatefulSet", "a"))
    assert setup.step(setup.bare("StatefulSet", "b"), later=PATIENCE) is None
    assert setup.step(setup.bare("StatefulSet", "b")) is None
    assert setup.api.patched == ["a"]


def test_workload_that_goes_away_holds_nobody_up(setup: Setup) -> None:
    """Deleted while it rolls: the next may begin."""
    setup.api.add("StatefulSet", "a")
    setup.api.add("StatefulSet", "b")
    setup.step(setup.bare("StatefulSet", "a"))
    del setup.api.objects["StatefulSet", "a"]
    assert setup.step(setup.bare("StatefulSet", "b")) == "b"


def test_workload_that_changed_meanwhile_is_looked_at_anew(setup: Setup) -> None:
    """The patch names the version that it builds on: of two controllers one is refused."""
    setup.api.add("StatefulSet", "a")
    setup.api.failure = KubeError("modified", status=409, reason="Conflict")
    pod = setup.bare("StatefulSet", "a")
    assert setup.step(pod) is None
    setup.api.failure = None
    assert setup.step(pod) == "a"


def test_event_that_was_refused_is_told_later(setup: Setup) -> None:
    """Also after the pause has begun."""
    setup.api.add("StatefulSet", "a")
    assert setup.step(setup.bare("StatefulSet", "a")) == "a"
    setup.api.failure = KubeError("too many requests", status=429)
    setup.step(later=PATIENCE)
    assert setup.api.events == []
    setup.api.failure = None
    setup.step()
    assert len(setup.api.events) == 1


def test_a_step_is_bounded_and_the_next_goes_on(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands that may not be restarted do not keep a later one from its turn."""
    monkeypatch.setattr(module, "AT_ONCE", 10)
    pods = []
    for number in range(35):
        name = f"a-{number:02}"
        setup.api.add("StatefulSet", name, spec={"updateStrategy": {"type": "OnDelete"}})
        pods.append(setup.bare("StatefulSet", name))
    setup.step(*pods)
    setup.api.asked.clear()
    setup.step(*pods)
    assert setup.api.asked.total() == 10
    setup.api.add("StatefulSet", "z")
    pods.append(setup.bare("StatefulSet", "z"))
    assert "z" in [setup.step(*pods) for _ in range(4)]


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


def test_daemon_set_is_updating_while_a_pod_is_of_the_old_template() -> None:
    """Whatever is available."""
    status = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}
    workload = {"kind": "DaemonSet", "metadata": {"generation": 1}, "status": status}
    assert is_updating(workload)
