import base64
import datetime as dt
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from irsa.errors import InputError
from irsa.identity import pem
from irsa.identity.keys import KeyKind, SigningKey, load_public_keys

EXPLICIT_CURVE = b"""-----BEGIN EC PRIVATE KEY-----
MIIBaAIBAQQgk4nkrI5/i4Ab3/aOZ13Bep436qwGy5iYPawwyBeqKWaggfowgfcC
AQEwLAYHKoZIzj0BAQIhAP////8AAAABAAAAAAAAAAAAAAAA////////////////
MFsEIP////8AAAABAAAAAAAAAAAAAAAA///////////////8BCBaxjXYqjqT57Pr
vVV2mIa8ZR0GsMxTsPY7zjw+J9JgSwMVAMSdNgiG5wSTamZ44ROdJreBn36QBEEE
axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54W
K84zV2sxXs7LtkBoN79R9QIhAP////8AAAAA//////////+85vqtpxeehPO5ysL8
YyVRAgEBoUQDQgAED/Z7Sp/FRzusGibpISpg1jvu+QocEbr77bQnDTAbcZLQeMRy
SSQxsZJ3XJAwVNC5UdJ3rqTjoXzZXNP4qkN2sg==
-----END EC PRIVATE KEY-----
"""
COMPRESSED_POINT = b"""-----BEGIN PUBLIC KEY-----
MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgACNM8P6ibql9WKo7Lh/h38zTHNJ+3x
3X0C78/E7Q8R9vc=
-----END PUBLIC KEY-----
"""
EC_PARAMETERS = b"""-----BEGIN EC PARAMETERS-----
BggqhkjOPQMBBw==
-----END EC PARAMETERS-----
"""
FOREIGN = ed25519.Ed25519PrivateKey.generate()


def written(key: SigningKey, form: PrivateFormat, *, password: bytes | None = None) -> bytes:
    """A private key in another form."""
    protection = BestAvailableEncryption(password) if password else NoEncryption()
    return key._key.private_bytes(Encoding.PEM, form, protection)


def certificate(key: SigningKey) -> bytes:
    """A certificate that expired long ago, which kube-apiserver does not mind."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sa")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key._key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2002, 1, 1, tzinfo=dt.UTC))
        .sign(key._key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


READ: dict[str, Callable[[SigningKey], bytes]] = {
    "traditional": lambda key: key.private_pem(),
    "public": lambda key: key.public.pem(),
    "certificate": certificate,
    "text-around": lambda key: b"some text\n" + key.public.pem() + b"more\n",
    "windows-lines": lambda key: key.public.pem().replace(b"\n", b"\r\n"),
    "no-line-at-end": lambda key: key.public.pem().rstrip(b"\n"),
    "parameters-first": lambda key: EC_PARAMETERS + key.private_pem(),
}


@pytest.mark.parametrize("form", READ.values(), ids=READ.keys())
def test_every_form_gives_the_same_key(
    form: Callable[[SigningKey], bytes], any_key: SigningKey
) -> None:
    """A key is the same key in whatever form kube-apiserver reads it."""
    assert load_public_keys(form(any_key), "file") == (any_key.public,)


def test_pkcs8_is_read_where_kube_apiserver_reads_it(
    rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """As a signing key of either family; as a key to verify with, RSA only."""
    rsa_pem, ec_pem = (written(key, PrivateFormat.PKCS8) for key in (rsa_key, ec_key))
    assert SigningKey.load(rsa_pem, "sa.key").public == rsa_key.public
    assert SigningKey.load(ec_pem, "sa.key").public == ec_key.public
    assert load_public_keys(rsa_pem, "sa.key") == (rsa_key.public,)
    with pytest.raises(InputError, match="no public key from an EC key in PKCS#8"):
        load_public_keys(ec_pem, "sa.key")


def _pkcs1_public(key: SigningKey) -> bytes:
    return key._key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)


def _relabelled(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


def _pss(key: SigningKey) -> bytes:
    rsa, pss = (bytes.fromhex(f"06092a864886f70d0101{last}") for last in ("01", "0a"))
    der = key.public.spki.replace(rsa, pss)
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


REFUSED: dict[str, tuple[Callable[[SigningKey], bytes], str]] = {
    "pkcs1-public": (_pkcs1_public, "'RSA PUBLIC KEY', which kube-apiserver skips"),
    "pkcs1-as-public": (
        lambda key: _relabelled(_pkcs1_public(key), b"RSA PUBLIC", b"PUBLIC"),
        "kube-apiserver skips|not a usable PUBLIC KEY",
    ),
    "openssh": (
        lambda key: written(key, PrivateFormat.OpenSSH),
        "'OPENSSH PRIVATE KEY', which kube-apiserver skips",
    ),
    "encrypted-pkcs8": (
        lambda key: written(key, PrivateFormat.PKCS8, password=b"secret"),
        "is encrypted",
    ),
    "encrypted-traditional": (
        lambda key: written(key, PrivateFormat.TraditionalOpenSSL, password=b"secret"),
        "is encrypted",
    ),
    "wrong-label": (
        lambda key: _relabelled(written(key, PrivateFormat.PKCS8), b"PRIVATE", b"RSA PRIVATE"),
        "the form it is labelled as",
    ),
    "pss": (_pss, "restricted to PSS|not a usable PUBLIC KEY"),
    "explicit-curve": (lambda _: EXPLICIT_CURVE, "written out instead of named|not a usable"),
    "compressed-point": (lambda _: COMPRESSED_POINT, "not in the one form"),
    "ed25519-private": (
        lambda _: FOREIGN.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "neither an RSA nor an EC key",
    ),
    "ed25519-public": (
        lambda _: FOREIGN.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ),
        "neither an RSA nor an EC key",
    ),
    "other-curve": (
        lambda _: ec.generate_private_key(ec.SECP256K1()).private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ),
        "its curve is secp256k1",
    ),
    "request": (
        lambda key: _relabelled(certificate(key), b"CERTIFICATE", b"CERTIFICATE REQUEST"),
        "'CERTIFICATE REQUEST', which kube-apiserver skips",
    ),
    "cut-off": (lambda key: key.public.pem()[:-10], "cut off or damaged"),
    "byte-order-mark": (lambda key: b"\xef\xbb\xbf" + key.public.pem(), "cut off or damaged"),
    "indented": (lambda key: b"  " + key.public.pem(), "cut off or damaged"),
    "bad-base64": (
        lambda key: key.public.pem().replace(b"\nMI", b"\nM=I", 1),
        "not valid base64",
    ),
    "garbage": (
        lambda _: b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        "not a usable PUBLIC KEY",
    ),
    "garbage-private": (
        lambda _: b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "the form it is labelled as",
    ),
    "empty-private": (
        lambda _: b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "the form it is labelled as",
    ),
    "damaged-private": (
        lambda key: key.private_pem().replace(b"\nMII", b"\nMIJ", 1),
        "not a usable RSA PRIVATE KEY|the form it is labelled as",
    ),
    "garbage-certificate": (
        lambda _: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "not a usable CERTIFICATE",
    ),
    "no-pem": (lambda key: key.public.spki, "holds no PEM block"),
    "empty": (lambda _: b"", "holds no PEM block"),
    "parameters-only": (lambda _: EC_PARAMETERS, "holds no PEM block"),
}


@pytest.mark.parametrize(("form", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_kube_apiserver_skips_is_refused(
    form: Callable[[SigningKey], bytes], why: str, rsa_key: SigningKey
) -> None:
    """A key that is skipped silently there is refused with a sentence here."""
    with pytest.raises(InputError, match=why) as caught:
        load_public_keys(form(rsa_key), "the file")
    assert "the file" in caught.value.message


def test_a_block_to_refuse_is_found_behind_a_good_one(
    rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """The message says which block it is."""
    with pytest.raises(InputError, match=r"^keys, block 2 is a 'RSA PUBLIC KEY'"):
        load_public_keys(ec_key.public.pem() + _pkcs1_public(rsa_key), "keys")


def test_messages_and_blocks_show_no_key(key_of: Callable[[KeyKind], SigningKey]) -> None:
    """A block's text holds its label and place only."""
    (block,) = pem.blocks(key_of(KeyKind.ec_p256).private_pem(), "sa.key")
    assert repr(block) == "Block(label='EC PRIVATE KEY', where='sa.key')"


def test_a_public_block_is_no_private_key(rsa_key: SigningKey) -> None:
    """Asked for the private key of a public block, the answer is a sentence."""
    (block,) = pem.blocks(rsa_key.public.pem(), "sa.pub")
    with pytest.raises(InputError, match=r"sa\.pub does not hold a private key"):
        pem.private_key(block)


def test_a_certificate_for_another_kind_of_key_is_refused() -> None:
    """An Ed25519 certificate is skipped by kube-apiserver."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sa")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(FOREIGN.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2001, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2002, 1, 1, tzinfo=dt.UTC))
        .sign(FOREIGN, None)
    )
    with pytest.raises(InputError, match="neither for an RSA nor for an EC key"):
        load_public_keys(made.public_bytes(Encoding.PEM), "cert")
