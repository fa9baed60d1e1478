"""
The JWKS: the public keys of a cluster as one document.

Never here: upload.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from irsa.errors import InputError, excerpt
from irsa.identity import base64url, canonical
from irsa.identity.keys import PublicKey
from irsa.identity.pem import AnyPublicKey

MAX_KEYS = 100  # of each family; STS reads no longer lists

_CURVES: dict[str, ec.EllipticCurve] = {
    "P-256": ec.SECP256R1(),
    "P-384": ec.SECP384R1(),
    "P-521": ec.SECP521R1(),
}
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def build(keys: Iterable[PublicKey]) -> bytes:
    """
    The canonical document: the same keys in any order give the same bytes.

    Raises:
        InputError: There is no key, more than STS reads, or one id for two keys.
    """
    distinct = merge((), keys)
    if not distinct:
        raise InputError("a JWKS without a key would shut every token out")
    for family in ("RS", "ES"):
        count = sum(key.algorithm.startswith(family) for key in distinct)
        if count > MAX_KEYS:
            raise InputError(f"{count} keys of one family are more than the {MAX_KEYS} STS reads")
    return canonical.dump({"keys": [key.jwk() for key in distinct]})


def parse(data: bytes, source: str) -> tuple[PublicKey, ...]:
    """
    The keys of a JWKS, in its order, each once.

    kube-apiserver repeats a key that stands in several of its files.

    Raises:
        InputError: It is not a JWKS, or has an entry that STS or kube-apiserver would not use.
    """
    try:
        document = canonical.load(data)
    except ValueError as error:
        raise InputError(f"{source} is not JSON: {excerpt(str(error))}") from error
    entries = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InputError(f"{source} is not a JWKS: it has no list of keys")
    found = (
        _key(entry, f"{source}, key {number}") for number, entry in enumerate(entries, start=1)
    )
    return tuple(dict.fromkeys(found))


def merge(published: Iterable[PublicKey], wanted: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
    """
    All published keys and all wanted ones, sorted by id; nothing published is dropped.

    Raises:
        InputError: One id stands for two different keys.
    """
    distinct: dict[tuple[str, bytes], PublicKey] = {}
    for key in (*published, *wanted):
        distinct.setdefault((key.kid, key.spki), key)
    merged = tuple(distinct[pair] for pair in sorted(distinct))
    for one, next_one in itertools.pairwise(merged):
        # Without an id (Kubernetes before 1.16 signed so) verifiers try every key.
        if one.kid and one.kid == next_one.kid:
            raise InputError(f"the key id {excerpt(one.kid)!r} stands for two different keys")
    return merged


def _key(entry: Any, where: str) -> PublicKey:
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(name, ""), str) for name in ("kty", "kid", "alg", "use", "crv")
    ):
        raise InputError(f"{where} is not an entry of a JWKS")
    if _PRIVATE_MEMBERS & entry.keys():
        raise InputError(
            f"{where} holds a private key",
            hint="whoever could read it can sign tokens: make a new key and retire this one",
        )
    if entry.get("use", "sig") != "sig":
        raise InputError(f"{where} is not for signatures: its use is {excerpt(entry['use'])!r}")
    return PublicKey.of(
        _material(entry, where),
        source=where,
        kid=entry.get("kid", ""),
        algorithm=entry.get("alg"),
    )


def _material(entry: Mapping[str, Any], where: str) -> AnyPublicKey:
    try:
        match entry.get("kty"):
            case "RSA":
                e, n = _number(entry, "e"), _number(entry, "n")
                return rsa.RSAPublicNumbers(e, n).public_key()
            case "EC" if entry.get("crv") in _CURVES:
                curve = _CURVES[entry["crv"]]
                x, y = (_number(entry, name, bits=curve.key_size) for name in ("x", "y"))
                return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
    except ValueError as error:
        raise InputError(f"{where} is not a valid key: {excerpt(str(error))}") from error
    kind = " ".join(str(entry[name]) for name in ("kty", "crv") if name in entry)
    raise InputError(
        f"{where} is of the kind {excerpt(kind)!r}, which STS does not verify with",
        hint="STS takes RSA keys, and EC keys on P-256, P-384 and P-521",
    )


def _number(entry: Mapping[str, Any], name: str, *, bits: int | None = None) -> int:
    text = entry.get(name)
    if not isinstance(text, str):
        raise ValueError(f"it has no {name!r}")
    try:
        data = base64url.decode(text)
    except ValueError as error:
        raise ValueError(f"{name!r} is not base64url") from error
    if bits is not None and len(data) != (bits + 7) // 8:
        raise ValueError(f"{name!r} has {len(data)} bytes, not {(bits + 7) // 8}")
    return int.from_bytes(data, "big")
