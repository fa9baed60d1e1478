"""
A small certificate authority: itself, the certificates it issues, and when to renew them.

Never here: files, Kubernetes.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from irsa.errors import InputError

BACK_DATED = timedelta(minutes=5)  # for clocks that are behind
RENEW_AFTER = 2 / 3  # of a certificate's life
_MAX_COMMON_NAME = 64

_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRequest:
    """
    What a certificate is to be for.

    Args:
        common_name: The subject; a user's name in a client certificate.
        organizations: The subject's groups in a client certificate.
        dns_names: Names it is valid for; the common name if there are neither names nor addresses.
        ips: Addresses it is valid for.
        client: Whether it is for a client; else it is for a server (and usable as client too).
    """

    common_name: str
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    client: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A certificate and its private key."""

    certificate_pem: bytes
    private_key_pem: bytes = field(repr=False)


class Authority:
    """A certificate authority; its text shows the subject only."""

    __slots__ = ("_certificate", "_key")

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def generate(cls, common_name: str, *, now: datetime, days: int) -> "Authority":
        """Make a new authority, valid from five minutes ago."""
        key = _new_key()
        name = _name(common_name)
        certificate = (
            _builder(name, name, key=key.public_key(), life=_Life(now=now, days=days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, cert_pem: bytes, key_pem: bytes) -> "Authority":
        """
        Take an authority up again.

        Raises:
            InputError: One is unreadable, they are not a pair, or it is no authority's.
        """
        certificate = _read_certificate(cert_pem)
        try:
            key = serialization.load_pem_private_key(key_pem, password=None)
        except (ValueError, TypeError) as error:
            raise InputError("the authority's private key is unreadable") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise InputError("the authority's private key is not an EC key")
        if key.public_key() != certificate.public_key():
            raise InputError("the authority's certificate and private key are not a pair")
        if not _is_authority(certificate):
            raise InputError("the authority's certificate is not one of an authority")
        return cls(certificate, key)

    @property
    def certificate_pem(self) -> bytes:
        """The certificate: what others trust."""
        return self._certificate.public_bytes(_PEM)

    def private_key_pem(self) -> bytes:
        """The private key; for keeping, never for showing."""
        return _key_pem(self._key)

    def issue(self, request: LeafRequest, *, now: datetime, days: int) -> Leaf:
        """
        Issue a certificate, valid from five minutes ago, never beyond the authority's own life.

        Raises:
            InputError: An address is none, or a name does not fit.
        """
        key = _new_key()
        life = _Life(now=now, days=days, until=self._certificate.not_valid_after_utc)
        name = _name(request.common_name, request.organizations)
        certificate = (
            _builder(name, self._certificate.subject, key=key.public_key(), life=life)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(ca=False), critical=True)
            .add_extension(_purpose(request), critical=False)
            .add_extension(_alternative_names(request), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .sign(self._key, hashes.SHA256())
        )
        return Leaf(certificate_pem=certificate.public_bytes(_PEM), private_key_pem=_key_pem(key))

    def __repr__(self) -> str:
        return f"Authority({self._certificate.subject.rfc4514_string()!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """From when to when a certificate is valid."""

    not_before: datetime
    not_after: datetime


def validity(cert_pem: bytes) -> Validity:
    """
    From when to when a certificate is valid.

    Raises:
        InputError: It is unreadable.
    """
    certificate = _read_certificate(cert_pem)
    return Validity(
        not_before=certificate.not_valid_before_utc, not_after=certificate.not_valid_after_utc
    )


def renew_due(cert_pem: bytes, now: datetime) -> bool:
    """
    Whether two thirds of a certificate's life are over.

    Raises:
        InputError: It is unreadable.
    """
    life = validity(cert_pem)
    return now >= life.not_before + (life.not_after - life.not_before) * RENEW_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class _Life:
    now: datetime
    days: int
    until: datetime | None = None

    @property
    def end(self) -> datetime:
        end = self.now + timedelta(days=self.days)
        return min(end, self.until) if self.until else end


def _builder(
    subject: x509.Name, issuer: x509.Name, *, key: ec.EllipticCurvePublicKey, life: _Life
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(life.now - BACK_DATED)
        .not_valid_after(life.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common_name: str, organizations: tuple[str, ...] = ()) -> x509.Name:
    # 64 characters at most (RFC 5280); a longer service name stands whole in the SAN.
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_MAX_COMMON_NAME]))
    return x509.Name(attributes)


def _alternative_names(request: LeafRequest) -> x509.SubjectAlternativeName:
    try:
        addresses = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in request.ips]
        names = [x509.DNSName(name) for name in request.dns_names]
    except ValueError as error:
        raise InputError(f"a certificate cannot be for this name or address: {error}") from error
    if not (addresses or names):
        return x509.SubjectAlternativeName([_own_name(request.common_name)])
    return x509.SubjectAlternativeName([*names, *addresses])


def _own_name(common_name: str) -> x509.GeneralName:
    # A user's name (system:admin) is no DNS name, but a SAN may hold any URI.
    if ":" in common_name:
        return x509.UniformResourceIdentifier(f"urn:kubernetes:user:{common_name}")
    return x509.DNSName(common_name)


def _purpose(request: LeafRequest) -> x509.ExtendedKeyUsage:
    client = ExtendedKeyUsageOID.CLIENT_AUTH
    return x509.ExtendedKeyUsage(
        [client] if request.client else [ExtendedKeyUsageOID.SERVER_AUTH, client]
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _read_certificate(cert_pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(cert_pem)
    except ValueError as error:
        raise InputError("the certificate is unreadable") from error


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
