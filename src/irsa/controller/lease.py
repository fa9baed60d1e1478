"""
One controller at a time, by a Lease.

The Deployment has one replica; the Lease is for the moment in which a node is lost and two run.
Whose Lease has run out is told by seconds counted here, as client-go does it: clocks that differ or
jump, and whatever is written in a Lease, give it to nobody too early and to nobody for ever.
Source: https://kubernetes.io/docs/concepts/architecture/leases/
Never here: what the holder does.
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from irsa.errors import KubeError
from irsa.kube.objects import Ref

Object = dict[str, Any]

DURATION = timedelta(seconds=15)
# Renewed so early that ten seconds are left for what is under way.
RENEW = timedelta(seconds=5)
_API_VERSION = "coordination.k8s.io/v1"
_CONFLICT = 409
_MAX_TRANSITIONS = 2**31 - 1


class Leases(Protocol):
    """What of the API a Lease needs."""

    def get(self, ref: Ref) -> Object | None:
        """One object, or None."""
        ...

    def create(self, obj: Mapping[str, Any]) -> Object:
        """Create an object; refused if there is one."""
        ...

    def replace(self, obj: Mapping[str, Any]) -> Object:
        """Replace an object; refused if it has changed."""
        ...


def boot_time() -> float:
    """Seconds that never jump, and go on while the process is stopped or the machine sleeps."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Lease:
    """
    The right to act, held by renewing it.

    Args:
        kube: The API.
        ref: Which Lease.
        holder: Who we are: another name for every process.
        ticks: Seconds that never jump.
    """

    def __init__(
        self,
        kube: Leases,
        ref: Ref,
        *,
        holder: str,
        ticks: Callable[[], float] = boot_time,
    ) -> None:
        self._kube = kube
        self._ref = ref
        self._holder = holder
        self._ticks = ticks
        self._renewed: float | None = None
        # What another one's Lease looked like, and since when it has looked so.
        self._seen: tuple[Any, float] | None = None

    def hold(self, now: datetime) -> bool:
        """Take or renew the Lease; False if somebody else holds it."""
        began, self._renewed = self._ticks(), None
        found = self._kube.get(self._ref)
        if found is not None and not self._free(found, began):
            return False
        if not self._write(found, self._taken(found, now)):
            return False
        self._renewed, self._seen = began, None
        return True

    def is_held(self) -> bool:
        """Whether nobody else can have it yet; without asking."""
        return self._younger_than(DURATION)

    def is_fresh(self) -> bool:
        """Whether it need not be renewed yet."""
        return self._younger_than(RENEW)

    def release(self) -> None:
        """Give the Lease up, so that the next one need not wait for its end."""
        self._renewed = None
        found = self._kube.get(self._ref)
        if found is not None and _spec(found).get("holderIdentity") == self._holder:
            self._write(found, {"holderIdentity": ""})

    def _younger_than(self, age: timedelta) -> bool:
        return self._renewed is not None and self._ticks() < self._renewed + age.total_seconds()

    def _free(self, found: Object, at: float) -> bool:
        holder = _spec(found).get("holderIdentity")
        if not holder or holder == self._holder:
            return True
        looks = (found.get("metadata") or {}).get("resourceVersion"), _spec(found)
        if self._seen is None or self._seen[0] != looks:
            self._seen = looks, at
        return at > self._seen[1] + DURATION.total_seconds()

    def _taken(self, found: Object | None, now: datetime) -> Object:
        spec = _spec(found or {})
        if spec.get("holderIdentity") == self._holder:
            return spec | {"renewTime": _micro(now)}
        return {
            "holderIdentity": self._holder,
            "acquireTime": _micro(now),
            "renewTime": _micro(now),
            "leaseTransitions": _next(spec.get("leaseTransitions")),
        }

    def _write(self, found: Object | None, spec: Object) -> bool:
        metadata = {"name": self._ref.name, "namespace": self._ref.namespace}
        lease = found or {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": metadata}
        duration = {"leaseDurationSeconds": int(DURATION.total_seconds())}
        try:
            if found is None:
                self._kube.create(lease | {"spec": spec | duration})
            else:
                self._kube.replace(lease | {"spec": spec | duration})
        except KubeError as error:
            if error.status == _CONFLICT:
                return False
            raise
        return True


def lease_ref(namespace: str, name: str) -> Ref:
    """A Lease by its name."""
    return Ref(_API_VERSION, "Lease", name, namespace)


def _spec(lease: Mapping[str, Any]) -> Object:
    return lease.get("spec") or {}


def _next(transitions: object) -> int:
    if not isinstance(transitions, int) or not 0 <= transitions < _MAX_TRANSITIONS:
        return 0
    return transitions + 1


def _micro(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
