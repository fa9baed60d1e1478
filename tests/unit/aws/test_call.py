"""One AWS request as a value."""

import pytest

from irsa.aws.call import Call


def _call(name, **params):
    service, _, operation = name.partition(":")
    return Call(service=service, operation=operation, params=params)


def test_it_is_plain_json_with_bodies_as_text():
    """Exactly what is sent, readable."""
    call = _call("s3:PutObject", Body=b"{}", Tags=({"Key": "a"},))
    assert call.to_json() == {
        "call": "s3:PutObject",
        "params": {"Body": "{}", "Tags": [{"Key": "a"}]},
    }


@pytest.mark.parametrize(
    ("call", "permission"),
    [
        (_call("iam:CreateRole"), "iam:CreateRole"),
        (_call("s3:HeadBucket"), "s3:ListBucket"),
        (_call("s3:PutPublicAccessBlock"), "s3:PutBucketPublicAccessBlock"),
        (_call("s3control:GetPublicAccessBlock"), "s3:GetAccountPublicAccessBlock"),
        (_call("s3:DeleteObject", VersionId="1"), "s3:DeleteObjectVersion"),
        (_call("s3:DeleteObject"), "s3:DeleteObject"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_it_knows_the_permission_it_needs(call, permission):
    """IAM's names are not always the API's."""
    assert call.permission == permission
