"""
What a body says once AWS's own framing is taken off: hashes and checksums verified.

botocore sends S3 objects as `aws-chunked` with a trailing checksum (`STREAMING-UNSIGNED-PAYLOAD-
TRAILER`). Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
Never here: signatures.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from functools import cache, partial, reduce

from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.request import Request

UNSIGNED = "UNSIGNED-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHECKSUM_PREFIX = "x-amz-checksum-"
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,8}")


@cache
def _crc_table(polynomial: int) -> tuple[int, ...]:
    return tuple(reduce(partial(_crc_step, polynomial), range(8), byte) for byte in range(256))


def _crc_step(polynomial: int, value: int, _bit: int) -> int:
    return value >> 1 ^ (polynomial if value & 1 else 0)


def _crc(data: bytes, *, polynomial: int, bits: int) -> bytes:
    table = _crc_table(polynomial)
    value = ones = (1 << bits) - 1
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return (value ^ ones).to_bytes(bits // 8, "big")


_DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": partial(_crc, polynomial=0x82F63B78, bits=32),
    "crc64nvme": partial(_crc, polynomial=0x9A6C9329AC4BC9B5, bits=64),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def content(request: Request) -> tuple[bytes, dict[str, str]]:
    """
    The object's bytes, and the checksum headers that came with them or after them.

    Raises:
        ApiError: The framing is broken, or a hash or checksum does not fit the bytes.
    """
    declared = request.header("x-amz-content-sha256") or UNSIGNED
    checksums = {name: text for name, text in request.headers.items() if _is_checksum(name)}
    data = request.body
    if declared == UNSIGNED_TRAILER:
        data, trailers = _unframed(request.body)
        checksums |= {name: text for name, text in trailers.items() if _is_checksum(name)}
        _check_length(request, data)
    elif declared.startswith("STREAMING-"):
        raise not_implemented(f"the payload form {declared}")
    elif declared != UNSIGNED and hashlib.sha256(data).hexdigest() != declared.lower():
        raise ApiError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    _check_md5(request, data)
    for name, text in checksums.items():
        _check(name.removeprefix(CHECKSUM_PREFIX), text, data)
    return data, checksums


def _is_checksum(name: str) -> bool:
    return name.startswith(CHECKSUM_PREFIX) and name.removeprefix(CHECKSUM_PREFIX) in _DIGESTS


def _check(algorithm: str, text: str, data: bytes) -> None:
    if base64.b64encode(_DIGESTS[algorithm](data)).decode() != text:
        raise ApiError(
            "BadDigest",
            f"The {algorithm.upper()} you specified did not match the calculated checksum.",
        )


def _check_md5(request: Request, data: bytes) -> None:
    declared = request.header("content-md5")
    actual = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    if declared is not None and declared != actual:
        raise ApiError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _check_length(request: Request, data: bytes) -> None:
    declared = request.header("x-amz-decoded-content-length")
    if declared != str(len(data)):
        raise ApiError(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )


def _unframed(body: bytes) -> tuple[bytes, dict[str, str]]:
    chunks: list[bytes] = []
    rest = body
    while rest:
        line, _, rest = rest.partition(b"\r\n")
        size = _size(line)
        if size == 0:
            return b"".join(chunks), _trailers(rest)
        chunks.append(rest[:size])
        rest = rest[size + 2 :]
    raise ApiError("IncompleteBody", "The request body terminated unexpectedly")


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0]
    if not _HEXADECIMAL.fullmatch(digits):
        raise ApiError("IncompleteBody", "The request body terminated unexpectedly")
    return int(digits, 16)


def _trailers(text: bytes) -> dict[str, str]:
    lines = (line.decode("latin-1").partition(":") for line in text.split(b"\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}
