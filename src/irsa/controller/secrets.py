"""
The two Secrets as values: what is in them, and whether it can be used.

Whatever is missing or garbled reads as None: it will be made anew.
Never here: what follows from it.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from irsa.errors import InputError
from irsa.tls.certs import Authority, Leaf

Object = dict[str, Any]

CERTIFICATE = "tls.crt"
KEY = "tls.key"
FORMER = "former.crt"
CA = "ca.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The CA: the one that signs, and the certificates of those that signed before."""

    certificate: x509.Certificate
    authority: Authority = field(repr=False)
    former: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The serving certificate, its key proved to fit."""

    certificate: x509.Certificate
    names: frozenset[str]


def read_trust(secret: Mapping[str, Any] | None) -> Trust | None:
    """The CA in a Secret; None if it is missing or cannot be used."""
    data = _data(secret)
    try:
        authority = Authority.load(data.get(CERTIFICATE, b""), data.get(KEY, b""))
        [certificate] = read_certificates(authority.certificate_pem)
    except (InputError, ValueError):
        return None
    former = read_certificates(data.get(FORMER, b""))
    return Trust(certificate=certificate, authority=authority, former=former)


def read_serving(secret: Mapping[str, Any] | None) -> Serving | None:
    """The serving certificate in a Secret; None if it is missing or cannot be used."""
    data = _data(secret)
    try:
        certificate = x509.load_pem_x509_certificate(data.get(CERTIFICATE, b""))
        key = serialization.load_pem_private_key(data.get(KEY, b""), password=None)
        if key.public_key() != certificate.public_key():
            return None
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (ValueError, TypeError, x509.ExtensionNotFound):
        return None
    dns_names = frozenset(names.value.get_values_for_type(x509.DNSName))
    return Serving(certificate=certificate, names=dns_names)


def read_authorities(secret: Mapping[str, Any] | None) -> tuple[x509.Certificate, ...]:
    """The CAs that a Secret names for its certificate; none if it names none."""
    return read_certificates(_data(secret).get(CA, b""))


def read_certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    """The certificates of a PEM bundle; none if it cannot be read."""
    try:
        return tuple(x509.load_pem_x509_certificates(pem))
    except ValueError:
        return ()


def bundle(certificates: Iterable[x509.Certificate]) -> bytes:
    """Certificates as one PEM text."""
    return b"".join(item.public_bytes(serialization.Encoding.PEM) for item in certificates)


def trust_data(authority: Authority, former: Iterable[x509.Certificate]) -> dict[str, str]:
    """The data of the CA's Secret."""
    data = {CERTIFICATE: authority.certificate_pem, KEY: authority.private_key_pem()}
    return _encoded(data | {FORMER: bundle(former)})


def serving_data(leaf: Leaf, authority: Authority) -> dict[str, str]:
    """The data of the serving certificate's Secret, with the CA's certificate beside it."""
    pair = {CERTIFICATE: leaf.certificate_pem, KEY: leaf.private_key_pem}
    return _encoded(pair | {CA: authority.certificate_pem})


def issued_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether this authority has signed a certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def ends(certificate: x509.Certificate) -> datetime:
    """When a certificate ends."""
    return certificate.not_valid_after_utc


def _data(secret: Mapping[str, Any] | None) -> dict[str, bytes]:
    data = (secret or {}).get("data") or {}
    return {name: _decoded(value) for name, value in data.items()}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(value).decode() for name, value in data.items()}
