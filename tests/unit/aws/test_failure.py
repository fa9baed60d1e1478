"""What went wrong with a call, for people."""

import pytest

from irsa.aws.call import Call
from irsa.aws.failure import Answer, refused, unsent

CALL = Call(service="s3", operation="PutObject", params={"Bucket": "b", "Key": "keys.json"})
CALLER = "arn:aws:iam::111122223333:user/ci"


def _refused(code, text="why", caller=CALLER):
    return refused(CALL, Answer(code=code, text=text, request_id="R1"), caller=caller)


def test_a_denial_names_operation_thing_caller_and_permission():
    """Everything that whoever grants it must know."""
    error = _refused("AccessDenied")
    assert error.message == f"AWS denied s3:PutObject on b/keys.json to {CALLER}: why"
    assert error.hint.startswith(f"allow {CALLER} the permission s3:PutObject, then run it again")
    assert (error.code, error.operation, error.request_id) == ("AccessDenied", "s3:PutObject", "R1")


def test_the_permission_is_the_one_that_aws_names():
    """Tags at creation need one of their own."""
    text = "User: x is not authorized to perform: iam:TagRole on resource: y because no policy"
    assert "the permission iam:TagRole," in _refused("AccessDenied", text=text).hint


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("ExpiredToken", "credentials have expired"),
        ("InvalidClientTokenId", "does not accept the credentials"),
        ("SlowDown", "asks to go slower"),
        ("Weird", "failed with Weird: why"),
    ],
)
def test_other_refusals_are_told_apart(code, part):
    """Each has its own sentence, and AWS's code."""
    error = _refused(code)
    assert part in error.message
    assert error.code == code
    assert error.exit_code == 4


def test_a_role_that_single_sign_on_does_not_give_is_told_apart():
    """It was never the call that was refused, and the caller is nobody yet."""
    answer = Answer(code="ForbiddenException", text="No access", operation="GetRoleCredentials")
    error = refused(CALL, answer, caller=None, profile="corp")
    assert "does not give the profile corp its account and role" in error.message
    assert "No access" in error.message
    assert "sso_role_name of the profile corp" in error.hint
    assert "`aws sso login --profile corp`" in error.hint


def test_foreign_text_is_cut():
    """A page of XML is no message."""
    assert len(_refused("Weird", text="x" * 9999).message) < 400


@pytest.mark.parametrize(
    ("kind", "message", "hint"),
    [
        ("NoCredentialsError", "there are no AWS credentials", "configure credentials"),
        ("UnauthorizedSSOTokenError", "single sign-on session has ended", "aws sso login"),
        ("ProxyConnectionError", "could not be sent", "HTTPS_PROXY"),
        ("SSLError", "could not be sent", "AWS_CA_BUNDLE"),
        ("EndpointConnectionError", "could not be sent", "network"),
    ],
)
def test_what_was_never_sent_says_what_to_do(kind, message, hint):
    """Nothing was changed; there is no code."""
    error = unsent(CALL, kind, "text")
    assert message in error.message
    assert hint in error.hint
    assert error.code is None
