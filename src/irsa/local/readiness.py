"""
When a rig counts as up: everything that the next command may need is there.

Never here: starting anything.
"""

from collections.abc import Iterator

from irsa.errors import IrsaError, KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref
from irsa.local.node.api import Api
from irsa.local.rig import Rig, Spec

SYSTEM = "kube-system"


class Readiness:
    """The look at a rig that comes up; each look answers with what is still missing."""

    def __init__(self, rig: Rig, spec: Spec) -> None:
        self._rig = rig
        self._spec = spec
        self._servers: dict[str, Kube] = {}
        if spec.servers:
            self._kube = Api(rig.kubeconfig).kube
            self._servers = {each.name: self._kube.at(each.url) for each in spec.servers}

    def missing(self) -> str | None:
        """The first thing that is not there yet, in words; None if the rig is up."""
        try:
            return next(self._missing(), None)
        except IrsaError as error:
            return error.message

    def close(self) -> None:
        """Close the connections."""
        if self._servers:
            for kube in (self._kube, *self._servers.values()):
                kube.close()

    def _missing(self) -> Iterator[str]:
        if self._rig.aws_ready() is None:
            yield "the AWS process does not listen"
        if self._servers:
            yield from self._missing_in_the_cluster()

    def _missing_in_the_cluster(self) -> Iterator[str]:
        for name, kube in self._servers.items():
            if not _answers(kube):
                yield f"the API server of {name} is not ready"
        for server in self._spec.servers:
            node = self._kube.get(Ref("v1", "Node", server.name))
            if node is None or not ready(node):
                yield f"node {server.name} is not ready"
            mirror = self._kube.get(Ref("v1", "Pod", f"kube-apiserver-{server.name}", SYSTEM))
            if mirror is None or not ready(mirror):
                yield f"the API server of {server.name} is not shown as a ready pod"
        if self._kube.get(Ref("v1", "ServiceAccount", "default", "default")) is None:
            yield "the controller manager has made no ServiceAccount yet"


def ready(obj: Object) -> bool:
    """Whether an object says of itself that it is ready."""
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _answers(kube: Kube) -> bool:
    try:
        return kube.raw("/readyz") == b"ok"
    except KubeError:
        return False
