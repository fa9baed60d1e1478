"""
STS: who calls, and roles assumed by web identity.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
Never here: rules of trust (`irsa.trust.evaluate`), and the verification of tokens' signatures
(`irsa.identity.tokens`).
"""

import secrets
import string
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from irsa.arns import RoleArn
from irsa.errors import InputError
from irsa.local.aws import documents, web_identity
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError, access_denied, not_implemented
from irsa.local.aws.iam import policies as managed
from irsa.local.aws.iam import problems
from irsa.local.aws.world import Session
from irsa.trust.evaluate import WebIdentity, evaluate

DEFAULT_DURATION = 3600
_ALPHABET = string.ascii_uppercase + string.digits
_UNDONE = ("ProviderId", "MinimumSessionTokenSize")
MAX_PACKED = 2048
MAX_NAMED = 10


def nothing(_: Call) -> list[Permission]:
    """Permissions of operations that everybody may call."""
    return []


def get_caller_identity(call: Call) -> Answer:
    """GetCallerIdentity, which no policy can deny."""
    if call.caller is None:
        raise ApiError(
            "MissingAuthenticationToken", "Request is missing Authentication Token", status=403
        )
    return {"UserId": call.caller.user_id, "Account": call.world.account, "Arn": call.caller.arn}


def assume_role_with_web_identity(call: Call) -> Answer:
    """AssumeRoleWithWebIdentity: token, provider, keys, claims, then the role's trust policy."""
    for name in _UNDONE:
        if call.params.get(name):
            raise not_implemented(f"AssumeRoleWithWebIdentity with {name}")
    arn = _role_arn(call)
    call.notes["resource"] = call.params["RoleArn"]
    identity = web_identity.verified(call, account=arn.account if arn else "")
    call.notes["subject"] = identity.subject
    role = _role(call, arn)
    _check_trust(call, role, identity)
    policies = _session_policies(call)
    duration = call.params.get("DurationSeconds", DEFAULT_DURATION)
    if duration > int(role.max_session_duration or DEFAULT_DURATION):
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    session = _open(call, role, duration=duration, identity=identity, policies=policies)
    arn_of_session = (
        f"arn:{call.world.partition}:sts::{call.world.account}:assumed-role/"
        f"{role.name}/{session.name}"
    )
    call.notes["session"] = arn_of_session
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
        "SubjectFromWebIdentityToken": identity.subject,
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{session.name}",
            "Arn": arn_of_session,
        },
        "Provider": identity.issuer,
        "Audience": identity.audience,
    }


def _role_arn(call: Call) -> RoleArn | None:
    text = call.params["RoleArn"]
    if not text.startswith("arn:"):
        raise ApiError("ValidationError", "Request ARN is invalid")
    try:
        return RoleArn.parse(text)
    except InputError:
        return None


def _role(call: Call, arn: RoleArn | None) -> Any:
    role = call.world.role(arn.name) if arn else None
    if role is None or role.arn != str(arn):
        raise _not_authorized(f"there is no role {call.params['RoleArn']}")
    return role


def _check_trust(call: Call, role: Any, identity: web_identity.Identity) -> None:
    policy = documents.parse(role.assume_role_policy_document)
    keys = {**identity.keys, "sts:RoleSessionName": call.params["RoleSessionName"]}
    request = WebIdentity(provider_arn=identity.provider_arn, keys=keys)
    decision = evaluate(policy, request)
    if not decision.allowed:
        raise _not_authorized(decision.reason)


def _not_authorized(reason: str) -> ApiError:
    return access_denied("Not authorized to perform sts:AssumeRoleWithWebIdentity", reason=reason)


def _session_policies(call: Call) -> tuple[Mapping[str, Any], ...] | None:
    """The session's own policies, those that it names as they are now; None if it has none."""
    text, named = call.params.get("Policy"), call.params.get("PolicyArns") or []
    if text is None and not named:
        return None
    if len(named) > MAX_NAMED:
        raise ApiError("ValidationError", f"At most {MAX_NAMED} managed policies may be given")
    if documents.size(text or "") + sum(len(one["arn"]) for one in named) > MAX_PACKED:
        raise ApiError("PackedPolicyTooLarge", "The session policies are too large, packed")
    try:
        own = [documents.check_identity(text)] if text is not None else []
    except documents.MalformedDocumentError as error:
        raise problems.malformed(error) from error
    return tuple(own + [managed.document(call.world, one["arn"]) for one in named])


def _open(
    call: Call,
    role: Any,
    *,
    duration: int,
    identity: web_identity.Identity,
    policies: tuple[Mapping[str, Any], ...] | None,
) -> Session:
    session = Session(
        access_key="ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        secret=secrets.token_urlsafe(30),
        token=secrets.token_urlsafe(256),
        expires=(call.world.clock() + timedelta(seconds=duration)).replace(microsecond=0),
        role_id=role.id,
        role_arn=role.arn,
        name=call.params["RoleSessionName"],
        keys={**identity.keys, "aws:FederatedProvider": identity.provider_arn},
        policies=policies,
    )
    call.world.sessions[session.access_key] = session
    role.last_used = call.world.clock()
    return session
