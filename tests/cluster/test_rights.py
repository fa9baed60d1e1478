"""What the two processes may do follows the configuration both ways: more, and less again."""

import pytest
from tests.cluster.sites import site

from irsa.kube.objects import Ref

pytestmark = pytest.mark.cluster

NAMESPACE = "irsa-system"
CONFIG_MAP = {"resource": "configmaps", "verb": "get", "name": "pod-identity-webhook"}
ADDITIONAL = {
    "restart": [
        ("irsa-controller", {"group": "apps", "resource": "deployments", "verb": "patch"}),
        ("irsa-controller", {"group": "apps", "resource": "replicasets", "verb": "get"}),
    ],
    "watchConfigMap": [("irsa-webhook", CONFIG_MAP), ("irsa-controller", CONFIG_MAP)],
}


@pytest.fixture(name="made", scope="module")
def _made(rig, tmp_path_factory):
    """A site with a webhook, whose additional rights are switched on and off."""
    directory = tmp_path_factory.mktemp("site")
    with site(rig, directory, "rights", injection={"engine": "webhook"}) as made:
        yield made


def _may(kube, account, attributes):
    """What the API server's own authorizer says."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {
            "user": f"system:serviceaccount:{NAMESPACE}:{account}",
            "resourceAttributes": {"namespace": NAMESPACE} | attributes,
        },
    }
    return kube.create(review)["status"]["allowed"]


def _rights(made, name):
    return [_may(made.rig.kube, *one) for one in ADDITIONAL[name]]


@pytest.mark.parametrize("name", ADDITIONAL)
def test_rights_go_when_what_needs_them_is_switched_off(made, name):
    """With the next apply, and without --prune: nobody may keep what nothing asks for."""
    made.write(injection={"engine": "webhook", name: True})
    made.apply()
    assert _rights(made, name) == [True, True]
    made.write(injection={"engine": "webhook"})
    made.apply()
    assert _rights(made, name) == [False, False]
    assert made.plan()["changes"] == []
    assert made.rig.kube.get(Ref("apps/v1", "Deployment", "irsa-controller", NAMESPACE))
