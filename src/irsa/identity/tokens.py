"""
Service-account tokens: looked into, and verified as STS verifies them.

Never here: keeping or printing a token; no message ever quotes one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import jwt

from irsa.errors import InputError, excerpt
from irsa.identity import base64url, canonical
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import ALGORITHMS, PublicKey

MIN_LENGTH = 4
MAX_LENGTH = 20_000


class Fault(StrEnum):
    """What is wrong with a token."""

    malformed = "malformed"
    algorithm = "algorithm"
    unknown_key = "unknown key"
    signature = "signature"
    missing_claim = "missing claim"
    issuer = "issuer"
    audience = "audience"
    expired = "expired"
    not_yet_valid = "not yet valid"


class TokenError(InputError):
    """A token that cannot be used, and why."""

    def __init__(self, message: str, *, fault: Fault, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says; what it does not say is None or empty. The text itself is not kept."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    kid: str | None
    algorithm: str | None
    issuer: str | None
    subject: str | None
    audiences: tuple[str, ...]
    expires: datetime | None
    issued_at: datetime | None
    not_before: datetime | None


def inspect(token: str) -> Token:
    """
    Look into a token without believing it.

    Raises:
        TokenError: It is not a JWT that STS would look at.
    """
    if not MIN_LENGTH <= len(token) <= MAX_LENGTH:
        raise _malformed(f"it has {len(token)} characters, not {MIN_LENGTH} to {MAX_LENGTH}")
    parts = token.split(".")
    if len(parts) != 3:
        raise _malformed(f"it has {len(parts)} parts, not 3")
    header, claims = (
        _object(part, name) for part, name in zip(parts[:2], ("header", "claims"), strict=True)
    )
    return Token(
        header=header,
        claims=claims,
        kid=_text(header, "kid"),
        algorithm=_text(header, "alg"),
        issuer=_text(claims, "iss"),
        subject=_text(claims, "sub"),
        audiences=_audiences(claims),
        expires=_time(claims, "exp"),
        issued_at=_time(claims, "iat"),
        not_before=_time(claims, "nbf"),
    )


def verify_signature(token: str, keys: Iterable[PublicKey]) -> Token:
    """
    Look into a token whose signature is good under the key that it names.

    Raises:
        TokenError: Malformed, an algorithm STS does not take, an unknown key, a bad signature.
    """
    seen = inspect(token)
    if seen.algorithm not in ALGORITHMS:
        raise TokenError(
            f"the token is signed with {excerpt(str(seen.algorithm))!r}",
            fault=Fault.algorithm,
            hint=f"STS takes {', '.join(ALGORITHMS)}",
        )
    candidates = [key for key in keys if key.kid == (seen.kid or "")]
    if not candidates:
        raise TokenError(
            f"no published key has the token's key id {excerpt(str(seen.kid))!r}",
            fault=Fault.unknown_key,
        )
    if not any(_signed_with(token, key) for key in candidates):
        raise TokenError(
            f"the token's signature does not fit the key {excerpt(str(seen.kid))!r}",
            fault=Fault.signature,
        )
    return seen


def verify(
    token: str,
    keys: Iterable[PublicKey],
    *,
    issuer: IssuerUrl | str,
    audience: str,
    now: datetime,
) -> Token:
    """
    Look into a token that holds: signature, issuer, audience and time.

    Args:
        token: The token.
        keys: The published keys.
        issuer: Who must have issued it, compared as a plain string.
        audience: One of its audiences.
        now: When; there is no leeway.

    Raises:
        TokenError: It does not hold; `fault` says why.
    """
    seen = verify_signature(token, keys)
    for name in ("iss", "sub", "aud", "exp", "iat"):
        if not seen.claims.get(name):
            raise TokenError(f"the token has no claim {name!r}", fault=Fault.missing_claim)
    if seen.issuer != str(issuer):
        raise TokenError(
            f"the token's issuer is {excerpt(str(seen.issuer))!r}, not {str(issuer)!r}",
            fault=Fault.issuer,
        )
    if audience not in seen.audiences:
        stated = excerpt(", ".join(seen.audiences))
        raise TokenError(f"the token is for {stated!r}, not for {audience!r}", fault=Fault.audience)
    _check_times(seen, now)
    return seen


def _check_times(token: Token, now: datetime) -> None:
    if token.expires is not None and token.expires <= now:
        raise TokenError(f"the token expired at {token.expires.isoformat()}", fault=Fault.expired)
    if token.not_before is not None and token.not_before > now:
        raise TokenError(
            f"the token is not valid before {token.not_before.isoformat()}",
            fault=Fault.not_yet_valid,
            hint="compare the clocks of this machine and of the API server",
        )


def _signed_with(token: str, key: PublicKey) -> bool:
    try:
        jwt.PyJWS(algorithms=[key.algorithm]).decode(
            token, key=key.key(), algorithms=[key.algorithm]
        )
    except jwt.PyJWTError:
        return False
    return True


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        value = canonical.load(base64url.decode(part))
    except ValueError as error:
        raise _malformed(f"its {name} are not base64url JSON") from error
    if not isinstance(value, dict):
        raise _malformed(f"its {name} are not a JSON object")
    return value


def _text(part: Mapping[str, Any], name: str) -> str | None:
    value = part.get(name)
    if value is not None and not isinstance(value, str):
        raise _malformed(f"its {name!r} is not text")
    return value


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    value = claims.get("aud", [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise _malformed("its 'aud' is neither text nor a list of text")
    return tuple(values)


def _time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _malformed(f"its {name!r} is not a whole number of seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _malformed(f"its {name!r} is no point in time") from error


def _malformed(why: str) -> TokenError:
    return TokenError(f"the token is not a JWT that STS takes: {why}", fault=Fault.malformed)
