"""The bucket of the issuer."""

from dataclasses import replace

import pytest
from tests.fakes.aws import FakeAws, RefusalError
from tests.fakes.stage import BUCKET

from irsa.errors import AwsError, RefusedError
from irsa.provision.bucket import Bucket
from irsa.provision.owner import Owner

OWNER = Owner(name="prod-eu", uid="6f0c")


def _bucket(**changes):
    bucket = Bucket(
        name=BUCKET,
        region="eu-west-1",
        partition="aws",
        account="111122223333",
        owner=OWNER,
        public_keys=("a.json", "b.json"),
    )
    return replace(bucket, **changes)


def _creation(bucket):
    (change,) = bucket.changes(None).changes
    return change.steps[0].params


def test_it_is_tagged_in_the_very_call_that_makes_it():
    """A kill right after it must not leave a bucket that nobody knows."""
    tags = _creation(_bucket())["CreateBucketConfiguration"]["Tags"]
    assert {"Key": "irsa:cluster-uid", "Value": "6f0c"} in tags


@pytest.mark.parametrize(
    ("region", "constraint"), [("eu-west-1", "eu-west-1"), ("us-east-1", None)]
)
def test_the_region_is_named_except_the_classic_one(region, constraint):
    """us-east-1 refuses its own name."""
    configuration = _creation(_bucket(region=region))["CreateBucketConfiguration"]
    assert configuration.get("LocationConstraint") == constraint


def test_exactly_the_documents_are_public():
    """Two objects, reading only, no listing."""
    (statement,) = _bucket(partition="aws-cn").policy["Statement"]
    assert statement["Action"] == "s3:GetObject"
    assert statement["Resource"] == [
        f"arn:aws-cn:s3:::{BUCKET}/a.json",
        f"arn:aws-cn:s3:::{BUCKET}/b.json",
    ]


def test_drift_is_shown_and_mended(stage):
    """What somebody changed is put back, and only that."""
    stage.apply()
    bucket = stage.aws.buckets[BUCKET]
    bucket.versioning, bucket.encryption = "Suspended", "aws:kms"
    (change,) = stage.plan().changes
    assert [(one.name, one.before) for one in change.fields] == [
        ("encryption", "aws:kms"),
        ("versioning", "Suspended"),
    ]
    stage.apply()
    assert stage.plan().changes == ()


def test_tags_of_others_stay(stage):
    """Cost centres and the like are not ours to remove."""
    stage.apply()
    stage.aws.buckets[BUCKET].tags.append({"Key": "cost-centre", "Value": "7"})
    assert stage.plan().changes == ()
    stage.aws.buckets[BUCKET].tags[:1] = [{"Key": "irsa:cluster", "Value": "old"}]
    stage.apply()
    assert {"Key": "cost-centre", "Value": "7"} in stage.aws.buckets[BUCKET].tags


@pytest.mark.parametrize("switch", ["BlockPublicPolicy", "RestrictPublicBuckets"])
def test_an_account_that_forbids_public_buckets_is_respected(stage, switch):
    """Seen in the plan, never switched off; another way to publish is named."""
    stage.aws.account_block = {switch: True}
    with pytest.raises(RefusedError, match=switch) as refused:
        stage.plan()
    assert "publish: directory" in refused.value.hint


def test_a_policy_refused_just_after_the_switch_is_tried_again(stage):
    """S3 may need a moment to allow public policies."""
    stage.aws.failures["s3:PutBucketPolicy"] = [RefusalError("AccessDenied", "BlockPublicPolicy")]
    stage.apply()
    assert any("does not allow public policies here yet" in line for line in stage.said)


def test_a_policy_that_stays_refused_is_an_error(stage):
    """After some seconds it is no delay, but a decision."""
    stage.aws.failures["s3:PutBucketPolicy"] = [RefusalError("AccessDenied")] * 99
    with pytest.raises(AwsError, match="denied s3:PutBucketPolicy"):
        stage.apply()


def test_objects_of_others_keep_the_bucket(stage):
    """A bucket with something else in it is not deleted."""
    stage.apply()
    other = {"Key": "notes.txt", "VersionId": "v99"}
    stage.aws.buckets[BUCKET].versions.append(other)
    with pytest.raises(RefusedError, match=r"notes\.txt"):
        stage.plan_removal(delete_bucket=True)


def test_the_fake_starts_empty():
    """Nothing is made by looking."""
    assert FakeAws().empty
