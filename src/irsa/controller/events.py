"""
Events: what people see beside an object with `kubectl describe`, and in `kubectl get events`.

One Event for an object and a reason, counted when it is told again, so that nothing is told
without end. An Event lives for an hour; what goes on is told again before that. One that the API
server refuses is told at the next occasion.
Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
Never here: what is worth one.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from irsa.errors import KubeError
from irsa.injection.settings import CONTROLLER
from irsa.kube.objects import Ref

Object = dict[str, Any]

# Events live for an hour, if the API server has not been told otherwise.
TELL_AGAIN = 30 * 60.0
TELL_CHANGED = 5 * 60.0
FORGET = 2 * 60 * 60.0
MESSAGE_LENGTH = 1024  # the API server takes no more
_CLUSTER = "default"  # the namespace of Events about what has none


class Api(Protocol):
    """What of the Kubernetes API Events need."""

    def create(self, obj: Mapping[str, Any]) -> Object:
        """Create an object; refused if there is one."""
        ...

    def patch(self, ref: Ref, patch: Mapping[str, Any]) -> Object:
        """Merge-patch an object."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The object of an Event; without a uid, whichever has this name."""

    ref: Ref
    uid: str = ""

    @property
    def namespace(self) -> str:
        """Where the Event is kept."""
        return self.ref.namespace or _CLUSTER


@dataclass(slots=True, kw_only=True)
class _Told:
    at: float
    count: int
    message: str

    def until(self, message: str) -> float:
        """Until when a message is not worth another request."""
        return self.at + (TELL_AGAIN if message == self.message else TELL_CHANGED)


@dataclass(slots=True, kw_only=True)
class Events:
    """
    Writes Events, each once in a while.

    Args:
        kube: The API.
        clock: The time.
        ticks: Seconds that never jump.
        results: Counts what was written and what failed.
    """

    kube: Api
    clock: Callable[[], datetime]
    ticks: Callable[[], float] = time.monotonic
    results: Counter[str] = field(default_factory=Counter)
    _told: dict[Ref, _Told] = field(default_factory=dict)

    def tell(self, about: About, reason: str, *, message: str) -> bool:
        """
        Tell people, unless they were told the same a short while ago.

        Returns:
            Whether something was written.

        Raises:
            KubeError: The API server did not take it.
        """
        ref, message = _ref(about, reason), message[:MESSAGE_LENGTH]
        told = self._told.get(ref)
        if told and self.ticks() < told.until(message):
            return False
        try:
            count = self._write(ref, about, _Event(reason=reason, message=message), told)
        except KubeError:
            self.results["failed"] += 1
            raise
        self.results["written"] += 1
        self._told[ref] = _Told(at=self.ticks(), count=count, message=message)
        return True

    def forget_old(self) -> None:
        """Keep nothing of what is no longer told."""
        since = self.ticks() - FORGET
        self._told = {ref: told for ref, told in self._told.items() if told.at > since}

    def _write(self, ref: Ref, about: About, event: "_Event", told: _Told | None) -> int:
        now = _seconds(self.clock())
        if told:
            again = {"message": event.message, "lastTimestamp": now, "count": told.count + 1}
            try:
                self.kube.patch(ref, again)
            except KubeError as error:
                if error.status != 404:
                    raise
            else:
                return told.count + 1
        return self._create(ref, _event(ref, about, event, now))

    def _create(self, ref: Ref, event: Object) -> int:
        try:
            self.kube.create(event)
        except KubeError as error:
            if error.reason != "AlreadyExists":
                raise
            # An earlier controller told of it: its count goes on from the next time.
            again = {"message": event["message"], "lastTimestamp": event["lastTimestamp"]}
            return int(self.kube.patch(ref, again).get("count") or 1)
        return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    reason: str
    message: str


def _ref(about: About, reason: str) -> Ref:
    """The name is the object's and one cause's, so that nobody tells of it twice."""
    key = about.uid or str(about.ref)
    digest = hashlib.sha256(key.encode()).hexdigest()[:10]
    name = f"{about.ref.name[:200].rstrip('.-')}.{digest}.{reason.lower()}"
    return Ref("v1", "Event", name, about.namespace)


def _event(ref: Ref, about: About, event: _Event, now: str) -> Object:
    involved = {"apiVersion": about.ref.api_version, "kind": about.ref.kind}
    involved["name"] = about.ref.name
    if about.ref.namespace:
        involved["namespace"] = about.ref.namespace
    if about.uid:
        involved["uid"] = about.uid
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "involvedObject": involved,
        "type": "Warning",
        "reason": event.reason,
        "message": event.message,
        "source": {"component": CONTROLLER},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _seconds(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
