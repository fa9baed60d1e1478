from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from irsa.errors import InputError
from irsa.tls.certs import BACK_DATED, Authority, Leaf, LeafRequest, renew_due, validity

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SERVICE = LeafRequest(
    common_name="irsa-webhook.irsa-system.svc",
    dns_names=("irsa-webhook.irsa-system.svc", "irsa-webhook"),
    ips=("127.0.0.1", "::1"),
)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.generate("irsa webhook CA", now=NOW, days=3650)


def issue(authority: Authority, request: LeafRequest = SERVICE, *, days: int = 90) -> Leaf:
    return authority.issue(request, now=NOW, days=days)


def read(pem: bytes) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem)


def usages(leaf: Leaf) -> set[x509.ObjectIdentifier]:
    extension = read(leaf.certificate_pem).extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    return set(extension.value)


def names(leaf: Leaf) -> x509.SubjectAlternativeName:
    return (
        read(leaf.certificate_pem)
        .extensions.get_extension_for_class(x509.SubjectAlternativeName)
        .value
    )


def test_a_leaf_is_issued_by_its_authority(authority: Authority) -> None:
    """Signed by it, named after it, no authority itself, and the key is its own."""
    leaf = issue(authority)
    certificate, issuer = read(leaf.certificate_pem), read(authority.certificate_pem)
    certificate.verify_directly_issued_by(issuer)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.critical) == (False, True)
    key = load_pem_private_key(leaf.private_key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()


def test_a_server_is_found_by_its_names_and_addresses(authority: Authority) -> None:
    """All of them in the SAN: nobody reads the common name any more."""
    found = names(issue(authority))
    assert found.get_values_for_type(x509.DNSName) == list(SERVICE.dns_names)
    assert found.get_values_for_type(x509.IPAddress) == [ip_address(ip) for ip in SERVICE.ips]


def test_a_leaf_without_names_has_its_common_name_as_san(authority: Authority) -> None:
    """There is always a SAN; a user's name stands there as an URI."""
    host = issue(authority, LeafRequest(common_name="etcd"))
    assert names(host).get_values_for_type(x509.DNSName) == ["etcd"]
    user = issue(authority, LeafRequest(common_name="system:admin", client=True))
    assert names(user).get_values_for_type(x509.UniformResourceIdentifier) == [
        "urn:kubernetes:user:system:admin"
    ]


def test_a_client_is_a_user_with_groups(authority: Authority) -> None:
    """As Kubernetes reads client certificates; it cannot serve with it."""
    request = LeafRequest(common_name="admin", organizations=("system:masters", "b"), client=True)
    leaf = issue(authority, request)
    subject = read(leaf.certificate_pem).subject
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [group.value for group in groups] == ["system:masters", "b"]
    assert usages(leaf) == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert ExtendedKeyUsageOID.SERVER_AUTH in usages(issue(authority))


def test_a_long_name_is_whole_in_the_san(authority: Authority) -> None:
    """A common name has 64 characters at most; a service's name may have more."""
    name = f"{'a' * 60}.{'b' * 60}.svc"
    leaf = issue(authority, LeafRequest(common_name=name, dns_names=(name,)))
    assert names(leaf).get_values_for_type(x509.DNSName) == [name]


def test_certificates_begin_five_minutes_ago(authority: Authority) -> None:
    """For clocks that are behind."""
    for pem in (authority.certificate_pem, issue(authority).certificate_pem):
        assert validity(pem).not_before == NOW - BACK_DATED
    assert validity(issue(authority).certificate_pem).not_after == NOW + timedelta(days=90)


def test_a_leaf_never_outlives_its_authority(authority: Authority) -> None:
    """Nothing would verify it then."""
    leaf = issue(authority, days=9999)
    assert validity(leaf.certificate_pem).not_after == validity(authority.certificate_pem).not_after


def test_two_certificates_have_two_numbers(authority: Authority) -> None:
    """And keys of their own."""
    one, two = (read(issue(authority).certificate_pem) for _ in range(2))
    assert one.serial_number != two.serial_number
    assert one.public_key() != two.public_key()


@pytest.mark.parametrize(
    ("days", "due"), [(0, False), (59, False), (61, True), (90, True), (1000, True)]
)
def test_renewal_is_due_after_two_thirds(authority: Authority, days: int, due: bool) -> None:
    """A 90-day certificate is renewed from day 60 on."""
    leaf = issue(authority)
    assert renew_due(leaf.certificate_pem, NOW + timedelta(days=days)) is due


def test_an_authority_is_taken_up_again(authority: Authority) -> None:
    """From its two PEM texts, and its leaves verify against the same certificate."""
    again = Authority.load(authority.certificate_pem, authority.private_key_pem())
    assert again.certificate_pem == authority.certificate_pem
    read(issue(again).certificate_pem).verify_directly_issued_by(read(authority.certificate_pem))


def test_no_text_shows_a_private_key(authority: Authority) -> None:
    """Neither the authority's nor a leaf's."""
    assert repr(authority) == "Authority('CN=irsa webhook CA')"
    assert "PRIVATE" not in repr(issue(authority))


def _rsa_pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_what_is_no_authority_is_refused(authority: Authority) -> None:
    """Unreadable, not a pair, a leaf, another kind of key."""
    leaf, other = issue(authority), Authority.generate("other", now=NOW, days=1)
    cases = {
        "certificate is unreadable": (b"x", authority.private_key_pem()),
        "private key is unreadable": (authority.certificate_pem, b"x"),
        "are not a pair": (authority.certificate_pem, other.private_key_pem()),
        "not one of an authority": (leaf.certificate_pem, leaf.private_key_pem),
        "not an EC key": (authority.certificate_pem, _rsa_pem()),
    }
    for why, (certificate, key) in cases.items():
        with pytest.raises(InputError, match=why):
            Authority.load(certificate, key)


def test_a_certificate_without_constraints_is_no_authority(authority: Authority) -> None:
    """As old self-signed ones are."""
    key = load_pem_private_key(authority.private_key_pem(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    from cryptography.hazmat.primitives.hashes import SHA256

    plain = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
        .sign(key, SHA256())
        .public_bytes(Encoding.PEM)
    )
    with pytest.raises(InputError, match="not one of an authority"):
        Authority.load(plain, authority.private_key_pem())


@pytest.mark.parametrize(
    "request_",
    [
        LeafRequest(common_name="x", ips=("300.0.0.1",)),
        LeafRequest(common_name="x", dns_names=("bücher.example",)),
    ],
    ids=["address", "name"],
)
def test_a_name_that_does_not_fit_is_refused(authority: Authority, request_: LeafRequest) -> None:
    """With the name in the message."""
    with pytest.raises(InputError, match="cannot be for this name or address"):
        issue(authority, request_)


def test_an_unreadable_certificate_is_refused() -> None:
    """Where its validity is asked for."""
    with pytest.raises(InputError, match="the certificate is unreadable"):
        renew_due(b"", NOW)
