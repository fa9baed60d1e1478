"""
What the stand-in kubelet asks of the API server beyond what `Kube` offers.

Never here: pods' lives.
"""

import os
import time
from pathlib import Path
from typing import Any

import msgspec

from irsa.errors import KubeError
from irsa.kube import locate
from irsa.kube.client import IssuedToken, Kube
from irsa.kube.objects import Object, Ref
from irsa.kube.transport import Request, Transport
from irsa.local.node.volumes import Wanted

TIMEOUT = 10.0


class Api:
    """
    The API server, as a node sees it; safe to share between threads.

    Args:
        kubeconfig: The node's own.
    """

    def __init__(self, kubeconfig: Path) -> None:
        connection = locate.connection(str(kubeconfig), None, environment=os.environ)
        self._transport = Transport(connection, timeout=TIMEOUT, sleep=_briefly)
        self.kube = Kube(self._transport)

    def bind(self, pod: Object, node: str) -> None:
        """Give a pod to a node, as the scheduler does."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        self._post(f"{pod_ref(pod).path}/binding", binding)

    def remove(self, pod: Object) -> None:
        """Take this very pod out of the API at once: it has ended, or never was."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        body = msgspec.json.encode(options)
        request = Request(method="DELETE", path=pod_ref(pod).path, body=body, changes=True)
        try:
            self._transport.send(request)
        except KubeError as error:
            if error.status not in {404, 409}:
                raise

    def report(self, pod: Object, status: Object) -> None:
        """Set the status of this very pod."""
        patch = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        self.kube.patch(pod_ref(pod), patch, subresource="status")

    def token(self, pod: Object, wanted: Wanted) -> IssuedToken:
        """A token bound to a pod."""
        metadata = pod["metadata"]
        return self.kube.create_token(
            metadata["namespace"],
            pod["spec"].get("serviceAccountName") or "default",
            audiences=[wanted.audience] if wanted.audience else [],
            expiration_seconds=wanted.seconds,
            bound_to=pod_ref(pod),
            bound_uid=metadata["uid"],
        )

    def create_or_replace(self, obj: Object) -> None:
        """Make an object what is given, whoever made it first."""
        try:
            self.kube.create(obj)
        except KubeError as error:
            if error.status != 409:
                raise
            self.kube.patch(Ref.of(obj), obj)

    def _post(self, path: str, obj: Any) -> None:
        body = msgspec.json.encode(obj)
        self._transport.send(Request(method="POST", path=path, body=body, changes=True))


def _briefly(seconds: float) -> None:
    """Servers of a rig are back in a moment, and everybody waits for the node."""
    time.sleep(min(seconds, 0.1))


def pod_ref(pod: Object) -> Ref:
    """The reference to a pod, which lists give without its kind."""
    return Ref("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"])


def ref(kind: str, name: str, namespace: str) -> Ref:
    """The reference to an object of the core group."""
    return Ref("v1", kind, name, namespace)
