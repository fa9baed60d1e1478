"""
Sessions of roles: what is asked of one, how long it lasts, and the keys that it gets.

Never here: who may begin one.
"""

import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.iam import policies as managed
from irsa.local.aws.iam import problems
from irsa.local.aws.world import Session

DEFAULT_DURATION = 3600
MAX_PACKED = 2048
MAX_NAMED = 10
_ALPHABET = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    What somebody wants of a session.

    Args:
        name: How it is called, the last part of its ARN.
        seconds: How long it lasts.
        policies: Its own policies, those that it names as they are now; None if it has none.
    """

    name: str
    seconds: int
    policies: tuple[Mapping[str, Any], ...] | None = None


def asked_of(call: Call, role: Any) -> Asked:
    """
    What a call wants, held against what the role gives.

    Raises:
        ApiError: The session's policies are none, or too long; or it would last too long.
    """
    policies = _policies(call)
    seconds = call.params.get("DurationSeconds", DEFAULT_DURATION)
    if seconds > int(role.max_session_duration or DEFAULT_DURATION):
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    return Asked(name=call.params["RoleSessionName"], seconds=seconds, policies=policies)


def _policies(call: Call) -> tuple[Mapping[str, Any], ...] | None:
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


def begin(
    call: Call, role: Any, asked: Asked, *, keys: Mapping[str, str | Sequence[str]]
) -> Session:
    """
    Begin a session.

    Args:
        call: The call.
        role: moto's role.
        asked: What is wanted of it.
        keys: The condition keys that stay with it.
    """
    session = Session(
        access_key="ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)),
        secret=secrets.token_urlsafe(30),
        token=secrets.token_urlsafe(256),
        expires=(call.world.clock() + timedelta(seconds=asked.seconds)).replace(microsecond=0),
        role_id=role.id,
        role_arn=role.arn,
        name=asked.name,
        keys=keys,
        policies=asked.policies,
    )
    call.world.sessions[session.access_key] = session
    role.last_used = call.world.clock()
    return session


def told(call: Call, role: Any, session: Session) -> dict[str, Any]:
    """What whoever began a session is told of it."""
    name = f"assumed-role/{role.name}/{session.name}"
    arn = f"arn:{call.world.partition}:sts::{call.world.account}:{name}"
    call.notes["session"] = arn
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session.name}", "Arn": arn},
    }
