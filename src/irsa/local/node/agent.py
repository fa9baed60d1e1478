"""
The stand-in kubelet of one node: static pods from files, ordinary ones from the API.

Each concern has a thread that starts again after an error: the API server comes and goes.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from irsa import files
from irsa.errors import IrsaError
from irsa.kube.objects import Object
from irsa.local.node import registration, scheduler
from irsa.local.node.api import Api
from irsa.local.node.backends import ApiBackend, StaticBackend
from irsa.local.node.manifests import Directory
from irsa.local.node.mirrors import Mirrors, is_mirror
from irsa.local.node.pod import Pod
from irsa.local.node.runtime import Node, Runtime

logger = logging.getLogger(__name__)

PAUSE = 0.1
RETRY = 0.3
STATIC_GRACE = 30.0
DONE = ("Succeeded", "Failed")


@dataclass(slots=True)
class Agent:
    """
    A node that runs pods.

    Args:
        version: The version it says it has.
        schedules: Whether it also gives pods to nodes.
    """

    node: Node
    api: Api
    version: str
    schedules: bool
    _static: dict[str, Pod] = field(default_factory=dict)
    _ending: list[Pod] = field(default_factory=list)
    _pods: dict[str, Pod] = field(default_factory=dict)
    _unbound: dict[str, Object] = field(default_factory=dict)
    _load: dict[str, int] = field(default_factory=dict)
    _offered: threading.Event = field(default_factory=threading.Event)

    def run(self) -> NoReturn:
        """Run pods for ever."""
        runtime, mirrors = Runtime(self.node), Mirrors(self.api, self.node.name)
        manifests = Directory(self.node.directory / "etc/kubernetes/manifests", self.node.name)
        self._keep(lambda: registration.stay_registered(self.api, self.node, self.version))
        self._keep(lambda: self._follow_pods(runtime, mirrors))
        self._keep(lambda: self._follow("Secret"))
        self._keep(lambda: self._follow("ConfigMap"))
        self._keep(lambda: mirrors.sync(list(self._static.values())), pause=PAUSE)
        if self.schedules:
            self._keep(self._bind_all, pause=0)
        pids: dict[str, int] = {}
        while True:
            self._run_static(manifests, runtime)
            pids = self._publish_pids(pids)
            time.sleep(PAUSE)

    def _keep(self, work: Callable[[], None], *, pause: float = RETRY) -> None:
        def forever() -> None:
            while True:
                try:
                    work()
                    time.sleep(pause)
                except IrsaError as error:
                    logger.info("trying again: %s", error)
                    time.sleep(RETRY)
                except Exception:
                    logger.exception("trying again after a fault of our own")
                    time.sleep(RETRY)

        threading.Thread(target=forever, daemon=True).start()

    def _run_static(self, manifests: Directory, runtime: Runtime) -> None:
        wanted = manifests.pods()
        for uid in self._static.keys() - wanted.keys():
            pod = self._static.pop(uid)
            grace = pod.object["spec"].get("terminationGracePeriodSeconds")
            pod.stop(STATIC_GRACE if grace is None else float(grace))
            self._ending.append(pod)
        self._ending = [pod for pod in self._ending if not pod.join(0)]
        busy = {pod.name for pod in self._ending}
        for uid in wanted.keys() - self._static.keys():
            pod = Pod(wanted[uid], runtime, StaticBackend())
            if pod.name not in busy:
                logger.info("static pod %s starts", pod.name)
                self._static[uid] = pod
                pod.start()

    def _publish_pids(self, before: dict[str, int]) -> dict[str, int]:
        pids = {name: pid for pod in self._static.values() for name, pid in pod.pids.items()}
        if pids != before:
            files.write_atomic(static_pids(self.node.directory), json.dumps(pids).encode())
        return pids

    def _follow_pods(self, runtime: Runtime, mirrors: Mirrors) -> None:
        mine = None if self.schedules else f"spec.nodeName={self.node.name}"
        listed = self.api.kube.list("v1", "Pod", field_selector=mine)
        for uid in self._pods.keys() - {pod["metadata"]["uid"] for pod in listed}:
            self._pods.pop(uid).stop(0)
        for kind, pod in self.api.kube.watch("v1", "Pod", field_selector=mine):
            place = pod["spec"].get("nodeName")
            self._offer(kind, pod)
            if place == self.node.name and is_mirror(pod):
                mirrors.noticed(kind, pod)
            elif place == self.node.name:
                self._take(kind, pod, runtime)

    def _take(self, kind: str, pod: Object, runtime: Runtime) -> None:
        uid = pod["metadata"]["uid"]
        known = self._pods.get(uid)
        if kind == "DELETED":
            if known is not None:
                self._pods.pop(uid).stop(0)
        elif known is not None:
            known.update(pod)
        elif (pod.get("status") or {}).get("phase") not in DONE:
            self._pods[uid] = fresh = Pod(pod, runtime, ApiBackend(self.api, pod))
            fresh.start()
            fresh.update(pod)
        elif pod["metadata"].get("deletionTimestamp"):
            self.api.remove(pod)

    def _offer(self, kind: str, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if kind != "DELETED" and scheduler.wants_node(pod):
            self._unbound[uid] = pod
            self._offered.set()
        else:
            self._unbound.pop(uid, None)

    def _bind_all(self) -> None:
        self._offered.wait(1.0)
        self._offered.clear()
        waiting = list(self._unbound.values())
        nodes = self.api.kube.list("v1", "Node") if waiting else []
        for pod in waiting:
            place = scheduler.choose(pod, nodes, self._load)
            if place is not None:
                self._unbound.pop(pod["metadata"]["uid"], None)
                self.api.bind(pod, place)
                self._load[place] = self._load.get(place, 0) + 1

    def _follow(self, kind: str) -> None:
        for _, obj in self.api.kube.watch("v1", kind):
            for pod in list(self._pods.values()):
                if pod.object["metadata"]["namespace"] == obj["metadata"].get("namespace"):
                    pod.refresh()


def static_pids(node_directory: Path) -> Path:
    """The file that says which processes the node's static pods are, by container."""
    return node_directory / "var/run/static-pods.json"
