"""When a certificate ends, read without a library for certificates."""

import ssl
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.tls.certs import Authority, validity
from irsa.webhook.expiry import certificate_expiry


@pytest.mark.parametrize(
    "days", [1, 90, 3650, 12_000], ids=["short", "usual", "long", "after-2050"]
)
def test_expiry_is_the_certificates(days: int) -> None:
    """Both forms of time in a certificate are read as the library reads them."""
    pem = Authority.generate("x", now=datetime.now(UTC), days=days).certificate_pem
    assert certificate_expiry(pem.decode()) == validity(pem).not_after.timestamp()


def test_only_the_first_certificate_counts() -> None:
    """The serving certificate comes first, its chain behind it."""
    first = Authority.generate("x", now=datetime.now(UTC), days=1).certificate_pem
    second = Authority.generate("y", now=datetime.now(UTC), days=9).certificate_pem
    expected = validity(first).not_after.timestamp()
    assert certificate_expiry((first + second).decode()) == expected


@given(st.binary(max_size=60))
def test_damage_is_unknown(data: bytes) -> None:
    """Whatever stands in the file, there is no exception."""
    assert certificate_expiry(ssl.DER_cert_to_PEM_cert(data)) is None


@given(st.text(max_size=60))
def test_text_is_unknown(text: str) -> None:
    """A file that is no PEM has no expiry."""
    assert certificate_expiry(text) is None
