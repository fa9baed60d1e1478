"""
Restart what pods without their role belong to: one rollout at a time, and not for ever.

A restart is what `kubectl rollout restart` does: an annotation in the pod template. When one did
not help, the fault is elsewhere, and restarting pauses.
Never here: which pods these are.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from irsa.controller.pods import Bare
from irsa.kube.objects import Ref

logger = logging.getLogger(__name__)

Object = dict[str, Any]

ANNOTATION = "irsa/restarted-at"
PATIENCE = timedelta(minutes=15)
PAUSE = timedelta(hours=1)
_APPS = "apps/v1"
_KINDS = ("Deployment", "StatefulSet", "DaemonSet")


class Workloads(Protocol):
    """What of the Kubernetes API a restart needs."""

    def get(self, ref: Ref) -> Object | None:
        """One object, or None."""
        ...

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> Object:
        """Merge-patch an object."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollout:
    ref: Ref
    since: datetime
    ended: bool = False


@dataclass(slots=True, kw_only=True)
class Restarter:
    """
    Restarts one workload after the other.

    Args:
        kube: The API.
        clock: The time.
    """

    kube: Workloads
    clock: Callable[[], datetime]
    restarts: int = 0
    _rolling: _Rollout | None = None
    _tried: dict[Ref, datetime] = field(default_factory=dict)
    _paused_until: datetime | None = None

    def step(self, pods: Iterable[Bare]) -> Ref | None:
        """
        Go on: wait for the rollout under way, or begin the next.

        Returns:
            What was restarted now.
        """
        now = self.clock()
        found = dict(self._workloads(pods))
        if self._rolling is not None and self._waits(self._rolling, found, now):
            return None
        if self._paused_until is not None and now < self._paused_until:
            return None
        for ref, workload in sorted(found.items(), key=lambda item: str(item[0])):
            if _restarted(workload) and not rolled_out(workload):
                # Begun by the controller before this one.
                self._rolling = _Rollout(ref=ref, since=now)
                return None
            if self._may(ref, workload, now):
                return self._restart(ref, now)
        return None

    def _waits(self, rollout: _Rollout, found: Mapping[Ref, Object], now: datetime) -> bool:
        workload = self.kube.get(rollout.ref)
        done = workload is None or rolled_out(workload)
        if done and not rollout.ended:
            # The pods were listed before this: only the next list shows the new ones alone.
            self._rolling = replace(rollout, ended=True)
            return True
        if not done and now < rollout.since + PATIENCE:
            return True
        self._rolling = None
        if not done or rollout.ref in found:
            self._paused_until = now + PAUSE
            why = "its new pods have no role either" if done else f"it took over {PATIENCE}"
            logger.error("restarting %s did not help: %s; restarts pause", rollout.ref, why)
        return False

    def _workloads(self, pods: Iterable[Bare]) -> Iterator[tuple[Ref, Object]]:
        seen: set[Ref] = set()
        for pod in pods:
            ref = self._workload(pod)
            if ref is None or ref in seen:
                continue
            seen.add(ref)
            workload = self.kube.get(ref)
            if workload is not None:
                yield ref, workload

    def _workload(self, pod: Bare) -> Ref | None:
        if pod.owner is None or pod.owner.api_version != _APPS:
            return None
        ref = Ref(_APPS, pod.owner.kind, pod.owner.name, pod.namespace)
        if ref.kind != "ReplicaSet":
            return ref if ref.kind in _KINDS else None
        replica_set = self.kube.get(ref) or {}
        for owner in (replica_set.get("metadata") or {}).get("ownerReferences") or []:
            if owner.get("controller") and owner.get("kind") == "Deployment":
                return Ref(_APPS, "Deployment", owner["name"], pod.namespace)
        return None

    def _may(self, ref: Ref, workload: Object, now: datetime) -> bool:
        tried = self._tried.get(ref)
        if tried is not None and now < tried + PAUSE:
            return False
        spec = workload.get("spec") or {}
        by_hand = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
        # A rollout of somebody else's is under way: it will replace the pods by itself.
        return rolled_out(workload) and not spec.get("paused") and not by_hand

    def _restart(self, ref: Ref, now: datetime) -> Ref:
        metadata = {"annotations": {ANNOTATION: now.strftime("%Y-%m-%dT%H:%M:%SZ")}}
        self.kube.patch(ref, {"spec": {"template": {"metadata": metadata}}})
        self._rolling = _Rollout(ref=ref, since=now)
        self._tried[ref] = now
        self.restarts += 1
        logger.info("restarted %s: its pods have no role", ref)
        return ref


def rolled_out(workload: Mapping[str, Any]) -> bool:
    """Whether every pod of a workload is of its present template, and available."""
    metadata, spec = workload.get("metadata") or {}, workload.get("spec") or {}
    status = workload.get("status") or {}
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        return False
    if workload.get("kind") == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        counts = ["updatedNumberScheduled", "numberAvailable"]
    else:
        wanted = spec.get("replicas", 1)
        counts = ["updatedReplicas", "replicas", "availableReplicas"]
    return all(status.get(count, 0) == wanted for count in counts)


def _restarted(workload: Mapping[str, Any]) -> bool:
    template = (workload.get("spec") or {}).get("template") or {}
    return ANNOTATION in ((template.get("metadata") or {}).get("annotations") or {})
