"""
What went wrong with a call, told so that the reader knows what to do.

Never here: botocore; its exceptions arrive as their names and texts.
"""

import re
import shlex
from dataclasses import dataclass

from irsa.aws.call import Call
from irsa.errors import AwsError, excerpt

# Codes that mean "there is no such thing", not "you may not".
MISSING = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NotFound",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)

_DENIED = frozenset({"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset({"InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"})
_THROTTLED = frozenset({"Throttling", "ThrottlingException", "SlowDown", "RequestLimitExceeded"})

_CONFIGURE = (
    "configure credentials as for the AWS CLI: `aws configure sso`, AWS_PROFILE, or the profile "
    "under `aws:` in the configuration"
)
_LOOK = "look at the profile in AWS's own configuration (~/.aws/config, AWS_CONFIG_FILE)"
_HINTS = {
    "NoCredentialsError": _CONFIGURE,
    "PartialCredentialsError": _CONFIGURE,
    "ProfileNotFound": _CONFIGURE,
    "ConfigNotFound": _LOOK,
    "ConfigParseError": _LOOK,
    "InvalidConfigError": _LOOK,
    "CredentialRetrievalError": "run the program in the profile's credential_process by itself, "
    "and see what it says",
    "SSLError": "if a proxy ends TLS, name its authority in AWS_CA_BUNDLE",
    "ProxyConnectionError": "check the proxy (HTTPS_PROXY, NO_PROXY)",
}
_SESSION_ENDED = frozenset({"UnauthorizedSSOTokenError", "TokenRetrievalError"})
_NO_SESSION = "SSOTokenLoadError"
# What botocore asks by itself, for the credentials of a profile.
_SIGN_ON = "GetRoleCredentials"
_UNUSABLE = frozenset(
    {
        "ConfigNotFound",
        "ConfigParseError",
        "CredentialRetrievalError",
        "InvalidConfigError",
        "ProfileNotFound",
    }
)
# Somebody else was quicker: what was read is not what is there any more.
_RACED = frozenset(
    {
        "BucketAlreadyOwnedByYou",
        "ConditionalRequestConflict",
        "EntityAlreadyExists",
        "PreconditionFailed",
    }
)
# How AWS names the permission that is missing.
_PERFORM = re.compile(r"not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)")
_NETWORK = "check the network, the region and the proxy (HTTPS_PROXY); nothing has to be undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    AWS's refusal: its code, its text, and the request's id.

    Args:
        operation: What AWS was asked, such as `CreateRole`; not always what the call is for, since
            credentials may have to be got first.
    """

    code: str
    text: str
    request_id: str | None = None
    operation: str | None = None


def refused(
    call: Call, answer: Answer, *, caller: str | None, profile: str | None = None
) -> AwsError:
    """
    The error for a call that AWS answered with a refusal.

    Args:
        call: The call.
        answer: What AWS said.
        caller: The ARN of who calls, if it is known.
        profile: The profile of AWS's configuration, if there is one.
    """
    message, hint = (
        _no_access(answer, profile)
        if answer.operation == _SIGN_ON
        else _explain(call, answer, caller or "the caller")
    )
    return AwsError(
        message,
        hint=hint,
        code=answer.code,
        operation=call.name,
        request_id=answer.request_id,
    )


def unsent(call: Call, kind: str, text: str, *, profile: str | None = None) -> AwsError:
    """
    The error for a call that could not be sent.

    Args:
        call: The call.
        kind: The name of boto3's exception.
        text: Its text.
        profile: The profile of AWS's configuration, if there is one.
    """
    hint = _HINTS.get(kind, _NETWORK)
    if kind in {"NoCredentialsError", "PartialCredentialsError"}:
        message = f"there are no AWS credentials to call {call.name} with"
    elif kind in _SESSION_ENDED:
        message = f"the AWS single sign-on session has ended: {excerpt(text)}"
        hint = f"log in again: {_login(profile)}"
    elif kind == _NO_SESSION:
        message = f"nobody is logged in by AWS single sign-on: {excerpt(text)}"
        hint = f"log in: {_login(profile)}"
    elif kind in _UNUSABLE:
        message = f"the AWS credentials cannot be used: {excerpt(text)}"
    else:
        message = f"{call.name} could not be sent: {excerpt(text)}"
    return AwsError(message, hint=hint, operation=call.name)


def _login(profile: str | None) -> str:
    which = f" --profile {shlex.quote(profile)}" if profile else ""
    return f"`aws sso login{which}`"


def _no_access(answer: Answer, profile: str | None) -> tuple[str, str]:
    whose = f"the profile {profile}" if profile else "the profile"
    return (
        f"AWS single sign-on does not give {whose} its account and role "
        f"({answer.code}: {excerpt(answer.text)})",
        f"compare sso_account_id and sso_role_name of {whose} with what the access portal shows; "
        f"if both are right, log in anew: {_login(profile)}",
    )


def _explain(call: Call, answer: Answer, caller: str) -> tuple[str, str | None]:
    code, text = answer.code, excerpt(answer.text)
    if code in _DENIED:
        return (
            f"AWS denied {call.name}{_target(call)} to {caller}: {text}",
            f"allow {caller} the permission {_permission(call, answer.text)}, then run it again "
            "(irsa plan --permissions prints all that are needed)",
        )
    if code in _EXPIRED:
        return f"the AWS credentials have expired ({call.name}: {code})", "get new ones: log in"
    if code in _UNKNOWN:
        return f"AWS does not accept the credentials ({call.name}: {code}): {text}", _CONFIGURE
    if code in _THROTTLED:
        return f"AWS asks to go slower ({call.name}: {code})", "wait a minute and run it again"
    raced = "somebody else was quicker; run it again: what they wrote is kept"
    hint = raced if code in _RACED else None
    return f"{call.name}{_target(call)} failed with {code}: {text}", hint


def _permission(call: Call, text: str) -> str:
    """What AWS says that was missing: a call may need more than the permission of its name."""
    found = _PERFORM.search(text)
    return found[1] if found else call.permission


def _target(call: Call) -> str:
    for parameter in ("RoleName", "OpenIDConnectProviderArn", "Url", "Bucket"):
        if parameter in call.params:
            key = call.params.get("Key")
            return f" on {call.params[parameter]}" + (f"/{key}" if key else "")
    return ""
