"""Where each kind lives in the API."""

import pytest

from irsa.errors import InputError
from irsa.kube.objects import Ref, collection_path, is_namespaced


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (Ref("v1", "Pod", "web", "shop"), "/api/v1/namespaces/shop/pods/web"),
        (Ref("v1", "Namespace", "shop"), "/api/v1/namespaces/shop"),
        (Ref("apps/v1", "Deployment", "w", "a"), "/apis/apps/v1/namespaces/a/deployments/w"),
        (
            Ref("rbac.authorization.k8s.io/v1", "ClusterRole", "system:x"),
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:x",
        ),
        (Ref("v1", "Node", "n", "ignored"), "/api/v1/nodes/n"),
        (Ref("v1", "Secret", "a/../b", "x"), "/api/v1/namespaces/x/secrets/a%2F..%2Fb"),
    ],
    ids=["core", "namespace", "group", "colon", "cluster-wide", "hostile"],
)
def test_path_of_an_object(ref, path):
    """Paths follow from the table, and names cannot leave their place."""
    assert ref.path == path


@pytest.mark.parametrize(
    ("namespace", "path"),
    [(None, "/apis/batch/v1/jobs"), ("x", "/apis/batch/v1/namespaces/x/jobs")],
    ids=["everywhere", "one"],
)
def test_path_of_a_collection(namespace, path):
    """Without a namespace it is the collection over all of them."""
    assert collection_path("batch/v1", "Job", namespace) == path


def test_ref_of_an_object():
    """An object says where it lives."""
    metadata = {"name": "web", "namespace": "shop"}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
    assert Ref.of(obj) == Ref("v1", "Pod", "web", "shop")
    assert str(Ref.of(obj)) == "Pod web in namespace shop"


@pytest.mark.parametrize(
    "obj",
    [{}, {"apiVersion": "v1", "kind": "Pod"}, {"kind": "Pod", "metadata": {"name": "x"}}],
    ids=["empty", "nameless", "versionless"],
)
def test_what_is_no_object_is_refused(obj):
    """Without version, kind and name there is no reference."""
    with pytest.raises(InputError, match="not a Kubernetes object"):
        Ref.of(obj)


def test_unknown_kind_is_refused():
    """A kind that is not in the table is named."""
    with pytest.raises(InputError, match="'Widget' is not a kind"):
        is_namespaced("Widget")


def test_namespaced_kind_needs_a_namespace():
    """A Pod without a namespace has no path."""
    with pytest.raises(InputError, match="Pod web needs a namespace"):
        _ = Ref("v1", "Pod", "web").path
