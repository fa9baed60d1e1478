"""`irsa destroy` on a real API server and a strict AWS."""

import pytest
from tests.cluster.sites import site

from irsa.kube.objects import Ref

pytestmark = pytest.mark.cluster


@pytest.fixture(name="made")
def _made(rig, tmp_path):
    with site(rig, tmp_path, "doomed") as made:
        made.apply()
        yield made


def _pod(made, account):
    role = f"arn:aws:iam::{account}:role/{made.role}"
    env = [{"name": "AWS_ROLE_ARN", "value": role}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "busy", "namespace": "shop"},
        "spec": {"containers": [{"name": "main", "image": "irsa-unknown", "env": env}]},
    }


def test_nothing_is_left(made, rig):
    """Neither in AWS nor in the cluster; and a second destroy says so."""
    made.destroy()
    names = [one["RoleName"] for one in rig.boto("iam").list_roles()["Roles"]]
    buckets = [one["Name"] for one in rig.boto("s3").list_buckets()["Buckets"]]
    assert made.role not in names
    assert made.bucket not in buckets
    assert rig.kube.get(Ref("v1", "ServiceAccount", made.name, "shop")) is None
    assert made.destroy().stdout.strip() == "nothing of this cluster is left"


def test_an_annotation_of_ours_is_taken_off(rig, tmp_path):
    """A ServiceAccount that was there before stays, as it was."""
    ref = Ref("v1", "ServiceAccount", "older", "shop")
    with site(rig, tmp_path, "older") as made:
        rig.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _named(ref)})
        made.apply()
        assert rig.kube.get(ref)["metadata"]["annotations"]
        made.destroy()
        metadata = rig.kube.get(ref)["metadata"]
    rig.kube.delete(ref)
    assert not metadata.get("annotations")
    assert not metadata.get("labels")


def test_pods_in_use_stop_it(made, rig):
    """Until they are gone."""
    pod = rig.kube.create(_pod(made, rig.status["account"]))
    try:
        refused = made.destroy(check=False)
        assert refused.returncode == 3
        assert "shop/busy" in refused.stderr
        assert rig.boto("iam").get_role(RoleName=made.role)
    finally:
        rig.kube.delete(Ref.of(pod))


def _named(ref):
    return {"name": ref.name, "namespace": ref.namespace}
