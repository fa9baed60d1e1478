"""`irsa apply` on a real API server and a strict AWS."""

import json

import pytest
from tests.cluster.sites import site

from irsa.kube.objects import Ref

pytestmark = pytest.mark.cluster


@pytest.fixture(name="whole", scope="module")
def _whole(rig, tmp_path_factory):
    """Everything, the webhook included."""
    directory = tmp_path_factory.mktemp("site")
    with site(rig, directory, "whole", injection={"engine": "webhook"}) as made:
        made.apply()
        yield made


def test_a_second_plan_is_empty(whole):
    """Defaults of the API server and `caBundle` are no differences."""
    again = whole.irsa("plan", "--detailed-exitcode")
    assert again.stdout.strip() == "nothing to change"


def test_a_second_apply_changes_nothing(whole, rig):
    """Neither in AWS nor in the cluster."""
    before = rig.kube.list("apps/v1", "Deployment", namespace="irsa-system")
    assert whole.apply().stdout.strip() == "everything is as the configuration says"
    after = rig.kube.list("apps/v1", "Deployment", namespace="irsa-system")
    assert [one["metadata"]["generation"] for one in after] == [
        one["metadata"]["generation"] for one in before
    ]


def test_everything_in_aws_is_tagged(whole, rig):
    """With the cluster's uid: bucket, provider, role."""
    uid = rig.kube.cluster_uid()
    tag = {"Key": "irsa:cluster-uid", "Value": uid}
    iam = rig.boto("iam")
    account = rig.status["account"]
    arn = f"arn:aws:iam::{account}:oidc-provider/{whole.bucket}.s3.eu-west-1.amazonaws.com"
    assert tag in rig.boto("s3").get_bucket_tagging(Bucket=whole.bucket)["TagSet"]
    assert tag in iam.get_role(RoleName=whole.role)["Role"]["Tags"]
    assert tag in iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)["Tags"]


def test_the_published_keys_are_those_of_the_api_server(whole, rig):
    """As a set; the API server has one key here."""
    body = rig.boto("s3").get_object(Bucket=whole.bucket, Key="keys.json")["Body"].read()
    published = {key["kid"] for key in json.loads(body)["keys"]}
    served = json.loads(rig.kube.raw("/openid/v1/jwks"))["keys"]
    assert published == {key["kid"] for key in served}


def test_the_webhook_gives_pods_their_role(whole, rig):
    """Proved by the API server itself: a dry run."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "dry", "namespace": "shop"},
        "spec": {
            "serviceAccountName": whole.name,
            "containers": [{"name": "main", "image": "irsa"}],
        },
    }
    made = rig.kube.create(pod, dry_run=True)
    variables = {one["name"]: one.get("value") for one in made["spec"]["containers"][0]["env"]}
    assert variables["AWS_ROLE_ARN"].endswith(f":role/{whole.role}")


def test_drift_in_aws_is_mended(whole, rig):
    """What somebody switched off is on again."""
    rig.boto("s3").put_bucket_versioning(
        Bucket=whole.bucket, VersioningConfiguration={"Status": "Suspended"}
    )
    (change,) = whole.plan()["changes"]
    assert [step["call"] for step in change["steps"]] == ["s3:PutBucketVersioning"]
    whole.apply()
    assert whole.plan()["changes"] == []


def test_drift_in_the_cluster_is_mended(whole, rig):
    """Also where another manager changed a field of ours."""
    ref = Ref("v1", "ServiceAccount", whole.name, "shop")
    evil = {"eks.amazonaws.com/role-arn": "arn:aws:iam::999999999999:role/evil"}
    rig.kube.patch(ref, {"metadata": {"annotations": evil}})
    whole.apply()
    assert whole.plan()["changes"] == []
    annotations = rig.kube.get(ref)["metadata"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"].endswith(whole.role)
