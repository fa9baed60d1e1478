"""
Every API server of a cluster, and the keys that each is seen signing with.

Never here: judging whether a server is ready for a stage.
"""

import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from irsa.apiserver.servers import Fleet, Server, fleet_of
from irsa.errors import KubeError, RefusedError
from irsa.identity import tokens

if TYPE_CHECKING:
    from irsa.kube.client import Kube

PROBE_NAMESPACE = "kube-system"
PROBE_ACCOUNT = "default"
PROBE_SECONDS = 600


def survey(kube: "Kube") -> Fleet:
    """
    The API servers that can be found, and where the sources contradict each other.

    Without mirror pods and without endpoints, the server that answers here is the only one known.

    Raises:
        KubeError: The cluster cannot be read.
    """
    found = fleet_of(
        kube.list("v1", "Pod", namespace="kube-system", label_selector="component=kube-apiserver"),
        kube.list(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            namespace="default",
            label_selector="kubernetes.io/service-name=kubernetes",
        ),
        kube.list("v1", "Node"),
    )
    if found.servers:
        return found
    return Fleet(servers=(Server(name="this server", url=kube.server),))


def discover(kube: "Kube") -> tuple[Server, ...]:
    """
    Every API server of the cluster.

    Raises:
        RefusedError: Mirror pods, endpoints and control-plane Nodes do not agree.
        KubeError: The cluster cannot be read.
    """
    found = survey(kube)
    if found.differences:
        raise RefusedError(
            f"it is not certain which API servers there are: {'; '.join(found.differences)}",
            hint="bring those servers up, or remove what is left of them (kubectl delete node …)",
        )
    return found.servers


def signing_kids(kube: "Kube", servers: Iterable[Server]) -> frozenset[str]:
    """
    The ids of the keys that sign now, seen in a short token minted at every one of the servers.

    The token's audience is nobody's: it is good for nothing, and is forgotten at once.

    Raises:
        KubeError: A server cannot be reached, or mints no token.
    """
    return frozenset(_signing_kid(kube, server) for server in servers)


def _signing_kid(kube: "Kube", server: Server) -> str:
    with kube.at(server.url) as there:
        issued = there.create_token(
            PROBE_NAMESPACE,
            PROBE_ACCOUNT,
            audiences=[f"urn:irsa:probe:{uuid.uuid4()}"],
            expiration_seconds=PROBE_SECONDS,
        )
    kid = tokens.inspect(issued.token).kid
    if kid is None:
        raise KubeError(f"{server.name} mints tokens that do not name their key (no kid)")
    return kid
