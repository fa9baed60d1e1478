"""
Which node a pod goes to: every node is this machine, so only selectors and affinities decide.

Never here: requests; the agent asks and binds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from irsa.kube.objects import Object


def wants_node(pod: Object) -> bool:
    """Whether a pod waits to be given to a node."""
    spec = pod["spec"]
    return not (
        spec.get("nodeName")
        or spec.get("schedulingGates")
        or pod["metadata"].get("deletionTimestamp")
        or spec.get("schedulerName", "default-scheduler") != "default-scheduler"
    )


def choose(pod: Object, nodes: Iterable[Object], load: Mapping[str, int]) -> str | None:
    """The node with the fewest pods that a pod may run on; None if there is none."""
    fit = [node["metadata"]["name"] for node in nodes if _ready(node) and _fits(pod, node)]
    return min(fit, key=lambda name: (load.get(name, 0), name), default=None)


def _ready(node: Object) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    return ready and not (node.get("spec") or {}).get("unschedulable")


def _fits(pod: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, node) for term in required["nodeSelectorTerms"])


def _term(term: Mapping[str, Any], node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    fields = {"metadata.name": node["metadata"]["name"]}
    return all(_meets(each, labels) for each in term.get("matchExpressions") or []) and all(
        _meets(each, fields) for each in term.get("matchFields") or []
    )


def _meets(requirement: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    value, wanted = values.get(requirement["key"]), requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in wanted
        case "NotIn":
            return value not in wanted
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
