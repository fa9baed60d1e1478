"""
STS: who calls, and roles assumed, by web identity or by somebody with keys.

Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
Never here: rules of trust (`irsa.trust`), the verification of tokens' signatures
(`irsa.identity.tokens`), and what a session is.
"""

from typing import Any

from irsa.arns import RoleArn
from irsa.errors import InputError
from irsa.local.aws import access, documents, sessions, web_identity
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError, access_denied, not_implemented
from irsa.trust.evaluate import WebIdentity, evaluate

# A session of a role that is itself assumed by a session lasts an hour at most.
CHAINED = 3600
_UNDONE = ("ProviderId", "MinimumSessionTokenSize")
_UNOFFERED = (
    "MinimumSessionTokenSize", "ProvidedContexts", "SerialNumber", "SourceIdentity", "Tags",
    "TokenCode", "TransitiveTagKeys",
)  # fmt: skip
_NO_TRUST: documents.Document = {"Statement": []}


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
    asked = sessions.asked_of(call, role)
    found = sessions.begin(
        call,
        role,
        asked,
        keys={**identity.keys, "aws:FederatedProvider": identity.provider_arn},
    )
    return {
        **sessions.told(call, role, found),
        "SubjectFromWebIdentityToken": identity.subject,
        "Provider": identity.issuer,
        "Audience": identity.audience,
    }


def assume_role(call: Call) -> Answer:
    """AssumeRole: the role's trust policy, the caller's own, then the session's length."""
    for name in _UNOFFERED:
        if call.params.get(name):
            raise not_implemented(f"AssumeRole with {name}")
    call.notes["resource"] = call.params["RoleArn"]
    role = _found(call, _role_arn(call))
    trust = documents.parse(role.assume_role_policy_document) if role else _NO_TRUST
    access.require(call, "sts:AssumeRole", call.params["RoleArn"], trust=trust)
    asked = sessions.asked_of(call, role)
    if call.caller and call.caller.kind == "AssumedRole" and asked.seconds > CHAINED:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    return sessions.told(call, role, sessions.begin(call, role, asked, keys={}))


def _role_arn(call: Call) -> RoleArn | None:
    text = call.params["RoleArn"]
    if not text.startswith("arn:"):
        raise ApiError("ValidationError", "Request ARN is invalid")
    try:
        return RoleArn.parse(text)
    except InputError:
        return None


def _role(call: Call, arn: RoleArn | None) -> Any:
    role = _found(call, arn)
    if role is None:
        raise _not_authorized(f"there is no role {call.params['RoleArn']}")
    return role


def _found(call: Call, arn: RoleArn | None) -> Any:
    role = call.world.role(arn.name) if arn else None
    return None if role is None or role.arn != str(arn) else role


def _check_trust(call: Call, role: Any, identity: web_identity.Identity) -> None:
    policy = documents.parse(role.assume_role_policy_document)
    keys = {**identity.keys, "sts:RoleSessionName": call.params["RoleSessionName"]}
    request = WebIdentity(provider_arn=identity.provider_arn, keys=keys)
    decision = evaluate(policy, request)
    if not decision.allowed:
        raise _not_authorized(decision.reason)


def _not_authorized(reason: str) -> ApiError:
    return access_denied("Not authorized to perform sts:AssumeRoleWithWebIdentity", reason=reason)
