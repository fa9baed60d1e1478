"""
When a certificate ends, without a library for certificates: the process that serves has none.

Never here: files, judging a certificate.
"""

import ssl
from datetime import UTC, datetime

_VERSION = 0xA0
_UTC_TIME = 0x17
_END = "-----END CERTIFICATE-----"


def certificate_expiry(pem: str) -> float | None:
    """
    When the first certificate of a PEM file ends, in seconds since 1970; None if unreadable.

    Source: RFC 5280, section 4.1
    """
    try:
        der = ssl.PEM_cert_to_DER_cert(pem[: pem.index(_END) + len(_END)])
        _, certificate, _ = _element(der)
        _, body, _ = _element(certificate)
        tag, _, rest = _element(body)
        # version (optional), serialNumber, signature, issuer, then validity
        for _ in range(3 if tag == _VERSION else 2):
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, after = _element(validity)
        tag, moment, _ = _element(after)
        return _timestamp(tag, moment.decode("ascii"))
    except (ValueError, IndexError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """The tag, the content, and what follows."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start])
    end = start + length
    if end > len(data):
        raise ValueError("cut off")
    return tag, data[start:end], data[end:]


def _timestamp(tag: int, text: str) -> float:
    if tag == _UTC_TIME:
        # Two digits of the year: below 50 they mean this century.
        text = ("20" if int(text[:2]) < 50 else "19") + text
    if len(text) != len("20260101000000Z") or not text.endswith("Z"):
        raise ValueError("not in UTC")
    # Not strptime: it costs more than all the rest.
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC).timestamp()
