"""
Where pods come from: the API for ordinary ones, a manifest of the node for static ones.

Never here: running them.
"""

from irsa.errors import KubeError
from irsa.kube.objects import Object
from irsa.local.node.api import Api, ref
from irsa.local.node.tokens import Tokens
from irsa.local.node.volumes import Wanted


class ApiBackend:
    """An ordinary pod: everything is asked of the API server."""

    def __init__(self, api: Api, pod: Object) -> None:
        self._api = api
        self._namespace = pod["metadata"]["namespace"]
        self._tokens = Tokens(lambda wanted: api.token(pod, wanted))

    def read(self, kind: str, name: str) -> Object | None:
        """A Secret or ConfigMap of the pod's namespace."""
        return self._api.kube.get(ref(kind, name, self._namespace))

    def token(self, _pod: Object, wanted: Wanted) -> str:
        """A token bound to the pod."""
        return self._tokens.get(wanted)

    def next_renewal(self) -> float | None:
        """When the next token is due."""
        return self._tokens.next_renewal()

    def report(self, pod: Object, status: Object) -> None:
        """Set the pod's status; one that is gone, or has a successor, has none."""
        try:
            self._api.report(pod, status)
        except KubeError as error:
            if error.status not in {404, 409}:
                raise

    def ended(self, pod: Object) -> None:
        """Take the pod out of the API."""
        self._api.remove(pod)


class StaticBackend:
    """A static pod: it may refer to nothing, and its status goes to its mirror, if there is one."""

    def read(self, _kind: str, _name: str) -> Object | None:
        """Nothing: static pods may not refer to API objects."""
        return None

    def token(self, _pod: Object, _wanted: Wanted) -> str:
        """Nothing: static pods have no ServiceAccount."""
        return ""

    def next_renewal(self) -> float | None:
        """Never."""
        return None

    def report(self, _pod: Object, _status: Object) -> None:
        """The mirror reads it."""

    def ended(self, _pod: Object) -> None:
        """There is nothing to take out."""
