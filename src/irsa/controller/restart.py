"""
Restart what pods without their role belong to: one rollout at a time, and not for ever.

A restart is what `kubectl rollout restart` does: an annotation in the pod template. When one did
not help, the fault is elsewhere: restarting pauses, and the same workload waits longer each time.
How often and when is written on the workload itself, so that another controller knows it too.
Never here: which pods these are, what a rollout looks like.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from irsa.controller.events import About, Events
from irsa.controller.pods import Bare
from irsa.controller.workloads import (
    ANNOTATION,
    APPS,
    COUNT,
    KINDS,
    may_be_restarted,
    restart_patch,
    restarted_at,
    restarts,
    rolled_out,
)
from irsa.errors import KubeError
from irsa.kube.objects import Ref

__all__ = ["ANNOTATION", "COUNT", "Restarter", "Workloads", "rolled_out"]

logger = logging.getLogger(__name__)

Object = dict[str, Any]

PATIENCE = timedelta(minutes=15)
PAUSE = timedelta(hours=1)
LONGEST = timedelta(days=1)
REASON = "RestartDidNotHelp"
# Workloads looked at in one step; the next one goes on.
AT_ONCE = 100
_CONFLICT = 409


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
    """A rollout under way: since when, and which pods were without a role before it."""

    ref: Ref
    since: datetime
    before: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Restarter:
    """
    Restarts one workload after the other.

    Args:
        kube: The API.
        clock: The time of the API server.
        events: Tells of a restart that did not help.
    """

    kube: Workloads
    clock: Callable[[], datetime]
    events: Events | None = None
    restarts: int = 0
    _rolling: _Rollout | None = None
    _not_before: dict[Ref, datetime] = field(default_factory=dict)
    _paused_until: datetime | None = None
    _looked_at_all: bool = False
    _last: str = ""
    _news: dict[About, str] = field(default_factory=dict)

    def step(self, pods: Iterable[Bare]) -> Ref | None:
        """
        Go on: wait for the rollout under way, or begin the next.

        Returns:
            What was restarted now.
        """
        self._tell()
        now = self.clock()
        owned = _by_owner(pods)
        if self._rolling is not None and self._waits(self._rolling, owned, now):
            return None
        if self._paused_until is not None and now < self._paused_until:
            return None
        self._not_before = {ref: end for ref, end in self._not_before.items() if now < end}
        return self._begin(owned, now)

    def _begin(self, owned: Mapping[Ref, list[Bare]], now: datetime) -> Ref | None:
        chosen: tuple[Ref, Object] | None = None
        for ref, workload in self._candidates(owned):
            if restarted_at(workload) and not rolled_out(workload) and self._is_recent(workload):
                # Begun by the controller before this one.
                self._rolling = _Rollout(ref=ref, since=now)
                return None
            if chosen is None and self._may(ref, workload, now):
                chosen = ref, workload
                if self._looked_at_all:
                    break
        self._looked_at_all = True
        if chosen is None or not self._restart(*chosen, now=now):
            return None
        before = frozenset(pod.uid for pods in owned.values() for pod in pods)
        self._rolling = _Rollout(ref=chosen[0], since=now, before=before)
        return chosen[0]

    def _candidates(self, owned: Mapping[Ref, list[Bare]]) -> Iterator[tuple[Ref, Object]]:
        """The workloads, at first all of them, then some at a time."""
        owners = sorted(owned, key=str)
        begin = next((at for at, ref in enumerate(owners) if str(ref) > self._last), 0)
        turn = owners[begin:] + owners[:begin]
        seen: set[Ref] = set()
        for owner in turn[:AT_ONCE] if self._looked_at_all else turn:
            self._last = str(owner)
            ref = self._workload(owner)
            if ref is None or ref in seen or ref in self._not_before:
                continue
            seen.add(ref)
            if (workload := self.kube.get(ref)) is not None:
                yield ref, workload

    def _is_recent(self, workload: Object) -> bool:
        at = restarted_at(workload)
        return at is not None and self.clock() < at + PATIENCE

    def _waits(self, rollout: _Rollout, owned: Mapping[Ref, list[Bare]], now: datetime) -> bool:
        workload = self.kube.get(rollout.ref)
        if workload is None:
            self._rolling = None
            return False
        if self._new_ones(rollout, workload, owned):
            self._gave_up(rollout.ref, workload, "its new pods have no role either", now)
        elif rolled_out(workload):
            logger.info("%s is restarted", rollout.ref)
        elif now < rollout.since + PATIENCE:
            return True
        else:
            self._gave_up(rollout.ref, workload, f"it took over {PATIENCE}", now)
        self._rolling = None
        # The pods were listed before this: only the next list shows the new ones alone.
        return True

    def _new_ones(
        self, rollout: _Rollout, workload: Object, owned: Mapping[Ref, list[Bare]]
    ) -> list[Bare]:
        since = restarted_at(workload) or rollout.since
        return [
            pod
            for owner, pods in owned.items()
            if _may_belong(owner, rollout.ref) and self._workload(owner) == rollout.ref
            for pod in pods
            if pod.uid not in rollout.before and pod.created >= _seconds(since)
        ]

    def _gave_up(self, ref: Ref, workload: Object, why: str, now: datetime) -> None:
        pause = _backoff(workload)
        self._not_before[ref] = now + pause
        self._paused_until = now + PAUSE
        message = f"restarting did not give its pods their role: {why}; it waits for {pause} now"
        logger.error("%s: %s", ref, message)
        uid = str((workload.get("metadata") or {}).get("uid", ""))
        self._news[About(ref=ref, uid=uid)] = message
        self._tell()

    def _tell(self) -> None:
        for about, message in list(self._news.items()):
            try:
                if self.events is not None:
                    self.events.tell(about, REASON, message=message)
            except KubeError as error:
                logger.warning("no Event for %s: %s; trying again", about.ref, error.message)
                return
            del self._news[about]

    def _workload(self, owner: Ref) -> Ref | None:
        if owner.kind != "ReplicaSet":
            return owner
        replica_set = self.kube.get(owner) or {}
        for found in (replica_set.get("metadata") or {}).get("ownerReferences") or []:
            if found.get("controller") and found.get("kind") == "Deployment":
                return Ref(APPS, "Deployment", found["name"], owner.namespace)
        return None

    def _may(self, ref: Ref, workload: Object, now: datetime) -> bool:
        last = restarted_at(workload)
        if last is not None and now < last + _backoff(workload):
            self._not_before[ref] = last + _backoff(workload)
            return False
        return may_be_restarted(workload)

    def _restart(self, ref: Ref, workload: Object, *, now: datetime) -> bool:
        last = restarted_at(workload)
        again = last is not None and now < last + 2 * _backoff(workload)
        count = restarts(workload) + 1 if again else 1
        try:
            self.kube.patch(ref, restart_patch(workload, at=_seconds(now), count=count))
        except KubeError as error:
            if error.status != _CONFLICT:
                raise
            # It has changed since it was read: the next step looks at it anew.
            return False
        self.restarts += 1
        logger.info("restarted %s: its pods have no role", ref)
        return True


def _by_owner(pods: Iterable[Bare]) -> dict[Ref, list[Bare]]:
    """Pods by what they belong to, as far as that can be restarted."""
    found: defaultdict[Ref, list[Bare]] = defaultdict(list)
    for pod in pods:
        owner = pod.owner
        if owner is not None and owner.api_version == APPS and owner.kind in KINDS:
            found[Ref(APPS, owner.kind, owner.name, pod.namespace)].append(pod)
    return dict(found)


def _may_belong(owner: Ref, workload: Ref) -> bool:
    """Whether it is worth asking: a ReplicaSet's name begins with its Deployment's."""
    if owner.namespace != workload.namespace:
        return False
    return owner == workload or owner.name.startswith(f"{workload.name}-")


def _backoff(workload: Object) -> timedelta:
    """How long after its last restart a workload is left alone."""
    return min(PAUSE * (1 << min(restarts(workload), 10)), LONGEST)


def _seconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
