"""
What `irsa init` finds out by itself of the cluster.

What may not be read is noted and goes unknown; a cluster that cannot be reached is an error.
Never here: choosing values for the configuration, asking.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from irsa.errors import InputError, KubeError

if TYPE_CHECKING:
    from irsa.apiserver.distributions.detect import Recognised
    from irsa.apiserver.present import PresentIssuer
    from irsa.apiserver.servers import Fleet
    from irsa.kube.client import Kube
    from irsa.web import Web

Object = Mapping[str, Any]
T = TypeVar("T")

# How AWS's own webhook and its relatives are registered, on EKS, on OpenShift and by hand.
_FOREIGN_WEBHOOKS = ("pod-identity-webhook", "iam-for-pods")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterFacts:
    """
    A cluster as it is.

    Args:
        server: The API server's URL.
        uid: The uid of the namespace kube-system.
        version: The API server's `gitVersion`.
        recognised: Which distribution it is.
        fleet: Its API servers.
        nodes: How many Nodes it has; 0 if they cannot be read.
        region: The AWS region of its Nodes, if they run there.
        namespaces: The names of its namespaces; None if they cannot be read.
        issuer: The issuer of its tokens; None if it cannot be read.
        webhook: Somebody else's pod identity webhook in it.
        unread: What could not be read, and why.
    """

    server: str
    uid: str
    version: str
    recognised: "Recognised"
    fleet: "Fleet"
    nodes: int
    region: str | None
    namespaces: frozenset[str] | None
    issuer: "PresentIssuer | None"
    webhook: str | None
    unread: tuple[str, ...]


def look_at_cluster(kube: "Kube", web: "Web") -> ClusterFacts:
    """
    Everything about the cluster.

    Raises:
        KubeError: It cannot be reached, or its identity cannot be read.
    """
    from irsa.apiserver import fleet, present
    from irsa.apiserver.distributions import detect
    from irsa.apiserver.servers import Fleet

    reader = _Reader(kube)
    uid = kube.cluster_uid()
    nodes = reader.nodes()
    namespaces = reader.namespaces()
    servers = reader.attempt("API servers", lambda: fleet.survey(kube), Fleet(servers=()))
    url = reader.attempt("the present issuer", lambda: present.named(kube), "")
    evidence = detect.Evidence(
        version=str(kube.version().get("gitVersion", "")),
        nodes=nodes,
        servers=reader.server_pods(),
        namespaces=namespaces or frozenset(),
        issuer=url,
    )
    return ClusterFacts(
        server=kube.server,
        uid=uid,
        version=evidence.version,
        recognised=detect.recognise(evidence),
        fleet=servers,
        nodes=len(nodes),
        region=detect.region_of(nodes),
        namespaces=namespaces,
        issuer=present.judge(url, web, kids=lambda: _signing(kube, servers)) if url else None,
        webhook=reader.foreign_webhook(),
        unread=tuple(reader.unread),
    )


def unseen_cluster(uid: str) -> ClusterFacts:
    """A cluster of which nothing but its uid is known."""
    from irsa.apiserver.distributions.detect import Distribution, Recognised
    from irsa.apiserver.servers import Fleet

    return ClusterFacts(
        server="",
        uid=uid,
        version="",
        recognised=Recognised(distribution=Distribution.unknown, reason="nobody has looked"),
        fleet=Fleet(servers=()),
        nodes=0,
        region=None,
        namespaces=None,
        issuer=None,
        webhook=None,
        unread=(),
    )


def foreign_role(kube: "Kube", uid: str, service_account: str) -> str | None:
    """The role that somebody else gave to a ServiceAccount (as `namespace/name`), if any."""
    from irsa.injection import grants, settings
    from irsa.kube.objects import Ref

    namespace, _, name = service_account.partition("/")
    try:
        found = kube.get(Ref("v1", "ServiceAccount", name, namespace)) or {"metadata": {}}
    except KubeError:
        return None  # it may not be read; a plan will say so
    metadata = found["metadata"]
    if (metadata.get("labels") or {}).get(settings.CLUSTER_UID_LABEL) == uid:
        return None
    annotation = f"{grants.DEFAULT_PREFIX}/{grants.ROLE_ARN}"
    return (metadata.get("annotations") or {}).get(annotation)


class _Reader:
    """Reads what may be read, and keeps in mind what may not."""

    def __init__(self, kube: "Kube") -> None:
        self.unread: list[str] = []
        self._kube = kube

    def attempt(self, what: str, read: Callable[[], T], otherwise: T) -> T:
        """
        Read something.

        Raises:
            KubeError: The API server gave no answer at all.
        """
        try:
            return read()
        except KubeError as error:
            if error.status is None:
                raise
            self.unread.append(f"{what}: {error.message}")
        except InputError as error:
            self.unread.append(f"{what}: {error.message}")
        return otherwise

    def nodes(self) -> tuple[Object, ...]:
        """The Nodes; none if they may not be read."""
        none: tuple[Object, ...] = ()
        return self.attempt("Nodes", lambda: tuple(self._kube.list("v1", "Node")), none)

    def server_pods(self) -> tuple[Object, ...]:
        """The mirror pods of API servers; they are part of what `fleet.survey` reads, too."""
        found: list[dict[str, Any]] = []
        with contextlib.suppress(KubeError):
            found = self._kube.list(
                "v1", "Pod", namespace="kube-system", label_selector="component=kube-apiserver"
            )
        return tuple(found)

    def namespaces(self) -> frozenset[str] | None:
        """The names of the namespaces; None if they may not be read."""

        def names() -> frozenset[str] | None:
            found = self._kube.list("v1", "Namespace")
            return frozenset(str(one["metadata"]["name"]) for one in found)

        return self.attempt("namespaces", names, None)

    def foreign_webhook(self) -> str | None:
        """The registration of a pod identity webhook that is not irsa's."""
        group, kind = "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"
        none: list[dict[str, Any]] = []
        found = self.attempt("admission webhooks", lambda: self._kube.list(group, kind), none)
        return next((str(one["metadata"]["name"]) for one in found if _is_foreign(one)), None)


def _is_foreign(registration: Object) -> bool:
    from irsa.injection.settings import CLUSTER_UID_LABEL

    metadata = registration["metadata"]
    hooks = registration.get("webhooks") or ()
    names = [str(metadata["name"]), *(str(hook.get("name", "")) for hook in hooks)]
    ours = CLUSTER_UID_LABEL in (metadata.get("labels") or {})
    return not ours and any(mark in name for mark in _FOREIGN_WEBHOOKS for name in names)


def _signing(kube: "Kube", servers: "Fleet") -> frozenset[str]:
    """The keys seen signing: at every server; at this one if not all can be reached from here."""
    from irsa.apiserver import fleet
    from irsa.apiserver.servers import Server

    here = Server(name="this server", url=kube.server)
    for asked in (servers.servers, (here,)):
        try:
            return fleet.signing_kids(kube, asked)
        except KubeError:
            continue
    return frozenset()
