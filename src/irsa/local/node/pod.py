"""
One pod from its first sight to its end.

A thread of its own: volumes, init containers in order, containers, status, refresh, end.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from irsa.errors import IrsaError
from irsa.kube.objects import Object
from irsa.local.node import images, state, volumes
from irsa.local.node.clock import now
from irsa.local.node.container import Container, Recipe
from irsa.local.node.environment import Missing
from irsa.local.node.runtime import Runtime, is_static
from irsa.local.node.state import Facts

logger = logging.getLogger(__name__)

RETRY = 0.3
LINGER = 1.0


class Backend(Protocol):
    """What a pod needs from outside: the API for ordinary pods, a manifest for static ones."""

    def read(self, kind: str, name: str) -> Object | None:
        """A Secret or ConfigMap of the pod's namespace."""
        ...

    def token(self, pod: Object, wanted: volumes.Wanted) -> str:
        """A token bound to the pod, renewed in time."""
        ...

    def next_renewal(self) -> float | None:
        """When the next token is due."""
        ...

    def report(self, pod: Object, status: Object) -> None:
        """Make a status known."""
        ...

    def ended(self, pod: Object) -> None:
        """A pod that was to be deleted has ended."""
        ...


class Pod:
    """
    A pod that runs here.

    Args:
        pod: The object.
        runtime: What this machine gives to its containers.
        backend: Where its volumes come from and its status goes.
    """

    def __init__(self, pod: Object, runtime: Runtime, backend: Backend) -> None:
        self.object = pod
        self._runtime = runtime
        self._backend = backend
        self._wake = threading.Event()
        self._dirty = threading.Event()
        self._stop: float | None = None
        self._started, self._began = now(), time.monotonic()
        self._failure: dict[str, Any] = {}
        self._status: Object | None = None
        self._initial = self._containers("initContainers")
        self._ordinary = self._containers("containers")
        self._thread = threading.Thread(target=self._live, daemon=True)

    @property
    def uid(self) -> str:
        """What tells it from every other pod."""
        return str(self.object["metadata"]["uid"])

    @property
    def name(self) -> str:
        """Namespace and name."""
        metadata = self.object["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run now, by container."""
        pairs = ((name, each.pid) for name, each in self._ordinary.items())
        return {name: pid for name, pid in pairs if pid is not None}

    @property
    def status(self) -> Object | None:
        """The last status."""
        return self._status

    def start(self) -> None:
        """Begin its life."""
        self._thread.start()

    def update(self, pod: Object) -> None:
        """Take a new version of the object."""
        self.object = pod
        metadata = pod["metadata"]
        if metadata.get("deletionTimestamp"):
            self.stop(float(metadata.get("deletionGracePeriodSeconds") or 0))
        self.refresh()

    def refresh(self) -> None:
        """Look again at everything that it depends on."""
        self._dirty.set()
        self._wake.set()

    def stop(self, grace: float) -> None:
        """Ask it to end; a shorter grace than before counts."""
        if self._stop is None or grace < self._stop:
            self._stop = grace
        self._wake.set()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for its end; False if that takes longer."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def _containers_all(self) -> list[Container]:
        return [*self._initial.values(), *self._ordinary.values()]

    def _containers(self, kind: str) -> dict[str, Container]:
        specs = self.object["spec"].get(kind) or []
        return {spec["name"]: Container(self._recipe(spec), self._wake.set) for spec in specs}

    def _recipe(self, spec: dict[str, Any]) -> Recipe:
        policy = self.object["spec"].get("restartPolicy") or "Always"
        initial = spec in (self.object["spec"].get("initContainers") or [])
        if initial:
            policy = spec.get("restartPolicy") or ("Never" if policy == "Never" else "OnFailure")
        return Recipe(
            spec=spec,
            policy=policy,
            prepare=lambda: self._runtime.program(self.object, spec, self._backend.read),
            log=self._runtime.log(self.object, spec["name"]),
            message=self._runtime.message(self.object, spec["name"]),
            address=self._runtime.node.address,
            sidecar=initial and policy == "Always",
        )

    def _live(self) -> None:
        try:
            if self._images_known() and self._volumes_there() and self._initialised():
                for container in self._ordinary.values():
                    container.start()
                self._wait_until(self._over)
        except Exception:
            logger.exception("%s: the stand-in kubelet failed", self.name)
        self._finish()

    def _images_known(self) -> bool:
        unknown = False
        for container in self._containers_all:
            reference = container.snapshot.image
            if self._runtime.node.images.find(reference) is None:
                container.wait_for("ErrImagePull", images.unknown(reference))
                unknown = True
        refusal = None if is_static(self.object) else volumes.refuse(self.object)
        if refusal:
            self._wait_all(state.CREATING, refusal)
        if unknown or refusal:
            self._wait_until(lambda: False)
            return False
        return True

    def _volumes_there(self) -> bool:
        while self._stop is None:
            self._wake.clear()
            self._dirty.clear()
            try:
                self._runtime.materialise(self.object, self._backend)
            except (Missing, IrsaError, OSError) as error:
                self._wait_all(state.CREATING, f"MountVolume.SetUp failed: {error}")
                self._wait(RETRY)
                continue
            return True
        return False

    def _wait_all(self, reason: str, message: str | None = None) -> None:
        for container in self._containers_all:
            container.wait_for(reason, message)

    def _initialised(self) -> bool:
        for container in self._initial.values() or self._ordinary.values():
            container.wait_for(state.INITIALIZING if self._initial else state.CREATING)
        for container in self._initial.values():
            container.start()
            self._wait_until(lambda container=container: _past(container))  # type: ignore[misc] # bound now
            if self._stop is not None or not _past(container, well=True):
                return False
        return self._stop is None

    def _over(self) -> bool:
        return all(each.snapshot.finished for each in self._ordinary.values()) or self._late()

    def _late(self) -> bool:
        seconds = self.object["spec"].get("activeDeadlineSeconds")
        if seconds is None or time.monotonic() - self._began < seconds:
            return False
        self._failure = {"reason": "DeadlineExceeded", "failed": True}
        self._failure["message"] = "Pod was active on the node longer than the specified deadline"
        return True

    def _wait_until(self, done: Callable[[], bool]) -> None:
        while True:
            # Cleared before anything is looked at: what happens from here on ends the wait.
            self._wake.clear()
            if self._stop is not None or done():
                return
            if self._dirty.is_set() or self._renewal_due():
                self._refresh_volumes()
            self._wait(self._patience())

    def _patience(self) -> float | None:
        limits = [1.0] if "activeDeadlineSeconds" in self.object["spec"] else []
        renewal = self._backend.next_renewal()
        if renewal is not None:
            limits.append(max(0.1, renewal - time.time()))
        return min(limits, default=None)

    def _renewal_due(self) -> bool:
        renewal = self._backend.next_renewal()
        return renewal is not None and renewal <= time.time()

    def _refresh_volumes(self) -> None:
        self._dirty.clear()
        try:
            self._runtime.materialise(self.object, self._backend)
        except (Missing, IrsaError, OSError) as error:
            logger.warning("%s: volumes stay as they are: %s", self.name, error)

    def _wait(self, seconds: float | None) -> None:
        """Make the status known, then wait until something happens."""
        if not self._publish():
            seconds = min(RETRY, seconds or RETRY)
        self._wake.wait(seconds)

    def _publish(self) -> bool:
        status = self._current()
        if status == self._status:
            return True
        try:
            self._backend.report(self.object, status)
        except IrsaError as error:
            logger.warning("%s: cannot report its status: %s", self.name, error)
            return False
        self._status = status
        return True

    def _current(self) -> Object:
        facts = Facts(
            address=self._runtime.node.address, started=self._started, now=now(), **self._failure
        )
        return state.status(
            {**self.object, "status": self._status or self.object.get("status") or {}},
            facts,
            initial=[each.snapshot for each in self._initial.values()],
            ordinary=[each.snapshot for each in self._ordinary.values()],
        )

    def _finish(self) -> None:
        """End what still runs, say how it ended, and if it was to be deleted, that it is gone."""
        grace = self._stop if self._stop is not None else LINGER
        self._begin_stop(grace)
        for container in self._containers_all:
            while not container.join(0.05):
                self._publish()
                if self._stop is not None and self._stop < grace:
                    grace = self._stop
                    self._begin_stop(grace)
        for _ in range(20):
            if self._publish():
                break
            time.sleep(RETRY)
        self._runtime.clean(self.object)
        while self._stop is None:
            self._wake.wait(LINGER)
            self._wake.clear()
        self._backend.ended(self.object)

    def _begin_stop(self, grace: float) -> None:
        for container in self._containers_all:
            container.begin_stop(grace)


def _past(container: Container, *, well: bool = False) -> bool:
    """Whether the next container may start (or the pod has failed, unless it went `well`)."""
    snapshot = container.snapshot
    if snapshot.succeeded or (container.sidecar and snapshot.started):
        return True
    return snapshot.finished and not well
