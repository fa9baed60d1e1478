"""Pods for the tests of the stand-in kubelet, and what becomes of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

from .objects import remove, space
from .waiting import until

IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.31.0"


@contextmanager
def namespace(kube: Kube) -> Iterator[str]:
    """A namespace of one's own, with its ServiceAccount; removed at the end."""
    name = f"t-{uuid4().hex[:8]}"
    kube.create(space(name))
    until(lambda: kube.get(Ref("v1", "ServiceAccount", "default", name)))
    until(lambda: kube.get(Ref("v1", "ConfigMap", "kube-root-ca.crt", name)))
    try:
        yield name
    finally:
        remove(kube, [space(name)])


def pod(namespace: str, script: str, **spec: Any) -> Object:
    """A pod with one container that runs a shell script."""
    container = {"name": "main", "image": IMAGE, "command": ["sh", "-c", script]}
    for key in ("env", "envFrom", "volumeMounts", "readinessProbe", "terminationMessagePolicy"):
        if key in spec:
            container[key] = spec.pop(key)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"p-{uuid4().hex[:8]}", "namespace": namespace},
        "spec": {"restartPolicy": "Never", "containers": [container], **spec},
    }


def phase(kube: Kube, obj: Object) -> str:
    found = kube.get(Ref.of(obj))
    assert found is not None
    return str(found["status"].get("phase"))


def main_state(kube: Kube, obj: Object) -> dict[str, Any]:
    """The state of the pod's first container; empty while there is none."""
    found = kube.get(Ref.of(obj))
    statuses = ((found or {}).get("status") or {}).get("containerStatuses") or []
    return statuses[0]["state"] if statuses else {}


def ended(kube: Kube, obj: Object) -> dict[str, Any]:
    """How the pod's first container ended, once it has."""
    return dict(until(lambda: main_state(kube, obj).get("terminated")))


def message(kube: Kube, obj: Object) -> str:
    """Create a pod, wait for its end, and return its termination message."""
    return str(ended(kube, kube.create(obj)).get("message", ""))


def condition(obj: Object, name: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return any(each["type"] == name and each["status"] == "True" for each in conditions)


def is_ready(kube: Kube, obj: Object) -> bool:
    return condition(kube.get(Ref.of(obj)) or {}, "Ready")
