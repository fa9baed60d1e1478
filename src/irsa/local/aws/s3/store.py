"""
moto's S3, asked directly: path-style, signed as it likes it, bodies without AWS's framing.

Going around moto's table of URLs also keeps `.well-known/openid-configuration` out of the hands of
its Cognito.
Never here: rules.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode
from xml.parsers.expat import ExpatError

import xmltodict  # type: ignore[import-untyped]  # published without types
from moto.core.request import Request as MotoRequest
from moto.s3.responses import S3Response

from irsa.local.aws import payload
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.request import Response

_OURS = {
    "authorization", "connection", "content-length", "expect", "host", "transfer-encoding",
    "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-security-token", "x-amz-trailer",
}  # fmt: skip


def forward(call: Call) -> Response:
    """
    Let moto carry out a request that has passed every check.

    Raises:
        ApiError: The body does not fit its hash or checksum.
    """
    body, checksums = payload.content(call.request)
    call.notes["size"] = len(body) if call.operation in ("PutObject", "UploadPart") else None
    headers = {name: text for name, text in call.request.headers.items() if name not in _OURS}
    headers |= checksums
    for name in checksums:
        algorithm = name.removeprefix(payload.CHECKSUM_PREFIX).upper()
        headers.setdefault("x-amz-sdk-checksum-algorithm", algorithm)
    encodings = [part.strip() for part in headers.pop("content-encoding", "").split(",")]
    if kept := [part for part in encodings if part not in ("", "aws-chunked")]:
        headers["content-encoding"] = ",".join(kept)
    query = [pair for pair in call.request.query.items() if not pair[0].startswith("X-Amz-")]
    return ask(call, call.request.method, query=urlencode(query), headers=headers, body=body)


def ask(
    call: Call,
    method: str,
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Response:
    """Ask moto something about the call's bucket and key."""
    place = "/".join(part for part in (call.bucket, call.key) if part)
    host = f"s3.{call.target.region}.amazonaws.com"
    url = f"https://{host}/{quote(place, safe='/-_.~')}" + (f"?{query}" if query else "")
    scope = f"20260101/{call.target.region}/s3/aws4_request"
    signed = {
        **(headers or {}),
        "host": host,
        "content-length": str(len(body)),
        "authorization": f"AWS4-HMAC-SHA256 Credential={'A' * 20}/{scope}, Signature=local",
        "x-moto-account-id": call.world.account,
    }
    request = MotoRequest.from_primitives(method, url, signed, body)
    dispatch = S3Response.key_dispatch if call.key else S3Response.bucket_dispatch
    status, answered, content = dispatch(request, url, request.headers)
    return _response(status, dict(answered), content)


def document(call: Call, root: str) -> dict[str, Any]:
    """
    The XML document in a request's body; empty if there is no body.

    Raises:
        ApiError: It is not XML, or has another root.
    """
    body, _ = payload.content(call.request)
    if not body:
        return {}
    try:
        parsed = xmltodict.parse(body)
    except ExpatError as error:
        raise _malformed() from error
    if list(parsed) != [root]:
        raise _malformed()
    return {name: value for name, value in (parsed[root] or {}).items() if name[0] != "@"}


def _malformed() -> ApiError:
    return ApiError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def _response(status: int, headers: dict[str, object], body: str | bytes) -> Response:
    kept = {str(name).lower(): str(text) for name, text in headers.items() if text is not None}
    for name in ("status", "x-amzn-requestid", "x-amz-request-id"):
        kept.pop(name, None)
    data = body.encode() if isinstance(body, str) else body
    return Response(status=int(status), headers=kept, body=data or b"")
