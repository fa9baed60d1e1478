"""
One change of issuer at a time: a Lease that lives in the very API that is being restarted.

Losing it for a restart is normal; losing it to another holder is not.
"""

import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from irsa.apiserver.archive import namespace_of
from irsa.errors import KubeError, RefusedError
from irsa.kube.objects import Object, Ref

if TYPE_CHECKING:
    from irsa.kube.client import Kube

NAME = "irsa-issuer"
SECONDS = 60
RENEW_AFTER = 15
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


class Lock:
    """
    The Lease, held by this process.

    Args:
        kube: The cluster.
    """

    def __init__(self, kube: "Kube") -> None:
        self._kube = kube
        self._ref: Ref | None = None
        self.holder = f"{socket.gethostname()}/{os.getpid()}"
        self._renewed = datetime.min.replace(tzinfo=UTC)

    def acquire(self, now: datetime) -> None:
        """
        Take the Lease: a free one, an expired one, or that of a dead process of this machine.

        Raises:
            RefusedError: Somebody else is at it.
            KubeError: The Lease cannot be read or written.
        """
        ref = self._ref = self._ref or _ref(self._kube)
        held = self._kube.get(ref)
        if held is not None and not self._may_take(held, now):
            raise _held(held)
        try:
            self._write(ref, held, now=now)
        except KubeError as error:
            if error.status == 409:
                raise _held(self._kube.get(ref) or {}) from error
            raise

    def renew(self, now: datetime) -> None:
        """
        Keep the Lease; an API server that does not answer just now does not matter.

        Raises:
            RefusedError: Somebody else took it.
        """
        if self._ref is None or now - self._renewed < timedelta(seconds=RENEW_AFTER):
            return
        try:
            held = self._kube.get(self._ref)
            if held is None or _holder(held) in {"", self.holder}:
                self._write(self._ref, held, now=now)
                return
        except KubeError:
            return
        raise _held(held)

    def release(self, now: datetime) -> None:
        """Give the Lease back, if it can be reached; otherwise it expires."""
        if self._ref is None:
            return
        try:
            held = self._kube.get(self._ref)
            if held is not None and _holder(held) == self.holder:
                self._kube.replace({**held, "spec": {**self._spec(now), "holderIdentity": ""}})
        except KubeError:
            return

    def _write(self, ref: Ref, held: Object | None, *, now: datetime) -> None:
        metadata: dict[str, Any] = {"name": ref.name, "namespace": ref.namespace}
        new = {"apiVersion": ref.api_version, "kind": ref.kind, "spec": self._spec(now)}
        if held is None:
            self._kube.create({**new, "metadata": metadata})
        else:
            self._kube.replace({**new, "metadata": held["metadata"]})
        self._renewed = now

    def _spec(self, now: datetime) -> dict[str, Any]:
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": SECONDS,
            "renewTime": now.strftime(_TIME),
        }

    def _may_take(self, held: Object, now: datetime) -> bool:
        holder = _holder(held)
        return not holder or holder == self.holder or _expired(held, now) or _dead(holder)


def _ref(kube: "Kube") -> Ref:
    return Ref("coordination.k8s.io/v1", "Lease", NAME, namespace_of(kube))


def _holder(held: Object) -> str:
    return str((held.get("spec") or {}).get("holderIdentity") or "")


def _expired(held: Object, now: datetime) -> bool:
    spec = held.get("spec") or {}
    try:
        renewed = datetime.fromisoformat(str(spec.get("renewTime")))
    except ValueError:
        return True
    return now > renewed + timedelta(seconds=int(spec.get("leaseDurationSeconds") or SECONDS))


def _dead(holder: str) -> bool:
    host, _, pid = holder.rpartition("/")
    here = host == socket.gethostname() and pid.isdecimal()
    return here and not Path(f"/proc/{pid}").exists()


def _held(held: Object) -> RefusedError:
    spec = held.get("spec") or {}
    return RefusedError(
        f"the issuer is being changed by {_holder(held) or 'somebody else'}"
        f" (since {spec.get('renewTime', 'just now')})",
        hint=f"wait until that is done; a run that died frees its lock after {SECONDS} seconds",
    )
