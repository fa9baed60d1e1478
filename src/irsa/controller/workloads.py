"""
Deployments, StatefulSets and DaemonSets as far as a restart goes.

Never here: IO, when what is restarted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]

ANNOTATION = "irsa/restarted-at"  # in the pod template: changing it is the restart
COUNT = "irsa/restarts"  # on the workload itself
APPS = "apps/v1"
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")


def restart_patch(workload: Mapping[str, Any], *, at: str, count: int) -> Object:
    """The merge patch of a restart; refused if the workload has changed since it was read."""
    version = (workload.get("metadata") or {}).get("resourceVersion")
    metadata = {"resourceVersion": version, "annotations": {COUNT: str(count)}}
    template = {"metadata": {"annotations": {ANNOTATION: at}}}
    return {"metadata": metadata, "spec": {"template": template}}


def restarted_at(workload: Mapping[str, Any]) -> datetime | None:
    """When a workload was last restarted by us; None if never, or if that cannot be read."""
    template = (workload.get("spec") or {}).get("template") or {}
    text = ((template.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION, "")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def restarts(workload: Mapping[str, Any]) -> int:
    """How often it was restarted in a row."""
    text = str(((workload.get("metadata") or {}).get("annotations") or {}).get(COUNT, ""))
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def may_be_restarted(workload: Mapping[str, Any]) -> bool:
    """
    Whether a restart is ours to begin, and would replace every pod.

    Pods that are not available may well be so for want of their role: they are no obstacle.
    """
    spec = workload.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    by_hand = strategy.get("type") == "OnDelete"
    in_part = bool((strategy.get("rollingUpdate") or {}).get("partition"))
    return not (spec.get("paused") or by_hand or in_part or is_updating(workload))


def is_updating(workload: Mapping[str, Any]) -> bool:
    """Whether a rollout is under way: it replaces the pods by itself."""
    if _is_unseen(workload):
        return True
    status = workload.get("status") or {}
    match workload.get("kind"):
        case "StatefulSet":
            return status.get("currentRevision") != status.get("updateRevision")
        case "DaemonSet":
            wanted = status.get("desiredNumberScheduled", 0)
            return bool(status.get("updatedNumberScheduled", 0) < wanted)
        case _:
            return bool(status.get("updatedReplicas", 0) != status.get("replicas", 0))


def rolled_out(workload: Mapping[str, Any]) -> bool:
    """Whether every pod of a workload is of its present template, and available."""
    if _is_unseen(workload):
        return False
    status = workload.get("status") or {}
    if workload.get("kind") == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        counts = ["updatedNumberScheduled", "numberAvailable"]
    else:
        wanted = (workload.get("spec") or {}).get("replicas", 1)
        counts = ["updatedReplicas", "replicas", "availableReplicas"]
    return all(status.get(count, 0) == wanted for count in counts)


def _is_unseen(workload: Mapping[str, Any]) -> bool:
    metadata, status = workload.get("metadata") or {}, workload.get("status") or {}
    return bool(status.get("observedGeneration", 0) < metadata.get("generation", 0))
