"""Which node a pod goes to."""

from typing import Any

import pytest

from irsa.kube.objects import Object
from irsa.local.node.scheduler import choose, wants_node


def node(name: str, *, ready: str = "True", **labels: str) -> Object:
    conditions = [{"type": "Ready", "status": ready}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}


def pod(**spec: Any) -> Object:
    return {"metadata": {"name": "p"}, "spec": spec}


def required(**term: Any) -> dict[str, Any]:
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


NODES = [node("cp-1", zone="a"), node("cp-2", zone="b"), node("cp-3", ready="False", zone="c")]


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({}, "cp-2"),
        ({"nodeSelector": {"zone": "a"}}, "cp-1"),
        ({"nodeSelector": {"zone": "c"}}, None),
        (
            {
                "affinity": required(
                    matchExpressions=[{"key": "zone", "operator": "NotIn", "values": ["b"]}]
                )
            },
            "cp-1",
        ),
        (
            {
                "affinity": required(
                    matchFields=[{"key": "metadata.name", "operator": "In", "values": ["cp-2"]}]
                )
            },
            "cp-2",
        ),
        (
            {"affinity": required(matchExpressions=[{"key": "none", "operator": "Exists"}])},
            None,
        ),
    ],
    ids=["least loaded", "selector", "not ready", "expression", "field", "nowhere"],
)
def test_choice(spec: dict[str, Any], place: str | None) -> None:
    """The ready node with the fewest pods that selectors and affinities allow."""
    assert choose(pod(**spec), NODES, {"cp-1": 2, "cp-2": 1}) == place


@pytest.mark.parametrize(
    ("obj", "wanted"),
    [
        (pod(), True),
        (pod(nodeName="cp-1"), False),
        (pod(schedulingGates=[{"name": "g"}]), False),
        (pod(schedulerName="other"), False),
        ({"metadata": {"deletionTimestamp": "t"}, "spec": {}}, False),
    ],
    ids=["new", "bound", "gated", "somebody else's", "deleted"],
)
def test_who_waits_for_a_node(obj: Object, wanted: bool) -> None:
    """Only pods that are for us to bind, and may be bound now."""
    assert wants_node(obj) is wanted
