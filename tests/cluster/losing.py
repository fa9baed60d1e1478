"""Pods and workloads that should have a role, and have none for want of a webhook."""

import contextlib
from collections.abc import Iterator
from typing import Any

from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

from .objects import account, remove, space
from .waiting import until

LOST = "irsa-pods-lost"
SLEEP = ["sh", "-c", "exec sleep 600"]


@contextlib.contextmanager
def lost_space(kube: Kube) -> Iterator[None]:
    """A namespace with a ServiceAccount that has a role."""
    kube.apply(space(LOST))
    try:
        until(lambda: kube.get(Ref("v1", "ServiceAccount", "default", LOST)), "it is ready")
        kube.apply(account("lost", LOST))
        yield
    finally:
        remove(kube, [space(LOST)])


def pod(name: str, **spec: Any) -> Object:
    """A pod of the ServiceAccount `lost`, that nothing schedules unless it says so."""
    container = {"name": "app", "image": "public.ecr.aws/aws-cli/aws-cli", "command": SLEEP}
    metadata = {"name": name, "namespace": LOST}
    spec = {"serviceAccountName": "lost", "containers": [container], "schedulerName": "x"} | spec
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def workload(kind: str, name: str, **spec: Any) -> Object:
    """A workload whose pods run."""
    labels = {"app": name}
    running = pod(name, schedulerName="default-scheduler", terminationGracePeriodSeconds=1)
    template = {"metadata": {"labels": labels}, "spec": running["spec"]}
    whole = {"selector": {"matchLabels": labels}, "template": template} | spec
    metadata = {"name": name, "namespace": LOST}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": whole}


def pods(kube: Kube) -> list[Object]:
    return kube.list("v1", "Pod", namespace=LOST)
