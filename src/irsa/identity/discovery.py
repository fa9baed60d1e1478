"""
The discovery document: what a verifier reads first at the issuer's URL.

Never here: HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from irsa.errors import InputError, excerpt
from irsa.identity import canonical
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import PublicKey

_LISTS = (
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What a discovery document says, untouched: the issuer is compared as a plain string."""

    issuer: str
    jwks_uri: str
    algorithms: tuple[str, ...]


def build(issuer: IssuerUrl, keys: Iterable[PublicKey]) -> bytes:
    """
    The canonical document for an issuer and the keys that it publishes.

    Raises:
        InputError: There is no key.
    """
    algorithms = sorted({key.algorithm for key in keys})
    if not algorithms:
        raise InputError(f"{issuer} would have no key to verify with")
    return canonical.dump(
        {
            "issuer": str(issuer),
            "jwks_uri": issuer.jwks_url,
            "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
            "claims_supported": ["sub", "iss"],
        }
    )


def parse(data: bytes, source: str) -> Discovery:
    """
    Read a discovery document.

    Raises:
        InputError: It is not JSON, or lacks something that STS insists on.
    """
    try:
        document = canonical.load(data)
    except ValueError as error:
        raise InputError(f"{source} is not JSON: {excerpt(str(error))}") from error
    if not isinstance(document, dict):
        raise InputError(f"{source} is not a discovery document: it is no JSON object")
    for name in ("issuer", "jwks_uri"):
        if not isinstance(document.get(name), str):
            raise _lacks(source, name)
    for name in _LISTS:
        if not _is_list_of_text(document.get(name)):
            raise _lacks(source, name)
    return Discovery(
        issuer=document["issuer"],
        jwks_uri=document["jwks_uri"],
        algorithms=tuple(document["id_token_signing_alg_values_supported"]),
    )


def _lacks(source: str, name: str) -> InputError:
    return InputError(
        f"{source} lacks {name!r}, or it has the wrong type", hint="STS insists on it"
    )


def _is_list_of_text(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
