"""
Pods created steadily, and what became of each.

Never here: what goes wrong meanwhile.
"""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.node import application
from tests.e2e.node.waiting import Failed

from irsa.errors import KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

# Machines of continuous integration do several things at a time.
DONE_WITHIN = 600.0
_REFUSED_FOR_LONG = 240.0
_EXISTS = 409
Wait = Callable[..., Any]


@dataclass(slots=True, kw_only=True)
class Writers:
    """
    One pod after the other, from `start` to `stop`.

    A creation that the API server refuses is tried again, as a ReplicaSet would.

    Args:
        kube: The cluster.
        pod: The pod of a name.
        namespace: Where it is.
        name: How all the names begin.
        every: How many seconds lie between two.
    """

    kube: Kube
    pod: Callable[[str], Object]
    namespace: str
    name: str
    every: float = 1.0
    created: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    _trouble: BaseException | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin, in a thread."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """
        End; raise what went wrong.

        Raises:
            Failed: A pod could not be created.
        """
        self._stopping.set()
        if self._thread:
            self._thread.join()
        self.check()

    def check(self) -> None:
        """Raise what has gone wrong."""
        if self._trouble:
            raise Failed(f"pods are not created any more: {self._trouble}") from self._trouble

    def wait_for(self, count: int, wait: Wait) -> None:
        """Wait until so many are created."""

        def enough() -> bool:
            self.check()
            return len(self.created) >= count

        wait(f"{count} pods are created", enough, seconds=DONE_WITHIN)

    def wait_until_done(self, wait: Wait, *, names: Collection[str] | None = None) -> None:
        """
        Wait until these, or all that are created, have succeeded.

        Raises:
            Failed: One did not.
        """

        def done() -> bool:
            if failed := self.failed():
                raise Failed("pods failed: " + "; ".join(failed))
            return self.unfinished().keys().isdisjoint(names or self.created)

        wait("pods have done their work", done, seconds=DONE_WITHIN)

    def lacking(self, role_arn: str) -> list[str]:
        """The pods, of those that were created, that are gone or carry no role."""
        pods = {
            found["metadata"]["name"]: found
            for found in self.kube.list("v1", "Pod", namespace=self.namespace)
        }
        return [
            name
            for name in self.created
            if name not in pods or not application.has_role(pods[name], role_arn)
        ]

    def unfinished(self) -> dict[str, str]:
        """The pods that have not succeeded, and how far they are."""
        pods = self.kube.list("v1", "Pod", namespace=self.namespace)
        phases = {each["metadata"]["name"]: each["status"].get("phase", "") for each in pods}
        found = {name: phases.get(name, "gone") for name in self.created}
        return {name: phase for name, phase in found.items() if phase != "Succeeded"}

    def failed(self) -> list[str]:
        """What the pods that failed said at last."""
        return [
            f"{name}: {self._last_words(name)}"
            for name, phase in self.unfinished().items()
            if phase == "Failed"
        ]

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._create(f"{self.name}-{len(self.created):03}")
                self._stopping.wait(self.every)
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits
            self._trouble = error

    def _create(self, name: str) -> None:
        deadline = time.monotonic() + _REFUSED_FOR_LONG
        while True:
            try:
                self.kube.create(self.pod(name))
            except KubeError as error:
                if error.status == _EXISTS:  # the answer was lost, not the pod
                    break
                self.refusals.append(error.message)
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)
            else:
                break
        self.created.append(name)

    def _last_words(self, name: str) -> str:
        found = self.kube.get(Ref("v1", "Pod", name, self.namespace)) or {}
        statuses = found.get("status", {}).get("containerStatuses") or [{}]
        return str(statuses[0].get("state"))[:600]
