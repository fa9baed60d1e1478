"""
What is known of a container at one moment, and a pod's status made of it.

Never here: clocks, processes, requests.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.kube.objects import Object

CREATING = "ContainerCreating"
INITIALIZING = "PodInitializing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """
    A container at one moment.

    Args:
        state: As in the API: one of `waiting`, `running`, `terminated`.
        last: The state in which its last run ended.
        finished: Whether it will not be started again.
    """

    name: str
    image: str
    state: Mapping[str, Any] = field(default_factory=lambda: waiting(CREATING))
    last: Mapping[str, Any] = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False
    finished: bool = False

    @property
    def exit_code(self) -> int | None:
        """The code that it ended with; None if it has not ended."""
        terminated = self.state.get("terminated")
        return terminated["exitCode"] if terminated else None

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well, for good."""
        return self.finished and self.exit_code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a pod's status is made of, beside its containers."""

    address: str
    started: str
    now: str
    reason: str | None = None
    message: str | None = None
    failed: bool = False


def waiting(reason: str, message: str | None = None) -> dict[str, Any]:
    """The state of a container that does not run."""
    return {"waiting": {"reason": reason} | ({"message": message} if message else {})}


def status(
    pod: Object, facts: Facts, *, initial: Iterable[Snapshot], ordinary: Iterable[Snapshot]
) -> Object:
    """The status of a pod."""
    first, rest = tuple(initial), tuple(ordinary)
    sidecars = _sidecars(pod)
    initialized = all(each.succeeded or (each.name in sidecars and each.started) for each in first)
    broken = facts.failed or any(each.finished and not each.succeeded for each in first)
    phase = "Failed" if broken else _phase(rest, initialized=initialized)
    running = [each for each in first if each.name in sidecars] + list(rest)
    ready = phase == "Running" and all(each.ready for each in running)
    truths = {
        "PodScheduled": True,
        "Initialized": initialized,
        "ContainersReady": ready,
        "Ready": ready,
    }
    return {
        "phase": phase,
        "reason": facts.reason,
        "message": facts.message,
        "conditions": _conditions(pod, truths, facts.now),
        "hostIP": facts.address,
        "hostIPs": [{"ip": facts.address}],
        "podIP": facts.address,
        "podIPs": [{"ip": facts.address}],
        "startTime": facts.started,
        "initContainerStatuses": [_container(each) for each in first] or None,
        "containerStatuses": [_container(each) for each in rest],
    }


def _sidecars(pod: Object) -> set[str]:
    return {
        each["name"]
        for each in pod["spec"].get("initContainers") or []
        if each.get("restartPolicy") == "Always"
    }


def _phase(containers: tuple[Snapshot, ...], *, initialized: bool) -> str:
    if not initialized:
        return "Pending"
    if all(each.finished for each in containers):
        return "Succeeded" if all(each.succeeded for each in containers) else "Failed"
    never_ran = all("waiting" in each.state and not each.last for each in containers)
    return "Pending" if never_ran else "Running"


def _conditions(pod: Object, truths: Mapping[str, bool], now: str) -> list[Object]:
    before = {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or []}
    result = []
    for name, truth in truths.items():
        value = "True" if truth else "False"
        old = before.get(name)
        since = old.get("lastTransitionTime") if old and old["status"] == value else None
        result.append({"type": name, "status": value, "lastTransitionTime": since or now})
    return result


def _container(snapshot: Snapshot) -> Object:
    return {
        "name": snapshot.name,
        "image": snapshot.image,
        "imageID": "",
        "containerID": "",
        "state": dict(snapshot.state),
        "lastState": dict(snapshot.last),
        "restartCount": snapshot.restarts,
        "ready": snapshot.ready,
        "started": snapshot.started,
    }
