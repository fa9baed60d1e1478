"""Which refusals pass by themselves."""

import pytest

from irsa.aws.call import Call
from irsa.errors import AwsError
from irsa.provision.patience import patience


def _patience(name, code, *, done=(), text="no"):
    service, _, operation = name.partition(":")
    call = Call(service=service, operation=operation)
    return patience(call, AwsError(text, code=code), done)


@pytest.mark.parametrize(
    ("name", "code", "done", "text"),
    [
        ("s3:PutBucketPolicy", "AccessDenied", ["s3:PutPublicAccessBlock"], "no"),
        ("s3:PutBucketTagging", "NoSuchBucket", ["s3:CreateBucket"], "no"),
        ("iam:PutRolePolicy", "NoSuchEntity", ["iam:CreateRole"], "The role with name x"),
        ("iam:CreateRole", "MalformedPolicyDocument", [], "Invalid principal in policy"),
        ("iam:TagRole", "ConcurrentModification", [], "no"),
        ("s3:CreateBucket", "OperationAborted", [], "no"),
        ("iam:CreateOpenIDConnectProvider", "OpenIdIdpCommunicationError", [], "no"),
        ("s3:DeleteBucket", "BucketNotEmpty", [], "no"),
    ],
)
def test_what_was_just_done_needs_time(name, code, done, text):
    """These pass."""
    assert _patience(name, code, done=done, text=text) is not None


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("s3:PutBucketPolicy", "AccessDenied", "no"),
        ("s3:PutBucketTagging", "NoSuchBucket", "no"),
        ("iam:CreateRole", "AccessDenied", "no"),
        ("iam:CreateRole", "EntityAlreadyExists", "no"),
        ("iam:CreateRole", "MalformedPolicyDocument", "Has prohibited field Resource"),
    ],
)
def test_what_is_wrong_stays_wrong(name, code, text):
    """These do not."""
    assert _patience(name, code, text=text) is None
