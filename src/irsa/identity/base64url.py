"""
Base64url without padding, as JOSE writes it (RFC 7515), and strictly so.

The standard library also takes `+`, `/` and stray bits: then two texts would mean the same bytes.
"""

import base64


def encode(data: bytes) -> str:
    """The text of some bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """
    The bytes of a text.

    Raises:
        ValueError: It is not what `encode` would have written.
    """
    data = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if encode(data) != text:
        raise ValueError("not base64url without padding")
    return data
