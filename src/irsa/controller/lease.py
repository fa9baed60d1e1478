"""
One controller at a time, by a Lease.

The Deployment has one replica; the Lease is for the moment in which a node is lost and two run.
Even then nothing breaks: every write is refused when what it builds on has changed.
Source: https://kubernetes.io/docs/concepts/architecture/leases/
Never here: what the holder does.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from irsa.errors import KubeError
from irsa.kube.objects import Ref

Object = dict[str, Any]

DURATION = timedelta(seconds=15)
_API_VERSION = "coordination.k8s.io/v1"
_CONFLICT = 409


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


class Lease:
    """
    The right to act, held by renewing it.

    Args:
        kube: The API.
        ref: Which Lease.
        holder: Who we are: another name for every process.
    """

    def __init__(self, kube: Leases, ref: Ref, *, holder: str) -> None:
        self._kube = kube
        self._ref = ref
        self._holder = holder

    def hold(self, now: datetime) -> bool:
        """Take or renew the Lease; False if somebody else holds it."""
        found = self._kube.get(self._ref)
        if found is not None and not self._free(found.get("spec") or {}, now):
            return False
        return self._write(found, {"holderIdentity": self._holder, "renewTime": _micro(now)})

    def release(self) -> None:
        """Give the Lease up, so that the next one need not wait for its end."""
        found = self._kube.get(self._ref)
        if found is not None and (found.get("spec") or {}).get("holderIdentity") == self._holder:
            self._write(found, {"holderIdentity": ""})

    def _free(self, spec: Mapping[str, Any], now: datetime) -> bool:
        holder = spec.get("holderIdentity")
        if not holder or holder == self._holder:
            return True
        try:
            renewed = datetime.fromisoformat(spec["renewTime"])
            return renewed + timedelta(seconds=spec["leaseDurationSeconds"]) < now
        except (KeyError, TypeError, ValueError):
            return True

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


def _micro(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
