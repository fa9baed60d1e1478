"""
AWS Signature Version 4, checked: header and query form.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
Never here: whose key it is, and what its owner may do.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

from irsa.local.aws.errors import ApiError
from irsa.local.aws.payload import UNSIGNED
from irsa.local.aws.request import Request

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)
MAX_PRESIGNED = 7 * 24 * 3600
_CREDENTIAL = re.compile(
    r"(?P<key>[A-Z0-9]{16,128})/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)/(?P<service>[a-z0-9]+)"
    r"/aws4_request"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says about its own signature."""

    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    token: str | None
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope, the third line of what is signed."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def signed_at(self) -> datetime:
        """When the client says that it signed."""
        return datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def read(request: Request) -> Signature | None:
    """
    The signature that a request carries; None for an anonymous one.

    Raises:
        ApiError: There is one, but parts of it are missing or broken.
    """
    header = request.header("authorization")
    if header is not None:
        return _from_header(request, header)
    if "X-Amz-Algorithm" in request.query or "X-Amz-Signature" in request.query:
        return _from_query(request)
    return None


def _from_header(request: Request, header: str) -> Signature:
    algorithm, _, rest = header.partition(" ")
    pairs = (part.strip().partition("=") for part in rest.split(","))
    parts = {name: text for name, _, text in pairs}
    timestamp = request.header("x-amz-date") or ""
    return _signature(
        algorithm,
        parts | {"X-Amz-Date": timestamp, "Token": request.header("x-amz-security-token") or ""},
    )


def _from_query(request: Request) -> Signature:
    query = dict(request.raw_query)
    expires = query.get("X-Amz-Expires", "")
    if not expires.isdigit() or not 0 < int(expires) <= MAX_PRESIGNED:
        raise ApiError(
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be a number between 1 and 604800 seconds",
        )
    parts = {
        "Credential": query.get("X-Amz-Credential", ""),
        "SignedHeaders": query.get("X-Amz-SignedHeaders", ""),
        "Signature": query.get("X-Amz-Signature", ""),
        "X-Amz-Date": query.get("X-Amz-Date", ""),
        "Token": query.get("X-Amz-Security-Token", ""),
        "Expires": expires,
    }
    return _signature(query.get("X-Amz-Algorithm", ""), parts)


def _signature(algorithm: str, parts: dict[str, str]) -> Signature:
    credential = _CREDENTIAL.fullmatch(parts.get("Credential", ""))
    complete = all(parts.get(name) for name in ("SignedHeaders", "Signature"))
    dated = re.fullmatch(r"\d{8}T\d{6}Z", parts.get("X-Amz-Date", ""))
    if algorithm != ALGORITHM or credential is None or not complete or dated is None:
        raise ApiError(
            "IncompleteSignature",
            "Authorization header requires 'Credential', 'Signature', 'SignedHeaders' parameters "
            f"and a date ('X-Amz-Date'), with the algorithm {ALGORITHM}.",
        )
    return Signature(
        access_key=credential["key"],
        date=credential["date"],
        region=credential["region"],
        service=credential["service"],
        signed_headers=tuple(parts["SignedHeaders"].split(";")),
        signature=parts["Signature"],
        timestamp=parts["X-Amz-Date"],
        token=parts.get("Token") or None,
        expires=int(parts["Expires"]) if "Expires" in parts else None,
    )


def fresh(signature: Signature, now: datetime) -> bool:
    """Whether it was signed within five minutes of now, or a presigned URL is still valid."""
    age = now - signature.signed_at
    if signature.expires is None:
        return abs(age) <= MAX_SKEW
    return -MAX_SKEW <= age <= timedelta(seconds=signature.expires)


def unsigned_headers(request: Request, signature: Signature) -> tuple[str, ...]:
    """Headers that must be signed and are not: the host and everything of AWS's own."""
    wanted = {"host", *(name for name in request.headers if name.startswith("x-amz-"))}
    return tuple(sorted(wanted - set(signature.signed_headers)))


def matches(request: Request, signature: Signature, secret: str) -> bool:
    """Whether the holder of the secret signed exactly this request."""
    canonical = hashlib.sha256(_canonical(request, signature).encode()).hexdigest()
    text = f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{canonical}"
    expected = hmac.new(_signing_key(secret, signature), text.encode(), hashlib.sha256).hexdigest()
    consistent = signature.timestamp.startswith(signature.date)
    return consistent and hmac.compare_digest(expected, signature.signature)


def _signing_key(secret: str, signature: Signature) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (signature.date, signature.region, signature.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical(request: Request, signature: Signature) -> str:
    headers = "".join(
        f"{name}:{' '.join((request.header(name) or '').split())}\n"
        for name in signature.signed_headers
    )
    return "\n".join(
        (
            request.method,
            quote(unquote(request.path), safe="/-_.~"),
            _canonical_query(request.raw_query),
            headers,
            ";".join(signature.signed_headers),
            _payload_hash(request, signature),
        )
    )


def _canonical_query(pairs: Sequence[tuple[str, str]]) -> str:
    encoded = (
        (quote(name, safe="-_.~"), quote(text, safe="-_.~"))
        for name, text in pairs
        if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={text}" for name, text in sorted(encoded))


def _payload_hash(request: Request, signature: Signature) -> str:
    if signature.service == "s3":
        default = UNSIGNED if signature.expires is not None else ""
        return request.header("x-amz-content-sha256") or default
    return hashlib.sha256(request.body).hexdigest()
