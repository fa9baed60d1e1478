"""
PEM, read as kube-apiserver reads it, but never silently.

kube-apiserver skips a block that it cannot use as long as another one in the file is usable. A
key that is skipped there and published here (or the other way round) breaks tokens much later, so
here it is refused. Source: client-go, util/keyutil/key.go.
Never here: what a key is for.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from irsa.errors import InputError, excerpt

AnyPublicKey = RSAPublicKey | EllipticCurvePublicKey
AnyPrivateKey = RSAPrivateKey | EllipticCurvePrivateKey

_BEGIN = b"-----BEGIN "
_BLOCK = re.compile(
    rb"^-----BEGIN (?P<label>[^\r\n]*?)-----[ \t\r]*\n"
    rb"(?P<headers>(?:[^\r\n:]+:[^\n]*\n)*)"
    rb"(?P<body>[A-Za-z0-9+/=\s]*?)"
    rb"^-----END (?P=label)-----[ \t\r]*$",
    re.MULTILINE,
)
# The tag that follows the version number tells PKCS#1, SEC 1 and PKCS#8 apart.
_FORMS = {"RSA PRIVATE KEY": 0x02, "EC PRIVATE KEY": 0x04, "PRIVATE KEY": 0x30}
_READABLE = {*_FORMS, "PUBLIC KEY", "CERTIFICATE"}
_IGNORED = "EC PARAMETERS"  # written by `openssl ecparam -genkey` in front of the key
_CONVERSIONS = {
    "RSA PUBLIC KEY": "convert it: openssl rsa -RSAPublicKey_in -in FILE -pubout",
    "OPENSSH PRIVATE KEY": "convert a copy of it: ssh-keygen -p -N '' -m PEM -f COPY",
}
# Object identifiers in DER. Go reads neither explicit curve parameters nor RSA-PSS keys.
_RSA = bytes.fromhex("06092a864886f70d010101")
_CURVES = {
    "secp256r1": bytes.fromhex("06082a8648ce3d030107"),
    "secp384r1": bytes.fromhex("06052b81040022"),
    "secp521r1": bytes.fromhex("06052b81040023"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One PEM block: its label, its content, and where it stands, for messages."""

    label: str
    der: bytes = field(repr=False)
    where: str

    @property
    def private(self) -> bool:
        """Whether it holds a private key."""
        return self.label in _FORMS


def blocks(data: bytes, source: str) -> tuple[Block, ...]:
    """
    The key and certificate blocks of a file.

    Raises:
        InputError: There is none, or one that kube-apiserver would skip.
    """
    matches = list(_BLOCK.finditer(data))
    if len(matches) != data.count(_BEGIN):
        raise InputError(
            f"{source} has a PEM block that is cut off or damaged",
            hint="kube-apiserver skips it without a word; copy the file again, whole",
        )
    several = len(matches) > 1
    found = tuple(
        _block(match, f"{source}, block {number}" if several else source)
        for number, match in enumerate(matches, start=1)
        if match["label"] != _IGNORED.encode()
    )
    if not found:
        raise InputError(
            f"{source} holds no PEM block", hint="a key file begins with -----BEGIN PUBLIC KEY-----"
        )
    return found


def private_key(block: Block) -> AnyPrivateKey:
    """
    The private key in a block.

    Raises:
        InputError: It is none that kube-apiserver signs with.
    """
    if not block.private or _form(block.der) != _FORMS[block.label]:
        raise InputError(f"{block.where} does not hold a private key in the form it is labelled as")
    try:
        key = serialization.load_der_private_key(block.der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{block.where} is not a usable {block.label}") from error
    if not isinstance(key, AnyPrivateKey):
        raise _unusable(block, "it is neither an RSA nor an EC key")
    _check_identifier(block, key.public_key())
    return key


def public_key(block: Block) -> AnyPublicKey:
    """
    The public key that kube-apiserver takes from a block.

    Raises:
        InputError: It takes none, or there is none.
    """
    if block.private:
        key = private_key(block)
        if isinstance(key, EllipticCurvePrivateKey) and block.label == "PRIVATE KEY":
            raise _unusable(
                block,
                "it reads no public key from an EC key in PKCS#8",
                hint="write the public half: openssl pkey -in FILE -pubout",
            )
        return key.public_key()
    return _certified(block) if block.label == "CERTIFICATE" else _plain(block)


def _block(match: re.Match[bytes], where: str) -> Block:
    label = match["label"].decode("ascii", "replace")
    if label == "ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in match["headers"]:
        raise InputError(
            f"{where} is encrypted",
            hint="kube-apiserver reads unencrypted keys only: openssl pkey -in FILE -out PLAIN",
        )
    if label not in _READABLE:
        hint = _CONVERSIONS.get(label, "write it as PUBLIC KEY: openssl pkey -in FILE -pubout")
        raise InputError(
            f"{where} is a {excerpt(label)!r}, which kube-apiserver skips without a word", hint=hint
        )
    try:
        der = base64.b64decode(b"".join(match["body"].split()), validate=True)
    except binascii.Error as error:
        raise InputError(f"{where} is not valid base64") from error
    return Block(label=label, der=der, where=where)


def _plain(block: Block) -> AnyPublicKey:
    try:
        key = serialization.load_der_public_key(block.der)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{block.where} is not a usable {block.label}") from error
    if not isinstance(key, AnyPublicKey):
        raise _unusable(block, "it is neither an RSA nor an EC key")
    _check_identifier(block, key)
    if _spki(key) != block.der:
        # PKCS#1 under a wrong label, a compressed point, missing parameters: Go reads none of them.
        raise _unusable(block, "it is not in the one form of a public key that Go reads")
    return key


def _certified(block: Block) -> AnyPublicKey:
    try:
        key = x509.load_der_x509_certificate(block.der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{block.where} is not a usable {block.label}") from error
    if not isinstance(key, AnyPublicKey):
        raise _unusable(block, "it is neither for an RSA nor for an EC key")
    _check_identifier(block, key)
    return key


def _check_identifier(block: Block, key: AnyPublicKey) -> None:
    if isinstance(key, RSAPublicKey):
        if block.label != "RSA PRIVATE KEY" and _RSA not in block.der:
            raise _unusable(block, "it is an RSA key restricted to PSS")
    elif key.curve.name not in _CURVES:
        raise _unusable(block, f"its curve is {key.curve.name}; P-256, P-384 and P-521 are read")
    elif _CURVES[key.curve.name] not in block.der:
        raise _unusable(
            block,
            "its curve is written out instead of named",
            hint="openssl ec -in FILE -param_enc named_curve",
        )


def _unusable(block: Block, why: str, *, hint: str | None = None) -> InputError:
    return InputError(
        f"kube-apiserver skips {block.where} without a word: {why}",
        hint=hint or "use an RSA key, or an EC key on P-256, P-384 or P-521",
    )


def _spki(key: AnyPublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _form(der: bytes) -> int | None:
    """The tag after `SEQUENCE { INTEGER version`, whatever the length of the length."""
    if len(der) < 2:
        return None
    start = 2 + (der[1] & 0x7F if der[1] & 0x80 else 0) + 3
    return der[start] if len(der) > start else None
