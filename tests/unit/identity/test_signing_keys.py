import pickle
from collections.abc import Callable

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from irsa.errors import InputError
from irsa.identity.keys import KeyKind, PublicKey, SigningKey, key_id, load_public_keys


def test_a_key_survives_being_written_and_read(any_key: SigningKey) -> None:
    """PEM out, PEM in: the same key."""
    again = SigningKey.load(any_key.private_pem(), "sa.key")
    assert again.public == any_key.public
    assert again.private_pem() == any_key.private_pem()


def test_the_private_file_is_one_to_verify_with_too(any_key: SigningKey) -> None:
    """kube-apiserver may be given the private file as --service-account-key-file."""
    assert load_public_keys(any_key.private_pem(), "sa.key") == (any_key.public,)


def test_the_public_file_holds_a_public_key_block(any_key: SigningKey) -> None:
    """The one form of a public key that kube-apiserver reads."""
    pem = any_key.public.pem()
    assert pem.startswith(b"-----BEGIN PUBLIC KEY-----\n")
    assert load_public_keys(pem, "sa.pub") == (any_key.public,)


ALGORITHMS = {
    KeyKind.rsa_2048: "RS256",
    KeyKind.rsa_4096: "RS256",
    KeyKind.ec_p256: "ES256",
    KeyKind.ec_p384: "ES384",
    KeyKind.ec_p521: "ES512",
}


@pytest.mark.parametrize("kind", KeyKind, ids=str)
def test_the_algorithm_follows_from_the_key(
    kind: KeyKind, key_of: Callable[[KeyKind], SigningKey]
) -> None:
    """As kube-apiserver chooses it."""
    public = key_of(kind).public
    assert (public.kind, public.algorithm) == (kind, ALGORITHMS[kind])


def test_a_token_is_signed_for_others_to_verify(any_key: SigningKey) -> None:
    """PyJWT, knowing only the JWK, takes the token."""
    token = any_key.sign_jwt({"sub": "x"})
    jwk = jwt.PyJWK(any_key.public.jwk())
    assert jwt.decode(token, jwk, algorithms=[any_key.public.algorithm]) == {"sub": "x"}
    assert jwt.get_unverified_header(token) == {
        "alg": any_key.public.algorithm,
        "kid": any_key.public.kid,
    }


def test_headers_may_lie(rsa_key: SigningKey) -> None:
    """The proofs need tokens under another's key id, or without one."""
    token = rsa_key.sign_jwt({}, {"kid": "another", "typ": "JWT"})
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": "another", "typ": "JWT"}
    assert "kid" not in jwt.get_unverified_header(rsa_key.sign_jwt({}, {"kid": None}))


def test_text_shows_the_key_id_only(rsa_key: SigningKey) -> None:
    """Neither repr nor str nor pickle gives the private key away."""
    assert repr(rsa_key) == str(rsa_key) == f"SigningKey(kid={rsa_key.public.kid!r})"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(rsa_key)


def test_a_public_key_shows_no_bytes(rsa_key: SigningKey) -> None:
    """The text of a public key is short enough for a message."""
    assert "spki" not in repr(rsa_key.public)


@pytest.mark.parametrize("exponent", [3, 65537, 2**31 - 1], ids=str)
def test_exponents_are_written_without_leading_zeros(rsa_key: SigningKey, exponent: int) -> None:
    """The shortest big-endian form, as JWA wants it."""
    modulus = rsa_key.public.key().public_numbers().n  # type: ignore[union-attr]
    key = PublicKey.of(rsa.RSAPublicNumbers(exponent, modulus).public_key(), source="x")
    assert key.jwk()["e"] == {3: "Aw", 65537: "AQAB", 2**31 - 1: "f____w"}[exponent]


def test_an_exponent_that_go_refuses_is_refused(rsa_key: SigningKey) -> None:
    """Go's RSA takes exponents below 2³¹ only."""
    modulus = rsa_key.public.key().public_numbers().n  # type: ignore[union-attr]
    with pytest.raises(InputError, match="exponent that kube-apiserver refuses"):
        PublicKey.of(rsa.RSAPublicNumbers(2**31 + 1, modulus).public_key(), source="x")


def test_a_short_rsa_key_is_refused() -> None:
    """Below 2048 bits no token should be signed."""
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = weak.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    for load in (SigningKey.load, load_public_keys):
        with pytest.raises(InputError, match="RSA key of 1024 bits; tokens need 2048"):
            load(pem, "weak.key")


def test_a_curve_that_no_token_is_signed_with_is_refused() -> None:
    """STS knows three curves."""
    key = ec.generate_private_key(ec.SECP256K1()).public_key()
    with pytest.raises(InputError, match="curve secp256k1"):
        PublicKey.of(key, source="x")


def test_an_algorithm_of_another_family_is_refused(rsa_key: SigningKey) -> None:
    """An RSA key does not sign ES256."""
    with pytest.raises(InputError, match="names the algorithm 'ES256', not RS256"):
        PublicKey.of(rsa_key.public.key(), source="x", algorithm="ES256")


def test_coordinates_have_the_width_of_the_curve() -> None:
    """A coordinate that begins with zero bytes keeps them: 66 bytes on P-521."""
    small = ec.derive_private_key(2, ec.SECP521R1()).public_key()
    jwk = PublicKey.of(small, source="x").jwk()
    assert len(jwk["x"]) == len(jwk["y"]) == 88


def test_the_key_id_is_that_of_kubernetes(rsa_key: SigningKey) -> None:
    """SHA-256 of the DER, base64url without padding: 43 characters."""
    assert rsa_key.public.kid == key_id(rsa_key.public.spki)
    assert key_id(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"


def test_several_private_keys_in_one_file_are_refused(
    rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """kube-apiserver would silently sign with the first."""
    with pytest.raises(InputError, match="holds 2 private keys, not one"):
        SigningKey.load(rsa_key.private_pem() + ec_key.private_pem(), "sa.key")


def test_a_public_file_is_no_signing_key(rsa_key: SigningKey) -> None:
    """The two files are often confused."""
    with pytest.raises(InputError, match=r"sa\.pub holds 0 private keys"):
        SigningKey.load(rsa_key.public.pem(), "sa.pub")


def test_a_key_that_stands_twice_counts_once(rsa_key: SigningKey, ec_key: SigningKey) -> None:
    """The order is the file's."""
    data = ec_key.public.pem() + rsa_key.private_pem() + ec_key.private_pem()
    assert load_public_keys(data, "keys.pem") == (ec_key.public, rsa_key.public)
