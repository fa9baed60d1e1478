"""Buckets are as S3 makes them since April 2023."""

import pytest
from tests.aws.local_account import ACCOUNT, allow, make_bucket, policy, refused


def test_a_new_bucket_blocks_all_public_access(s3, bucket):
    """All four settings are on."""
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert found == dict.fromkeys(found, True)
    assert len(found) == 4


def test_a_new_bucket_has_no_acls(s3, bucket):
    """Its ownership is enforced."""
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_a_new_bucket_encrypts(s3, bucket):
    """SSE-S3 is the default, in the bucket and on its objects."""
    found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert found[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_encryption_falls_back_to_the_default(s3, bucket):
    """Deleting the setting leaves SSE-S3."""
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]


def test_tags_may_come_with_the_bucket(s3, name):
    """They are there at once."""
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={
            "LocationConstraint": "eu-west-1",
            "Tags": [{"Key": "irsa:cluster", "Value": "a & b"}],
        },
    )
    tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    assert tags == [{"Key": "irsa:cluster", "Value": "a & b"}]


def test_tags_at_creation_need_a_permission_of_their_own(aws, user, name):
    """CreateBucket alone does not let tags through."""
    limited = aws.client("s3", keys=user(allow("s3:CreateBucket")))
    make_bucket(limited, f"{name}-plain")
    with refused("AccessDenied", saying="s3:TagResource"):
        limited.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={
                "LocationConstraint": "eu-west-1",
                "Tags": [{"Key": "a", "Value": "b"}],
            },
        )


@pytest.mark.parametrize(
    ("endpoint", "constraint", "code"),
    [
        pytest.param("us-east-1", "us-east-1", "InvalidLocationConstraint", id="named origin"),
        pytest.param("eu-west-1", None, "IllegalLocationConstraintException", id="left out"),
        pytest.param("eu-west-1", "us-west-2", "IllegalLocationConstraintException", id="other"),
        pytest.param("eu-west-1", "mars-1", "InvalidLocationConstraint", id="no region"),
    ],
)
def test_the_region_must_be_said_as_s3_wants_it(aws, name, endpoint, constraint, code):
    """Left out in us-east-1, and the endpoint's own everywhere else."""
    more = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
    with refused(code):
        aws.client("s3", region=endpoint).create_bucket(Bucket=name, **more)


def test_the_origin_takes_no_constraint(aws, name):
    """In us-east-1 a plain CreateBucket works, and again."""
    s3 = aws.client("s3", region="us-east-1")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"kept")
    s3.create_bucket(Bucket=name)
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"kept"


def test_eu_means_ireland(s3, name):
    """The old name of a region that has another one now."""
    make_bucket(s3, name, "EU")
    answer = s3.head_bucket(Bucket=name)
    assert answer["BucketRegion"] == "eu-west-1"


def test_one_bucket_is_not_made_twice(s3, bucket):
    """Elsewhere than in us-east-1 it is a conflict."""
    with refused("BucketAlreadyOwnedByYou", status=409):
        make_bucket(s3, bucket)


def test_a_name_may_be_taken(s3):
    """Names are shared with everybody."""
    with refused("BucketAlreadyExists", status=409):
        make_bucket(s3, "taken-by-someone-else")
    with refused("403"):
        s3.head_bucket(Bucket="taken-by-someone-else")


@pytest.mark.parametrize(
    "wrong", ["ab", "Upper", "a..b", "-a-b", "10.0.0.1", "xn--abc", "abc-s3alias", "a_b_c"]
)
def test_names_follow_the_rules(s3, wrong):
    """S3 says InvalidBucketName."""
    with refused("InvalidBucketName"):
        make_bucket(s3, wrong)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
        ({"ObjectOwnership": "ObjectWriter"}, "NotImplemented"),
        ({"ObjectLockEnabledForBucket": True}, "NotImplemented"),
    ],
    ids=["acl", "ownership", "lock"],
)
def test_what_is_not_offered_is_refused(s3, name, parameters, code):
    """Never taken and forgotten."""
    with refused(code):
        s3.create_bucket(
            Bucket=name,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
            **parameters,
        )


def test_a_bucket_is_asked_for_in_its_own_region(aws, bucket):
    """Another region's endpoint names the right one; botocore follows by itself."""
    other = aws.client("s3", region="us-west-2")
    assert other.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
    codes = {call.get("code") for call in aws.calls() if call.get("bucket") == bucket}
    assert "PermanentRedirect" in codes


def test_the_expected_owner_is_held_to(s3, bucket):
    """HeadBucket and the others refuse a wrong one."""
    assert s3.head_bucket(Bucket=bucket, ExpectedBucketOwner=ACCOUNT)["BucketRegion"] == "eu-west-1"
    with refused("403"):
        s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="999999999999")
    with refused("AccessDenied"):
        s3.put_object(Bucket=bucket, Key="k", ExpectedBucketOwner="999999999999")


def test_a_missing_bucket_is_missing(s3, name):
    """404, by HEAD and by GET."""
    with refused("404"):
        s3.head_bucket(Bucket=name)
    with refused("NoSuchBucket", status=404):
        s3.get_bucket_policy(Bucket=name)


def test_a_bucket_with_versions_is_not_empty(s3, bucket):
    """Deleting objects is not enough: versions and markers count."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("BucketNotEmpty", status=409):
        s3.delete_bucket(Bucket=bucket)
    found = s3.list_object_versions(Bucket=bucket)
    every = [*found["Versions"], *found["DeleteMarkers"]]
    assert len(every) == 3
    objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in every]
    assert "Errors" not in s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    s3.delete_bucket(Bucket=bucket)
    with refused("404"):
        s3.head_bucket(Bucket=bucket)


def test_a_policy_does_not_outlive_its_bucket(s3, bucket):
    """A new bucket of the same name starts without one."""
    text = policy(
        allow(
            "s3:GetObject",
            f"arn:aws:s3:::{bucket}/*",
            Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        )
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    s3.delete_bucket(Bucket=bucket)
    make_bucket(s3, bucket)
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


def test_buckets_are_listed(s3, bucket):
    """The account's own."""
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert bucket in names


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_versioning_is_remembered(s3, bucket, status):
    """On or suspended."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status


def test_acls_are_refused(s3, bucket):
    """On the bucket and on objects, as the 2019 tutorial would set them."""
    with refused("AccessControlListNotSupported"):
        s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    for acl in ("public-read", "private"):
        with refused("AccessControlListNotSupported", status=400):
            s3.put_object(Bucket=bucket, Key="k", ACL=acl)
    with refused("AccessControlListNotSupported"):
        everybody = "uri=http://acs.amazonaws.com/groups/global/AllUsers"
        s3.put_object(Bucket=bucket, Key="k", GrantRead=everybody)
    s3.put_object(Bucket=bucket, Key="k", ACL="bucket-owner-full-control")
    with refused("AccessControlListNotSupported"):
        s3.put_object_acl(Bucket=bucket, Key="k", ACL="public-read")


def test_ownership_stays_enforced(s3, bucket):
    """ACLs cannot be brought back here."""
    with refused("NotImplemented"):
        s3.delete_bucket_ownership_controls(Bucket=bucket)
    with refused("NotImplemented"):
        s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )


def test_encryption_by_kms_is_refused(s3, bucket):
    """There are no keys of KMS, and anonymous readers could not use them."""
    with refused("NotImplemented"):
        s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    with refused("NotImplemented"):
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
