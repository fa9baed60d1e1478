"""Which refusals say that the world is another one than the plan was made for."""

import pytest

from irsa.errors import AwsError, InputError, KubeError
from irsa.provision.overtaken import overtaken


@pytest.mark.parametrize(
    ("operation", "code", "text"),
    [
        ("iam:CreateRole", "EntityAlreadyExists", "Role with name x already exists."),
        ("iam:CreateOpenIDConnectProvider", "EntityAlreadyExists", "no"),
        ("iam:TagRole", "NoSuchEntity", "The role with name x cannot be found."),
        ("iam:TagOpenIDConnectProvider", "NoSuchEntity", "OpenIDConnect Provider not found for"),
        ("iam:DeleteRole", "DeleteConflict", "must detach all policies first"),
        ("s3:CreateBucket", "BucketAlreadyOwnedByYou", "no"),
        ("s3:PutBucketTagging", "NoSuchBucket", "no"),
    ],
)
def test_what_is_seen_late_is_worth_looking_again(operation, code, text):
    """For longer than IAM takes."""
    verdict = overtaken(AwsError(text, code=code, operation=operation))
    assert verdict
    assert verdict.late
    assert verdict.seconds >= 60


@pytest.mark.parametrize(
    "error",
    [
        AwsError("no", code="PreconditionFailed", operation="s3:PutObject"),
        AwsError("no", code="ConditionalRequestConflict", operation="s3:PutObject"),
        KubeError("no", status=409, reason="Conflict"),
        KubeError("no", status=404, reason="NotFound"),
    ],
)
def test_what_is_seen_at_once_is_read_once_more(error):
    """Unchanged, it stays refused."""
    verdict = overtaken(error)
    assert verdict
    assert not verdict.late


@pytest.mark.parametrize(
    "error",
    [
        AwsError("no", code="AccessDenied", operation="iam:CreateRole"),
        AwsError("Policy x does not exist", code="NoSuchEntity", operation="iam:AttachRolePolicy"),
        AwsError("no", code="LimitExceeded", operation="iam:CreateRole"),
        AwsError("no", code="BucketAlreadyExists", operation="s3:CreateBucket"),
        AwsError("could not be sent"),
        KubeError("no", status=403),
        KubeError("could not be reached"),
        InputError("no"),
    ],
)
def test_what_is_wrong_with_the_call_stays_wrong(error):
    """Reading again is of no use."""
    assert overtaken(error) is None
