"""Objects that many tests make, and how they are removed."""

from collections.abc import Sequence

from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref

from .waiting import until

PREFIX = "eks.amazonaws.com"
ROLE = "arn:aws:iam::111122223333:role/web"


def space(name: str) -> Object:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def account(name: str, namespace: str, *, role: str | None = ROLE) -> Object:
    """A ServiceAccount, with a role unless there is none."""
    annotations = {f"{PREFIX}/role-arn": role} if role else {}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def remove(kube: Kube, items: Sequence[Object]) -> None:
    """
    Delete objects, the last one first, and wait until they are gone.

    A namespace is there for a while after it was deleted, with its labels: whoever looks for what
    is left of an installation finds it.
    """
    refs = [Ref.of(item) for item in reversed(items)]
    for ref in refs:
        kube.delete(ref)
    for ref in refs:
        until(lambda ref=ref: kube.get(ref) is None)
