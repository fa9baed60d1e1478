"""Which distribution a cluster is."""

import pytest

from irsa.apiserver.distributions.detect import Distribution, Evidence, recognise, region_of
from irsa.apiserver.servers import ENDPOINT_ANNOTATION


def _node(*, labels=None, annotations=None, provider="", image=""):
    return {
        "metadata": {"name": "n1", "labels": labels, "annotations": annotations},
        "spec": {"providerID": provider} if provider else {},
        "status": {"nodeInfo": {"osImage": image}},
    }


def _labelled(name):
    return Evidence(version="v1.33.1", nodes=(_node(), _node(labels={name: "x"})))


KUBEADM_POD = {
    "metadata": {
        "name": "kube-apiserver-cp-1",
        "annotations": {ENDPOINT_ANNOTATION: "10.0.0.1:6443"},
    }
}
CLUSTER_API = {"cluster.x-k8s.io/cluster-name": "prod-eu"}
SOCKET = {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd.sock"}
CASES = {
    "eks-issuer": (Evidence(issuer="https://oidc.eks.eu-west-1.amazonaws.com/id/A"), "EKS"),
    "eks-version": (Evidence(version="v1.33.1-eks-1fbb135"), "EKS"),
    "eks-label": (_labelled("eks.amazonaws.com/nodegroup"), "EKS"),
    "gke-version": (Evidence(version="v1.33.1-gke.1386000"), "GKE"),
    "gke-label": (_labelled("cloud.google.com/gke-nodepool"), "GKE"),
    "aks": (_labelled("kubernetes.azure.com/cluster"), "AKS"),
    "openshift-namespace": (
        Evidence(namespaces=frozenset({"openshift-kube-apiserver"})),
        "OpenShift",
    ),
    "openshift-label": (_labelled("node.openshift.io/os_id"), "OpenShift"),
    "rke2": (Evidence(version="v1.33.1+rke2r1"), "RKE2"),
    "k3s": (Evidence(version="v1.33.1+k3s1"), "k3s"),
    "k0s": (Evidence(version="v1.33.1+k0s"), "k0s"),
    "microk8s": (_labelled("microk8s.io/cluster"), "MicroK8s"),
    "minikube": (_labelled("minikube.k8s.io/name"), "minikube"),
    "kind": (Evidence(nodes=(_node(provider="kind://docker/kind/kind-control-plane"),)), "kind"),
    "talos": (Evidence(nodes=(_node(image="Talos (v1.10.3)"),)), "Talos"),
    "kops": (_labelled("kops.k8s.io/instancegroup"), "kOps"),
    "cluster-api": (Evidence(nodes=(_node(annotations=CLUSTER_API),)), "Cluster API"),
    "kubeadm-pod": (Evidence(servers=(KUBEADM_POD,)), "kubeadm"),
    "kubeadm-node": (Evidence(nodes=(_node(annotations=SOCKET),)), "kubeadm"),
    "unknown": (
        Evidence(version="v1.33.1", nodes=(_node(image="Debian"),)),
        "an unknown distribution",
    ),
    "nothing": (Evidence(), "an unknown distribution"),
}


@pytest.mark.parametrize(("evidence", "name"), CASES.values(), ids=CASES)
def test_a_distribution_is_recognised(evidence, name):
    """By what it says of itself, and with the reason."""
    found = recognise(evidence)
    assert found.distribution == name
    assert found.reason


def test_the_most_particular_one_counts():
    """Both kind and Cluster API are built with kubeadm, and kind may be run by Cluster API."""
    annotations = SOCKET | CLUSTER_API
    nodes = (_node(provider="kind://docker/a/b", annotations=annotations),)
    found = recognise(Evidence(nodes=nodes, servers=(KUBEADM_POD,)))
    assert found.distribution is Distribution.kind
    assert found.cluster_name == "prod-eu"


@pytest.mark.parametrize("one", Distribution, ids=lambda one: one.name)
def test_only_clouds_manage_api_servers(one):
    """Everybody else can change a flag."""
    assert one.is_managed == (one in {"EKS", "GKE", "AKS"})


REGION = "topology.kubernetes.io/region"


@pytest.mark.parametrize(
    ("nodes", "region"),
    [
        ([_node(provider="aws:///eu-west-1a/i-1", labels={REGION: "eu-west-1"})] * 2, "eu-west-1"),
        ([_node(provider="gce://p/z/i", labels={REGION: "europe-west1"})], None),
        (
            [
                _node(provider="aws:///a/i-1", labels={REGION: "eu-west-1"}),
                _node(provider="aws:///b/i-2", labels={REGION: "us-east-1"}),
            ],
            None,
        ),
        ([_node(provider="aws:///a/i-1")], None),
        ([], None),
    ],
    ids=["aws", "elsewhere", "two-regions", "no-label", "no-nodes"],
)
def test_the_region_of_the_nodes(nodes, region):
    """Where all of them that run in AWS agree."""
    assert region_of(nodes) == region
