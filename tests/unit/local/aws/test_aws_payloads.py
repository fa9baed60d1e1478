"""Bodies with AWS's own framing, and signatures, apart from any client."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from irsa.local.aws import sigv4
from irsa.local.aws.errors import ApiError
from irsa.local.aws.payload import UNSIGNED_TRAILER, content
from irsa.local.aws.request import Request


def _framed(body: bytes, length: int) -> Request:
    headers = {
        "x-amz-content-sha256": UNSIGNED_TRAILER,
        "x-amz-decoded-content-length": str(length),
    }
    return Request(method="PUT", host="h", path="/k", headers=headers, body=body)


def test_chunks_are_put_together():
    """With the checksum that comes after them."""
    body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYfYZQ==\r\n\r\n"
    assert content(_framed(body, 5)) == (b"abcde", {"x-amz-checksum-crc32": "hYfYZQ=="})


@pytest.mark.parametrize(
    "body",
    [b"3\r\nabc\r\n", b"", b"zz\r\nabc\r\n0\r\n\r\n", b"2\r\nab\r\n0\r\n\r\n"],
    ids=["no end", "nothing", "no number", "too short"],
)
def test_a_broken_framing_is_refused(body):
    """IncompleteBody."""
    with pytest.raises(ApiError) as caught:
        content(_framed(body, 3))
    assert caught.value.code == "IncompleteBody"


def test_chunks_with_signatures_of_their_own_are_refused():
    """They are not offered."""
    declared = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    with pytest.raises(ApiError) as caught:
        content(Request(method="PUT", host="h", path="/k", headers=declared))
    assert caught.value.code == "NotImplemented"


def _signed(request: Request, unsigned: sigv4.Signature) -> sigv4.Signature:
    canonical = hashlib.sha256(sigv4._canonical(request, unsigned).encode()).hexdigest()
    text = f"{sigv4.ALGORITHM}\n{unsigned.timestamp}\n{unsigned.scope}\n{canonical}"
    key = sigv4._signing_key("secret", unsigned)
    digest = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return replace(unsigned, signature=digest)


@pytest.mark.parametrize(("date", "good"), [("20260102", True), ("20260101", False)])
def test_the_key_of_another_day_signs_nothing(date, good):
    """The scope's date is that of the time that was signed."""
    request = Request(method="GET", host="h", path="/", headers={"host": "h"})
    unsigned = sigv4.Signature(
        access_key="A" * 20,
        date=date,
        region="eu-west-1",
        service="sts",
        signed_headers=("host",),
        signature="",
        timestamp="20260102T000000Z",
        token=None,
    )
    assert sigv4.matches(request, _signed(request, unsigned), "secret") is good
