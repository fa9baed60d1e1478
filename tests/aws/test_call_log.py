"""The log of calls: who, what, and whether; never a secret."""

from pathlib import Path

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused


def _last(aws, **wanted):
    found = [one for one in aws.calls() if wanted.items() <= one.items()]
    assert found, wanted
    return found[-1]


def test_an_object_written_by_a_session_is_told(aws, iam, cluster):
    """Whose session, which key, how large."""
    iam.put_role_policy(
        RoleName=f"{cluster.name}-role", PolicyName="p", PolicyDocument=policy(allow("s3:*"))
    )
    aws.client("s3", keys=cluster.session()).put_object(
        Bucket=cluster.name, Key="echo/x", Body=b"12345"
    )
    call = _last(aws, operation="PutObject", key="echo/x")
    assert call["caller"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/{cluster.name}-role/web-session"
    )
    assert call["resource"] == f"arn:aws:s3:::{cluster.name}/echo/x"
    assert (call["bucket"], call["size"], call["allowed"]) == (cluster.name, 5, True)


def test_a_refusal_says_why(aws, cluster):
    """More than AWS would tell the caller."""
    with refused("AccessDenied"):
        cluster.assume(cluster.token(sub="system:serviceaccount:shop:other"))
    call = _last(aws, operation="AssumeRoleWithWebIdentity", resource=cluster.role)
    assert (call["caller"], call["allowed"], call["code"]) == ("anonymous", False, "AccessDenied")
    assert call["subject"] == "system:serviceaccount:shop:other"
    assert "shop:web" in call["reason"]


def test_a_role_that_was_assumed_is_told(aws, cluster):
    """With the session's ARN."""
    cluster.assume()
    call = _last(aws, operation="AssumeRoleWithWebIdentity", resource=cluster.role)
    assert call["allowed"] is True
    assert call["session"].endswith("/web-session")


def test_an_anonymous_read_is_told(aws, bucket):
    """By nobody in particular."""
    with aws.web() as web:
        web.get(f"https://{bucket}.s3.eu-west-1.amazonaws.com/k")
    call = _last(aws, operation="GetObject", bucket=bucket)
    assert (call["caller"], call["allowed"], call["status"]) == ("anonymous", False, 403)


def test_the_log_holds_no_secret(aws, cluster, user):
    """Neither tokens nor keys nor bodies."""
    token = cluster.token()
    keys = cluster.session(WebIdentityToken=token)
    _, secret = user(allow("s3:*"))
    aws.client("s3").put_object(Bucket=cluster.name, Key="k", Body=b"the body itself")
    text = Path(str(aws.server.description["log"])).read_text()
    for one in (token, token.split(".")[2], *keys[1:], secret, "the body itself"):
        assert one not in text


@pytest.mark.parametrize("service", ["sts", "iam", "s3"])
def test_every_call_has_a_request_id(aws, service):
    """The one that the client was told."""
    client = aws.client(service)
    call = {"sts": "get_caller_identity", "iam": "list_roles", "s3": "list_buckets"}[service]
    request_id = getattr(client, call)()["ResponseMetadata"]["RequestId"]
    assert _last(aws, requestId=request_id)["service"] == service


def test_what_has_no_handler_is_told_too(aws):
    """As refused."""
    with refused("NotImplemented"):
        aws.client("iam").list_groups()
    assert _last(aws, operation="ListGroups")["allowed"] is False
