"""
A web identity token, verified in the order that field reports of STS fit.

Parse; provider of the role's account by exact `iss`; discovery and JWKS; key and signature;
audience; expiry and age.
Never here: the role, and its trust policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from irsa.arns import provider_arn
from irsa.errors import InputError
from irsa.identity import discovery, jwks, tokens
from irsa.identity.keys import ALGORITHMS, PublicKey
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.web import UnreachableError, remembered

MAX_AGE = timedelta(hours=24)
MAX_KEYS = 100
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference "
    "AssumeRoleWithWebIdentity documentation for requirements"
)
_NO_JWT = (
    "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a verified token stands for; `keys` are the condition keys that IAM makes of it."""

    issuer: str
    subject: str
    audience: str
    provider_arn: str
    keys: Mapping[str, str | Sequence[str]]


def verified(call: Call, *, account: str) -> Identity:
    """
    The identity in the call's token.

    Args:
        call: AssumeRoleWithWebIdentity.
        account: The role's account.

    Raises:
        ApiError: InvalidIdentityToken or ExpiredTokenException, in AWS's words.
    """
    text = call.params["WebIdentityToken"]
    token = _parsed(text)
    issuer = str(token.issuer)
    provider = _provider(call, issuer, account=account)
    _check_signature(text, _keys(call, issuer))
    authorized = token.claims.get("azp") or next(
        (one for one in token.audiences if one in provider.client_id_list), None
    )
    if authorized not in provider.client_id_list:
        raise _invalid("Incorrect token audience", f"the provider has {provider.client_id_list}")
    _check_times(token, call.world.clock())
    return _identity(token, provider.arn, audience=str(authorized))


def _parsed(text: str) -> tokens.Token:
    try:
        token = tokens.inspect(text)
    except tokens.TokenError as error:
        raise _invalid(_NO_JWT, error.message) from error
    if token.algorithm not in ALGORITHMS:
        raise _invalid(_NO_JWT, f"the algorithm {token.algorithm} is not taken")
    for name in _REQUIRED:
        if not token.claims.get(name):
            raise _invalid(f"Missing a required claim: {name}")
    if not str(token.issuer).startswith("https://"):
        raise _invalid(f"Issuer must be a valid HTTPS URL: {token.issuer}")
    return token


def _provider(call: Call, issuer: str, *, account: str) -> Any:
    arn = provider_arn(call.world.partition, account, issuer.removeprefix("https://"))
    provider = call.world.iam.open_id_providers.get(arn)
    if provider is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    return provider


def _keys(call: Call, issuer: str) -> tuple[PublicKey, ...]:
    address = f"{issuer}/.well-known/openid-configuration"
    try:
        document = discovery.parse(remembered(call.world, address), address)
        if document.issuer != issuer:
            raise UnreachableError(f"{address} is the document of {document.issuer}")
        found = jwks.parse(remembered(call.world, document.jwks_uri), document.jwks_uri)
    except (UnreachableError, InputError) as error:
        raise _invalid(_NO_KEY, str(error)) from error
    families = [key.algorithm[:2] for key in found]
    if max(families.count("RS"), families.count("ES")) > MAX_KEYS:
        raise _invalid(_NO_KEY, f"{document.jwks_uri} has {len(found)} keys")
    return found


def _check_signature(text: str, keys: Sequence[PublicKey]) -> None:
    try:
        tokens.verify_signature(text, keys)
    except tokens.TokenError as error:
        unknown = error.fault is tokens.Fault.unknown_key
        raise _invalid(_NO_KEY if unknown else "Token signature invalid", error.message) from error


def _check_times(token: tokens.Token, now: datetime) -> None:
    if token.expires is None or token.issued_at is None:
        raise _invalid(_NO_JWT, "its times are not numbers")
    if now >= token.expires:
        raise ApiError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now.timestamp())} must be before the "
            f"expiration date/time {int(token.expires.timestamp())}",
        )
    age = now - token.issued_at
    if age > MAX_AGE:
        raise ApiError("ExpiredTokenException", f"Token too old: {int(age.total_seconds())}")


def _identity(token: tokens.Token, arn: str, *, audience: str) -> Identity:
    prefix = arn.partition(":oidc-provider/")[2]
    keys: dict[str, str | Sequence[str]] = {
        f"{prefix}:sub": str(token.subject),
        f"{prefix}:aud": audience,
    }
    if "azp" in token.claims:
        keys[f"{prefix}:oaud"] = token.audiences
    elif len(token.audiences) > 1:
        keys[f"{prefix}:aud"] = token.audiences
    if isinstance(methods := token.claims.get("amr"), list):
        keys[f"{prefix}:amr"] = [str(method) for method in methods]
    return Identity(
        issuer=str(token.issuer),
        subject=str(token.subject),
        audience=audience,
        provider_arn=arn,
        keys=keys,
    )


def _invalid(message: str, reason: str | None = None) -> ApiError:
    return ApiError("InvalidIdentityToken", message, reason=reason)
