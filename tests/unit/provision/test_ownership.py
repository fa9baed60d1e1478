"""What is not ours is never changed and never deleted, and its owner is named."""

import pytest
from tests.fakes.aws import Bucket
from tests.fakes.stage import BUCKET, make_stage

from irsa.errors import RefusedError

OTHERS = [
    pytest.param({}, "somebody else's", id="untagged"),
    pytest.param(
        {"irsa:cluster": "prod-us", "irsa:cluster-uid": "1234"},
        r"another cluster \(prod-us, uid 1234\)",
        id="another cluster",
    ),
]
PROVIDER = f"arn:aws:iam::111122223333:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com"


def _tag_list(tags):
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _take_bucket(stage, tags):
    stage.aws.buckets[BUCKET] = Bucket(tags=_tag_list(tags))


def _take_provider(stage, tags):
    provider = {"Url": PROVIDER, "ClientIDList": ["other"], "Tags": _tag_list(tags)}
    stage.aws.providers[PROVIDER] = provider


def _take_role(stage, tags):
    stage.aws.roles["prod-eu-shop-web"] = {
        "RoleName": "prod-eu-shop-web",
        "Path": "/",
        "AssumeRolePolicyDocument": {"Statement": []},
        "Tags": _tag_list(tags),
        "attached": [],
        "inline": {},
    }


TAKERS = [
    pytest.param(_take_bucket, "bucket", id="bucket"),
    pytest.param(_take_provider, "OIDC provider", id="provider"),
    pytest.param(_take_role, "role", id="role"),
]


@pytest.mark.parametrize(("tags", "owner"), OTHERS)
@pytest.mark.parametrize(("take", "kind"), TAKERS)
def test_an_apply_is_refused(stage, take, kind, tags, owner):
    """The plan names the thing and whose it is; nothing is sent."""
    take(stage, tags)
    with pytest.raises(RefusedError, match=f"^{kind} .*{owner}"):
        stage.apply()
    assert stage.aws.calls == []


@pytest.mark.parametrize(("tags", "owner"), OTHERS)
@pytest.mark.parametrize(("take", "kind"), TAKERS)
def test_a_destroy_leaves_it_alone(stage, take, kind, tags, owner):
    """It is left where it is, and that is said."""
    take(stage, tags)
    plan = stage.destroy()
    assert plan.changes == ()
    assert stage.aws.calls == []
    assert [note for note in plan.notes if note.startswith(kind)]
    assert owner.split(" (")[0].split(r" \(")[0] in plan.notes[0]


def test_a_bucket_of_another_account_is_refused(stage):
    """The name is taken in the world."""
    stage.aws.buckets[BUCKET] = Bucket(account="999999999999")
    with pytest.raises(RefusedError, match="belongs to another account"):
        stage.plan()


def test_a_namespace_of_somebody_else_is_refused(stage):
    """Even of the name that the webhook wants."""
    stage.kube.put("v1", "Namespace", "irsa-system")
    with pytest.raises(RefusedError, match="Namespace irsa-system exists and was not made by irsa"):
        stage.plan()


def test_a_role_that_somebody_annotated_is_refused(stage):
    """Another role on the ServiceAccount is somebody's decision."""
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/theirs"}
    stage.kube.put(
        "v1", "ServiceAccount", "web", metadata={"namespace": "shop", "annotations": annotations}
    )
    with pytest.raises(RefusedError, match=r"shop/web has the role .*theirs already"):
        stage.plan()


def test_two_clusters_of_one_name_keep_apart():
    """The uid decides, not the name."""
    first, second = make_stage(), make_stage()
    first.apply()
    second.aws = first.aws
    with pytest.raises(RefusedError, match="belongs to another cluster"):
        second.plan()
    assert second.destroy().changes == ()
