"""
Who calls: an IAM user, a session of a role, or nobody in particular.

Never here: what they may do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from irsa.local.aws import sigv4
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.hosts import Target
from irsa.local.aws.request import Request
from irsa.local.aws.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """
    Whoever made a call.

    Args:
        arn: As GetCallerIdentity tells it.
        user_id: The unique id, for a session `ROLE-ID:SESSION-NAME`.
        principal_arn: The user's or role's own ARN, the condition key aws:PrincipalArn.
        identity: moto's user or role, which carries the policies.
        kind: The condition key aws:PrincipalType: `User` or `AssumedRole`.
        keys: Condition keys of a session's own.
        session_policies: A session's own policies, which limit it; None if it has none.
    """

    arn: str
    user_id: str
    principal_arn: str
    identity: Any
    kind: str
    keys: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    session_policies: tuple[Mapping[str, Any], ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The ARNs by which a policy may name this caller."""
        return tuple(dict.fromkeys((self.arn, self.principal_arn)))


def caller_of(request: Request, target: Target, world: World) -> Caller | None:
    """
    The caller whose signature the request carries; None for an anonymous request.

    Raises:
        ApiError: The signature, the key or the token is not good, in AWS's order of checks.
    """
    signature = sigv4.read(request)
    if signature is None:
        return None
    _check_scope(signature, target)
    secret, caller = _credentials(signature, target, world)
    if not sigv4.fresh(signature, world.clock()):
        raise _too_skewed(signature, target)
    missing = sigv4.unsigned_headers(request, signature)
    if missing and target.service in ("s3", "s3control"):
        raise access_denied(
            "There were headers present in the request which were not signed",
            reason=f"not signed: {', '.join(missing)}",
        )
    if not sigv4.matches(request, signature, secret):
        raise ApiError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method.",
            status=403,
        )
    return caller


def _check_scope(signature: sigv4.Signature, target: Target) -> None:
    service = "s3" if target.service == "s3control" else target.service
    if (signature.service, signature.region) == (service, target.region):
        return
    if service == "s3":
        raise ApiError(
            "AuthorizationHeaderMalformed",
            f"The authorization header is malformed; the region '{signature.region}' is wrong; "
            f"expecting '{target.region}'",
            details={"Region": target.region},
        )
    raise ApiError(
        "SignatureDoesNotMatch",
        f"Credential should be scoped to a valid region and service ({target.region}/{service}).",
        status=403,
    )


def _credentials(signature: sigv4.Signature, target: Target, world: World) -> tuple[str, Caller]:
    found = None
    if target.partition == world.partition:
        found = _session(signature, world) or _user(signature, world)
    if found is None:
        raise _unknown(target)
    return found


def _session(signature: sigv4.Signature, world: World) -> tuple[str, Caller] | None:
    session = world.sessions.get(signature.access_key)
    role = world.iam.roles.get(session.role_id) if session else None
    if session is None or role is None or signature.token != session.token:
        return None
    if world.clock() >= session.expires:
        raise _expired()
    name = f"assumed-role/{role.name}/{session.name}"
    caller = Caller(
        arn=f"arn:{world.partition}:sts::{world.account}:{name}",
        user_id=f"{role.id}:{session.name}",
        principal_arn=role.arn,
        identity=role,
        kind="AssumedRole",
        keys=session.keys,
        session_policies=session.policies,
    )
    return session.secret, caller


def _user(signature: sigv4.Signature, world: World) -> tuple[str, Caller] | None:
    key = world.iam.access_keys.get(signature.access_key)
    user = world.user(key.user_name) if key and key.user_name else None
    if key is None or user is None or key.status != "Active" or signature.token:
        return None
    caller = Caller(
        arn=user.arn, user_id=user.id, principal_arn=user.arn, identity=user, kind="User"
    )
    return key.secret_access_key, caller


def _unknown(target: Target) -> ApiError:
    if target.service == "s3":
        return ApiError(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            status=403,
        )
    return ApiError(
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        status=403,
    )


def _expired() -> ApiError:
    return ApiError(
        "ExpiredToken", "The security token included in the request is expired", status=403
    )


def _too_skewed(signature: sigv4.Signature, target: Target) -> ApiError:
    if signature.expires is not None:
        return access_denied("Request has expired")
    if target.service == "s3":
        return ApiError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            status=403,
        )
    return ApiError(
        "SignatureDoesNotMatch",
        f"Signature expired: {signature.timestamp} is more than 5 minutes away from now",
        status=403,
    )
