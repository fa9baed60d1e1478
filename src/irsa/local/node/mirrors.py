"""
Mirror pods: what the API shows of a node's static pods.

Never here: running them.
"""

from collections.abc import Iterable
from typing import Any

from irsa.errors import KubeError
from irsa.kube.objects import Object, Ref
from irsa.local.node.api import Api
from irsa.local.node.manifests import HASH, MIRROR, mirror_of
from irsa.local.node.pod import Pod


def is_mirror(pod: Object) -> bool:
    """Whether a pod of the API shows a static one."""
    return MIRROR in (pod["metadata"].get("annotations") or {})


class Mirrors:
    """
    The mirror pods of one node.

    Args:
        node: The node's name.
    """

    def __init__(self, api: Api, node: str) -> None:
        self._api = api
        self._node = node
        self._seen: dict[str, Object] = {}
        self._told: dict[str, Any] = {}

    def noticed(self, kind: str, pod: Object) -> None:
        """Take note of a change to a mirror in the API."""
        name = pod["metadata"]["name"]
        if kind == "DELETED":
            self._seen.pop(name, None)
        else:
            self._seen[name] = pod

    def sync(self, pods: Iterable[Pod]) -> None:
        """Make the API show these static pods as they are."""
        wanted = {pod.object["metadata"]["name"]: pod for pod in pods}
        for name, mirror in list(self._seen.items()):
            pod = wanted.get(name)
            if pod is None or _hash(mirror, MIRROR) != _hash(pod.object, HASH):
                self._api.remove(mirror)
                self._seen.pop(name, None)
        for name, pod in wanted.items():
            mirror = self._seen.get(name) or self._create(name, pod)
            self._report(mirror, pod)

    def _create(self, name: str, pod: Pod) -> Object:
        owner = self._api.kube.get(Ref("v1", "Node", self._node))
        if owner is None:
            raise KubeError(f"node {self._node} is not registered yet")
        mirror = mirror_of(pod.object, owner)
        self._seen[name] = self._api.kube.create(mirror)
        return self._seen[name]

    def _report(self, mirror: Object, pod: Pod) -> None:
        uid, status = mirror["metadata"]["uid"], pod.status
        if status is not None and self._told.get(uid) != status:
            self._api.report(mirror, status)
            self._told = {**self._told, uid: status}


def _hash(pod: Object, annotation: str) -> str | None:
    return (pod["metadata"].get("annotations") or {}).get(annotation)
