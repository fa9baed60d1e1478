"""
Signing keys and their public halves, with the key id and algorithm that Kubernetes gives them.

Never here: paths, and private material in any text.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

from irsa.errors import InputError
from irsa.identity import base64url, pem
from irsa.identity.pem import AnyPrivateKey, AnyPublicKey

MIN_RSA_BITS = 2048
MAX_RSA_EXPONENT = 2**31 - 1
RSA_ALGORITHMS = ("RS256", "RS384", "RS512")
EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
ALGORITHMS = (*RSA_ALGORITHMS, *EC_ALGORITHMS.values())

_CURVE_NAMES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


class KeyKind(StrEnum):
    """The kinds of key that can be made."""

    rsa_2048 = "rsa-2048"
    rsa_4096 = "rsa-4096"
    ec_p256 = "ec-p256"
    ec_p384 = "ec-p384"
    ec_p521 = "ec-p521"


_CURVES: dict[KeyKind, type[ec.EllipticCurve]] = {
    KeyKind.ec_p256: ec.SECP256R1,
    KeyKind.ec_p384: ec.SECP384R1,
    KeyKind.ec_p521: ec.SECP521R1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """
    A public key as verifiers see it.

    Args:
        kid: The key id in token headers.
        algorithm: The signature algorithm, such as `RS256`.
        spki: The key itself: DER of its SubjectPublicKeyInfo.
    """

    kid: str
    algorithm: str
    spki: bytes = field(repr=False)

    @classmethod
    def of(
        cls, key: AnyPublicKey, *, source: str, kid: str | None = None, algorithm: str | None = None
    ) -> "PublicKey":
        """
        Take a key as cryptography knows it.

        Args:
            key: The key.
            source: Where it comes from, for messages.
            kid: Its id; by default the one that Kubernetes computes.
            algorithm: Its algorithm; by default the one that Kubernetes signs with.

        Raises:
            InputError: The key is too weak or odd, or the algorithm does not fit it.
        """
        spki = key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        fitting = _algorithms(key, source)
        if algorithm is not None and algorithm not in fitting:
            raise InputError(f"{source} names the algorithm {algorithm!r}, not {fitting[0]}")
        return cls(
            kid=key_id(spki) if kid is None else kid, algorithm=algorithm or fitting[0], spki=spki
        )

    @property
    def kind(self) -> str:
        """The kind of key, such as `rsa-2048` or `ec-p256`."""
        key = self.key()
        if isinstance(key, rsa.RSAPublicKey):
            return f"rsa-{key.key_size}"
        return "ec-" + _CURVE_NAMES[key.curve.name].lower().replace("-", "")

    def key(self) -> AnyPublicKey:
        """The key as cryptography knows it."""
        key = serialization.load_der_public_key(self.spki)
        assert isinstance(key, AnyPublicKey)  # noqa: S101 # `of` took nothing else
        return key

    def pem(self) -> bytes:
        """The key as a `PUBLIC KEY` block."""
        return self.key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def jwk(self) -> dict[str, str]:
        """The key as an entry of a JWKS, as kube-apiserver writes it."""
        key = self.key()
        common = {"use": "sig", "kid": self.kid, "alg": self.algorithm}
        numbers = key.public_numbers()
        if isinstance(numbers, rsa.RSAPublicNumbers):
            return common | {
                "kty": "RSA",
                "n": base64url.encode(_big_endian(numbers.n)),
                "e": base64url.encode(_big_endian(numbers.e)),
            }
        width = (key.key_size + 7) // 8
        return common | {
            "kty": "EC",
            "crv": _CURVE_NAMES[numbers.curve.name],
            "x": base64url.encode(numbers.x.to_bytes(width, "big")),
            "y": base64url.encode(numbers.y.to_bytes(width, "big")),
        }


class SigningKey:
    """A private key; its text shows the key id only."""

    __slots__ = ("_key", "public")

    def __init__(self, key: AnyPrivateKey, *, source: str = "the key") -> None:
        self._key = key
        self.public = PublicKey.of(key.public_key(), source=source)

    @classmethod
    def generate(cls, kind: KeyKind) -> "SigningKey":
        """Make a new key."""
        if kind in _CURVES:
            return cls(ec.generate_private_key(_CURVES[kind]()))
        bits = int(kind.removeprefix("rsa-"))
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=bits))

    @classmethod
    def load(cls, data: bytes, source: str) -> "SigningKey":
        """
        Read the one private key of a PEM file.

        Raises:
            InputError: There is not exactly one, or kube-apiserver cannot sign with it.
        """
        private = [block for block in pem.blocks(data, source) if block.private]
        if len(private) != 1:
            raise InputError(
                f"{source} holds {len(private)} private keys, not one",
                hint="kube-apiserver signs with the first key of the file; give it one of its own",
            )
        return cls(pem.private_key(private[0]), source=private[0].where)

    def private_pem(self) -> bytes:
        """
        The key as `RSA PRIVATE KEY` or `EC PRIVATE KEY`.

        Not as PKCS#8: given that as a key to verify with, kube-apiserver skips an EC key.
        """
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def sign_jwt(
        self, claims: Mapping[str, Any], headers: Mapping[str, str | None] | None = None
    ) -> str:
        """
        Sign a token.

        Args:
            claims: The token's claims, signed as they are.
            headers: Overrides `alg` and `kid`, or adds to them; None leaves a header out. What they
                claim is not checked: a liar's token is what some proofs need.
        """
        header = {"alg": self.public.algorithm, "kid": self.public.kid, **(headers or {})}
        stated = {name: value for name, value in header.items() if value is not None}
        message = ".".join(base64url.encode(_compact(part)) for part in (stated, dict(claims)))
        signer = get_default_algorithms()[self.public.algorithm]
        return f"{message}.{base64url.encode(signer.sign(message.encode(), self._key))}"

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.public.kid!r})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is not pickled; use private_pem()")


def load_public_keys(data: bytes, source: str) -> tuple[PublicKey, ...]:
    """
    The public keys that kube-apiserver reads from a file, each once, in the file's order.

    Raises:
        InputError: There is none, or one that kube-apiserver would skip silently.
    """
    found = (
        PublicKey.of(pem.public_key(block), source=block.where)
        for block in pem.blocks(data, source)
    )
    return tuple({key.kid: key for key in found}.values())


def key_id(spki: bytes) -> str:
    """
    The key id that Kubernetes gives a key: SHA-256 of its DER.

    Not the thumbprint of RFC 7638. Source: Kubernetes, pkg/serviceaccount/jwt.go.
    """
    return base64url.encode(hashlib.sha256(spki).digest())


def _algorithms(key: AnyPublicKey, source: str) -> tuple[str, ...]:
    if not isinstance(key, rsa.RSAPublicKey):
        name = _CURVE_NAMES.get(key.curve.name)
        if name is None:
            raise InputError(
                f"{source} is on the curve {key.curve.name}, which no token is signed with"
            )
        return (EC_ALGORITHMS[name],)
    if key.key_size < MIN_RSA_BITS:
        raise InputError(
            f"{source} is an RSA key of {key.key_size} bits; tokens need {MIN_RSA_BITS} at least",
            hint="make a new one: irsa keys create",
        )
    if key.public_numbers().e > MAX_RSA_EXPONENT:
        raise InputError(f"{source} is an RSA key with an exponent that kube-apiserver refuses")
    return RSA_ALGORITHMS


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
