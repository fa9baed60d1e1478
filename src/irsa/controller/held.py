"""
The API for as long as the Lease is held: who has lost it, or is told to stop, writes nothing more.

The Lease is renewed on the way, so that long work keeps it. What was sent just before it ran out
is refused by the API server: every write names the version that it builds on.
Never here: what is read and written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from irsa.controller.lease import Lease, Leases
from irsa.errors import IrsaError, KubeError
from irsa.kube.objects import Ref

Object = dict[str, Any]


class NotOurTurnError(IrsaError):
    """The Lease is lost, or the process is to stop: whatever was begun is left as it is."""


def is_overload(error: IrsaError) -> bool:
    """Whether the API server is away, or has too much to do: asking less often helps it."""
    if not isinstance(error, KubeError):
        return False
    return error.status is None or error.status == 429 or error.status >= 500


class Api(Leases, Protocol):
    """What of the Kubernetes API the controller needs."""

    def apply(self, obj: Mapping[str, Any], *, field_manager: str, force: bool) -> Object:
        """Server-side apply."""
        ...

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> Object:
        """Merge-patch an object."""
        ...

    def raw(self, path: str) -> bytes:
        """The body at a path."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """
    The API, guarded by a Lease.

    Args:
        kube: The API.
        lease: Must be held, and is renewed in time.
        clock: The time.
        stopped: Whether the process is to stop.
        beat: Told that work goes on.
    """

    kube: Api
    lease: Lease
    clock: Callable[[], datetime]
    stopped: Callable[[], bool] = lambda: False
    beat: Callable[[], None] = lambda: None

    def get(self, ref: Ref) -> Object | None:
        """One object, or None."""
        self._keep()
        return self.kube.get(ref)

    def raw(self, path: str) -> bytes:
        """The body at a path."""
        self._keep()
        return self.kube.raw(path)

    def create(self, obj: Mapping[str, Any]) -> Object:
        """Create an object; refused if there is one."""
        self._keep()
        return self.kube.create(obj)

    def replace(self, obj: Mapping[str, Any]) -> Object:
        """Replace an object; refused if it has changed."""
        self._keep()
        return self.kube.replace(obj)

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> Object:
        """Merge-patch an object."""
        self._keep()
        return self.kube.patch(ref, patch)

    def apply(self, obj: Mapping[str, Any], *, field_manager: str, force: bool) -> Object:
        """Server-side apply."""
        self._keep()
        return self.kube.apply(obj, field_manager=field_manager, force=force)

    def _keep(self) -> None:
        self.beat()
        if self.stopped():
            raise NotOurTurnError("this controller is to stop")
        if not self.lease.is_fresh() and not self.lease.hold(self.clock()):
            raise NotOurTurnError("another controller holds the Lease")
