"""
Where the history is kept: a ConfigMap in the cluster.

Never here: what a history means.
"""

from typing import TYPE_CHECKING, Any

from irsa.apiserver import history
from irsa.apiserver.history import Record
from irsa.errors import KubeError
from irsa.kube.objects import Object, Ref

if TYPE_CHECKING:
    from irsa.kube.client import Kube

NAME = "irsa-history"
KEY = "issuer.json"
NAMESPACE = "irsa-system"
FALLBACK = "kube-system"
_TRIES = 5


def namespace_of(kube: "Kube", preferred: str = NAMESPACE) -> str:
    """Where lock and history live: the tool's namespace, or `kube-system` until that exists."""
    return preferred if kube.get(Ref("v1", "Namespace", preferred)) else FALLBACK


def read(kube: "Kube") -> tuple[Record, ...]:
    """
    The history, oldest first, with what was written before the tool's namespace existed.

    Raises:
        KubeError: It cannot be read.
    """
    places = (FALLBACK, NAMESPACE)
    found = [record for place in places for record in _records(kube.get(_ref(place)), place)]
    return tuple(sorted(found, key=lambda record: record.time))


def append(kube: "Kube", record: Record) -> None:
    """
    Add one record; somebody else's, written at the same moment, is kept.

    Raises:
        KubeError: It cannot be written.
    """
    namespace = namespace_of(kube)
    for attempt in range(_TRIES):
        try:
            _append_once(kube, namespace, record)
        except KubeError as error:
            if error.status != 409 or attempt == _TRIES - 1:
                raise
        else:
            return


def _append_once(kube: "Kube", namespace: str, record: Record) -> None:
    kept = kube.get(_ref(namespace))
    records = (*_records(kept, namespace), record)
    data = {**((kept or {}).get("data") or {}), KEY: history.encode(records)}
    if kept is None:
        metadata: dict[str, Any] = {"name": NAME, "namespace": namespace}
        kube.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    else:
        kube.replace({**kept, "data": data})


def _records(kept: Object | None, namespace: str) -> tuple[Record, ...]:
    text = ((kept or {}).get("data") or {}).get(KEY)
    return history.decode(text, f"ConfigMap {NAME} in {namespace}") if text else ()


def _ref(namespace: str) -> Ref:
    return Ref("v1", "ConfigMap", NAME, namespace)
