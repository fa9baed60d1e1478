"""
Which distribution of Kubernetes a cluster is, from what its objects say of themselves.

The versions, labels and annotations are those that each distribution puts there itself.
Never here: asking the cluster, what a distribution needs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from irsa.apiserver.servers import ENDPOINT_ANNOTATION

Object = Mapping[str, Any]

_CLUSTER_API_NAME = "cluster.x-k8s.io/cluster-name"


class Distribution(StrEnum):
    """The distributions that are told apart, by the names that people know."""

    eks = "EKS"
    gke = "GKE"
    aks = "AKS"
    openshift = "OpenShift"
    rke2 = "RKE2"
    k3s = "k3s"
    k0s = "k0s"
    microk8s = "MicroK8s"
    minikube = "minikube"
    kind = "kind"
    talos = "Talos"
    kops = "kOps"
    cluster_api = "Cluster API"
    kubeadm = "kubeadm"
    unknown = "an unknown distribution"

    @property
    def is_managed(self) -> bool:
        """Whether a cloud runs the API servers, so that nobody else can change their flags."""
        return self in {Distribution.eks, Distribution.gke, Distribution.aks}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """
    What a cluster says of itself; what could not be read is empty.

    Args:
        version: The API server's `gitVersion`.
        nodes: Its Nodes.
        servers: The mirror pods of its API servers.
        namespaces: The names of its namespaces.
        issuer: The issuer of its tokens.
    """

    version: str = ""
    nodes: tuple[Object, ...] = ()
    servers: tuple[Object, ...] = ()
    namespaces: frozenset[str] = frozenset()
    issuer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A distribution, what gave it away, and the cluster's own name where there is one."""

    distribution: Distribution
    reason: str
    cluster_name: str | None = None


def recognise(evidence: Evidence) -> Recognised:
    """The distribution that the evidence points to; the most particular one if to several."""
    name = _first(_marks(evidence, "annotations", _CLUSTER_API_NAME))
    for distribution, mark in _MARKS:
        reason = mark(evidence)
        if reason is not None:
            return Recognised(distribution=distribution, reason=reason, cluster_name=name)
    reason = "nothing in its version, its Nodes and its pods gives it away"
    return Recognised(distribution=Distribution.unknown, reason=reason, cluster_name=name)


def region_of(nodes: Iterable[Object]) -> str | None:
    """The AWS region that the Nodes run in, where all of them say the same."""
    on_aws = [node for node in nodes if _provider_id(node).startswith("aws:")]
    labels = [_metadata(node, "labels").get("topology.kubernetes.io/region") for node in on_aws]
    regions = {str(label) for label in labels if label}
    return regions.pop() if len(regions) == 1 else None


def _eks(evidence: Evidence) -> str | None:
    if evidence.issuer.startswith("https://oidc.eks"):
        return f"its issuer is {evidence.issuer}"
    return _in_version(evidence, "-eks-") or _label(evidence, "eks.amazonaws.com/nodegroup")


def _gke(evidence: Evidence) -> str | None:
    return _in_version(evidence, "-gke.") or _label(evidence, "cloud.google.com/gke-nodepool")


def _aks(evidence: Evidence) -> str | None:
    return _label(evidence, "kubernetes.azure.com/cluster")


def _openshift(evidence: Evidence) -> str | None:
    if "openshift-kube-apiserver" in evidence.namespaces:
        return "it has the namespace openshift-kube-apiserver"
    return _label(evidence, "node.openshift.io/os_id")


def _rke2(evidence: Evidence) -> str | None:
    return _in_version(evidence, "+rke2")


def _k3s(evidence: Evidence) -> str | None:
    return _in_version(evidence, "+k3s")


def _k0s(evidence: Evidence) -> str | None:
    return _in_version(evidence, "+k0s")


def _microk8s(evidence: Evidence) -> str | None:
    return _label(evidence, "microk8s.io/cluster")


def _minikube(evidence: Evidence) -> str | None:
    return _label(evidence, "minikube.k8s.io/name")


def _kind(evidence: Evidence) -> str | None:
    found = (_provider_id(node) for node in evidence.nodes)
    mark = _first(text for text in found if text.startswith("kind:"))
    return f"a Node has the provider id {mark}" if mark else None


def _talos(evidence: Evidence) -> str | None:
    images = (_os_image(node) for node in evidence.nodes)
    mark = _first(image for image in images if image.startswith("Talos"))
    return f"a Node runs {mark}" if mark else None


def _kops(evidence: Evidence) -> str | None:
    return _label(evidence, "kops.k8s.io/instancegroup")


def _cluster_api(evidence: Evidence) -> str | None:
    mark = _first(_marks(evidence, "annotations", _CLUSTER_API_NAME))
    return f"a Node belongs to the cluster {mark} of Cluster API" if mark else None


def _kubeadm(evidence: Evidence) -> str | None:
    for pod in evidence.servers:
        if ENDPOINT_ANNOTATION in _metadata(pod, "annotations"):
            return f"kubeadm wrote the static pod {pod['metadata']['name']}"
    sockets = _marks(evidence, "annotations", "kubeadm.alpha.kubernetes.io/cri-socket")
    return "kubeadm joined its Nodes" if any(sockets) else None


_MARKS: tuple[tuple[Distribution, Callable[[Evidence], str | None]], ...] = (
    (Distribution.eks, _eks),
    (Distribution.gke, _gke),
    (Distribution.aks, _aks),
    (Distribution.openshift, _openshift),
    (Distribution.rke2, _rke2),
    (Distribution.k3s, _k3s),
    (Distribution.k0s, _k0s),
    (Distribution.microk8s, _microk8s),
    (Distribution.minikube, _minikube),
    (Distribution.kind, _kind),
    (Distribution.talos, _talos),
    (Distribution.kops, _kops),
    (Distribution.cluster_api, _cluster_api),
    (Distribution.kubeadm, _kubeadm),
)


def _in_version(evidence: Evidence, mark: str) -> str | None:
    return f"its version is {evidence.version}" if mark in evidence.version else None


def _label(evidence: Evidence, name: str) -> str | None:
    labelled = any(name in _metadata(node, "labels") for node in evidence.nodes)
    return f"a Node has the label {name}" if labelled else None


def _marks(evidence: Evidence, kind: str, name: str) -> Iterator[str]:
    found = (_metadata(node, kind).get(name) for node in evidence.nodes)
    return (str(value) for value in found if value)


def _metadata(obj: Object, kind: str) -> Mapping[str, Any]:
    return (obj.get("metadata") or {}).get(kind) or {}


def _provider_id(node: Object) -> str:
    return str((node.get("spec") or {}).get("providerID") or "")


def _os_image(node: Object) -> str:
    return str(((node.get("status") or {}).get("nodeInfo") or {}).get("osImage") or "")


def _first(values: Iterable[str]) -> str | None:
    return next(iter(values), None)
