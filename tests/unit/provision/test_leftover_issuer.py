"""What an issuer leaves behind when the configuration names another one."""

import copy

import pytest
from tests.fakes.aws import Bucket
from tests.fakes.stage import BUCKET, make_stage

OLD = f"https://{BUCKET}.s3.eu-west-1.amazonaws.com"
OLD_ARN = f"arn:aws:iam::111122223333:oidc-provider/{BUCKET}.s3.eu-west-1.amazonaws.com"
NEW = "prod-eu-moved"


@pytest.fixture(name="moved")
def _moved():
    """The issuer was in one bucket, and is in another one now."""
    stage = make_stage()
    stage.apply()
    _reconfigure(stage, {"publish": "s3", "bucket": NEW})
    return stage


def _reconfigure(stage, issuer, **sections):
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, issuer=issuer, **sections).wish


def _said(plan, text):
    return [note for note in plan.notes if text in note]


def test_the_old_provider_and_its_bucket_are_shown(moved):
    """And left as they are."""
    before = copy.deepcopy(moved.aws.buckets[BUCKET])
    plan = moved.apply()
    (note,) = _said(plan, f"OIDC provider {OLD} is left over")
    assert f"--prune removes it and its documents in bucket {BUCKET}" in note
    assert OLD_ARN in moved.aws.providers
    assert moved.aws.buckets[BUCKET] == before


def test_they_go_with_prune_and_the_bucket_is_kept(moved):
    """Empty and private; the new issuer stays."""
    plan = moved.apply(prune=True)
    assert (moved.aws.buckets[BUCKET].versions, moved.aws.buckets[BUCKET].policy) == ([], None)
    assert OLD_ARN not in moved.aws.providers
    assert len(moved.aws.buckets[NEW].versions) == 2
    assert _said(plan, f"bucket {BUCKET} is kept, emptied and private")
    assert moved.plan(prune=True).changes == ()


def test_the_provider_is_the_last_to_go(moved):
    """It is what the rest is found by."""
    moved.aws.calls.clear()
    moved.apply(prune=True)
    names = [call.operation for call in moved.aws.calls]
    assert names.index("DeleteObject") < names.index("DeleteOpenIDConnectProvider")
    assert names.index("DeleteBucketPolicy") < names.index("DeleteOpenIDConnectProvider")


def test_a_destroy_takes_them_along(moved):
    """Whatever issuer the configuration names; the old bucket itself stays."""
    moved.apply()
    moved.destroy(delete_bucket=True)
    assert moved.aws.providers == {}
    assert list(moved.aws.buckets) == [BUCKET]
    assert moved.aws.buckets[BUCKET].versions == []


def test_a_role_that_trusts_only_the_old_provider_is_ours(moved):
    """It left the configuration together with the issuer."""
    _reconfigure(moved, {"publish": "s3", "bucket": NEW}, roles=[])
    assert len(_said(moved.plan(), "is left over: it is not in the configuration")) == 2
    moved.apply(prune=True)
    assert moved.aws.roles == {}


def test_a_bucket_of_somebody_else_is_said_to_stay(moved):
    """Its tags are what counts."""
    moved.aws.buckets[BUCKET].tags = []
    before = copy.deepcopy(moved.aws.buckets[BUCKET])
    assert _said(moved.plan(), f"bucket {BUCKET} is not irsa's, and stays as it is")
    moved.apply(prune=True)
    assert moved.aws.buckets[BUCKET] == before
    assert OLD_ARN not in moved.aws.providers


def _other(stage, name):
    arn = f"arn:aws:iam::111122223333:oidc-provider/{name}"
    stage.aws.providers[arn] = {"Url": name, "ClientIDList": ["x"], "Tags": []}
    return arn


def test_providers_of_others_are_left_alone(moved):
    """Without our tags, whoever made them."""
    arn = _other(moved, "issuer.example.com")
    plan = moved.apply(prune=True)
    assert arn in moved.aws.providers
    assert not [one for one in (*plan.changes, *plan.notes) if "example.com" in str(one)]


def test_the_providers_of_eks_are_not_even_read(moved, monkeypatch):
    """There may be as many as clusters in the account."""
    arn, read, asked = _other(moved, "oidc.eks.eu-west-1.amazonaws.com/id/AB"), moved.aws.read, []

    def watched(call):
        asked.append(call.params.get("OpenIDConnectProviderArn"))
        return read(call)

    monkeypatch.setattr(moved.aws, "read", watched)
    moved.plan()
    assert OLD_ARN in asked
    assert arn not in asked


def test_another_prefix_in_the_same_bucket_leaves_the_bucket_alone(moved):
    """Only the old documents go: the bucket is needed."""
    _reconfigure(moved, {"publish": "s3", "bucket": BUCKET, "prefix": "new"})
    moved.apply(prune=True)
    keys = {one["Key"] for one in moved.aws.buckets[BUCKET].versions}
    assert keys == {"new/keys.json", "new/.well-known/openid-configuration"}
    assert f"{BUCKET}/new/keys.json" in moved.aws.buckets[BUCKET].policy
    assert moved.plan(prune=True).changes == ()


@pytest.fixture(name="existing")
def _existing():
    """The bucket's issuer is said to exist already: irsa is not asked to publish it any more."""
    stage = make_stage()
    stage.apply()
    _reconfigure(stage, {"publish": "existing", "url": OLD})
    return stage


def test_a_bucket_of_ours_behind_an_existing_issuer_is_needed(existing):
    """So it stays, even with prune, and that is said."""
    before = copy.deepcopy(existing.aws.buckets)
    plan = existing.apply(prune=True)
    assert existing.aws.buckets == before
    assert plan.changes == ()
    assert _said(plan, f"bucket {BUCKET} is irsa's, and {OLD} is read from it")


def test_a_destroy_removes_it_with_its_provider(existing):
    """What irsa made goes, however the configuration calls it now; the provider first."""
    existing.aws.calls.clear()
    existing.destroy(delete_bucket=True)
    assert existing.aws.empty
    names = [call.operation for call in existing.aws.calls]
    assert names.index("DeleteOpenIDConnectProvider") < names.index("DeleteObject")


def test_a_bucket_of_somebody_else_behind_it_is_none_of_our_business(existing):
    """Whether it may be looked at or not."""
    existing.aws.buckets[BUCKET] = Bucket()
    assert existing.plan().notes == ()
    existing.aws.denied.add("s3:GetBucketTagging")
    assert existing.plan().notes == ()
    existing.destroy(delete_bucket=True)
    assert BUCKET in existing.aws.buckets
