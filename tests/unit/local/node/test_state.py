"""A pod's status, made of what is known of its containers."""

from typing import Any

import pytest

from irsa.kube.objects import Object
from irsa.local.node.state import Facts, Snapshot, status, waiting

FACTS = Facts(address="192.0.2.7", started="t0", now="t1")
RUNNING = {"running": {"startedAt": "t0"}}
POD: Object = {"spec": {"initContainers": [{"name": "i"}], "containers": [{"name": "c"}]}}


def snapshot(name: str = "c", **changes: Any) -> Snapshot:
    return Snapshot(name=name, image="irsa", **changes)


def ended(code: int, name: str = "c", *, finished: bool = True) -> Snapshot:
    return snapshot(name, state={"terminated": {"exitCode": code}}, finished=finished)


@pytest.mark.parametrize(
    ("initial", "ordinary", "phase"),
    [
        ([], [snapshot()], "Pending"),
        ([], [snapshot(state=RUNNING)], "Running"),
        ([], [ended(0)], "Succeeded"),
        ([], [ended(0), ended(1, "d")], "Failed"),
        ([], [ended(1, finished=False)], "Running"),
        ([], [snapshot(state=waiting("CrashLoopBackOff"), last=RUNNING)], "Running"),
        ([snapshot("i", state=RUNNING)], [snapshot()], "Pending"),
        ([ended(1, "i")], [snapshot()], "Failed"),
        ([ended(0, "i")], [snapshot(state=RUNNING)], "Running"),
    ],
)
def test_phase(initial: list[Snapshot], ordinary: list[Snapshot], phase: str) -> None:
    """The phase follows the containers as in Kubernetes."""
    assert status(POD, FACTS, initial=initial, ordinary=ordinary)["phase"] == phase


def test_deadline_fails_the_pod() -> None:
    """A pod that was ended for its deadline has failed, whatever its containers say."""
    facts = Facts(address="a", started="t0", now="t1", failed=True, reason="DeadlineExceeded")
    found = status(POD, facts, initial=[], ordinary=[ended(0)])
    assert (found["phase"], found["reason"]) == ("Failed", "DeadlineExceeded")


def test_ready_needs_every_container() -> None:
    """One container that is not ready keeps the pod from being ready."""
    both = [snapshot(state=RUNNING, ready=True), snapshot("d", state=RUNNING)]
    found = status(POD, FACTS, initial=[], ordinary=both)
    assert {c["type"]: c["status"] for c in found["conditions"]}["Ready"] == "False"


def test_transition_time_stays_while_nothing_changes() -> None:
    """A condition keeps the time at which it became what it is."""
    before = {"conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "t0"}]}
    found = status({**POD, "status": before}, FACTS, initial=[], ordinary=[snapshot()])
    times = {c["type"]: c["lastTransitionTime"] for c in found["conditions"]}
    assert (times["Ready"], times["Initialized"]) == ("t0", "t1")
