import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.identity import canonical, discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import KeyKind, PublicKey, SigningKey

ISSUER = IssuerUrl.parse("https://oidc.example/a")
POOL = [SigningKey.generate(KeyKind.ec_p256).public for _ in range(5)]
KEYS = st.lists(st.sampled_from(POOL), max_size=8)


@given(keys=KEYS.filter(bool))
def test_building_and_parsing_a_jwks_is_a_fixed_point(keys: list[PublicKey]) -> None:
    """The same keys, in any order and however often named, give the same bytes."""
    document = jwks.build(keys)
    assert jwks.build(reversed(keys)) == document
    assert jwks.build(jwks.parse(document, "x")) == document
    assert set(jwks.parse(document, "x")) == set(keys)


@given(published=KEYS, wanted=KEYS)
def test_merging_never_drops_a_key(published: list[PublicKey], wanted: list[PublicKey]) -> None:
    """Everything published stays, everything wanted comes, and again changes nothing."""
    merged = jwks.merge(published, wanted)
    assert set(merged) == {*published, *wanted}
    assert jwks.merge(merged, wanted) == merged


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_canonical_json_is_read_as_it_was_written(value: object) -> None:
    """Written and read, a value is the same; written again, the bytes are."""
    data = canonical.dump(value)
    assert canonical.load(data) == value
    assert canonical.dump(canonical.load(data)) == data


@pytest.mark.parametrize(
    "text", ['{"a":1,"a":2}', "NaN", "[Infinity]", "{", "[" * 100_000, "", "\xff"], ids=range(7)
)
def test_loose_json_is_refused(text: str) -> None:
    """Keys twice, numbers that are none, endless nesting: a ValueError each time."""
    with pytest.raises(ValueError, match=r"."):
        canonical.load(text)


def test_a_jwks_is_as_kube_apiserver_writes_it(any_key: SigningKey) -> None:
    """An entry has the members of Kubernetes' own, and no other."""
    (entry,) = json.loads(jwks.build([any_key.public]))["keys"]
    material = {"n", "e"} if entry["kty"] == "RSA" else {"crv", "x", "y"}
    assert entry.keys() == {"use", "kty", "kid", "alg"} | material
    assert entry["use"] == "sig"


def test_a_jwks_without_keys_is_refused() -> None:
    """Publishing it would shut every pod out."""
    with pytest.raises(InputError, match="without a key"):
        jwks.build([])


def test_more_keys_than_sts_reads_are_refused() -> None:
    """100 of a family at most."""
    keys = [
        PublicKey(kid=str(number), algorithm="ES256", spki=POOL[0].spki) for number in range(101)
    ]
    assert jwks.build(keys[:100])
    with pytest.raises(InputError, match="101 keys of one family"):
        jwks.build(keys)


def test_one_id_for_two_keys_is_refused() -> None:
    """A verifier would take either."""
    liar = PublicKey(kid=POOL[0].kid, algorithm="ES256", spki=POOL[1].spki)
    with pytest.raises(InputError, match="stands for two different keys"):
        jwks.merge([POOL[0]], [liar])


def test_keys_without_id_are_kept_apart() -> None:
    """Documents of 2019 publish keys with an empty id; merging keeps them all."""
    plain = [PublicKey(kid="", algorithm="ES256", spki=key.spki) for key in POOL]
    assert set(jwks.merge(plain[:3], plain[2:])) == set(plain)
    assert set(jwks.parse(jwks.build(plain), "x")) == set(plain)


def test_a_stated_id_and_algorithm_are_kept(rsa_key: SigningKey) -> None:
    """An external signer names keys as it likes, and may sign RS512."""
    entry = rsa_key.public.jwk() | {"kid": "my-key", "alg": "RS512", "x5c": ["extra"]}
    (key,) = jwks.parse(json.dumps({"keys": [entry]}).encode(), "x")
    assert (key.kid, key.algorithm, key.spki) == ("my-key", "RS512", rsa_key.public.spki)


def test_a_key_that_stands_twice_in_a_jwks_counts_once(rsa_key: SigningKey) -> None:
    """kube-apiserver repeats a key that stands in several of its files."""
    document = json.dumps({"keys": [rsa_key.public.jwk()] * 2}).encode()
    assert jwks.parse(document, "x") == (rsa_key.public,)


def _changed(**members: Any) -> Callable[[dict[str, str]], Any]:
    return lambda entry: {"keys": [{**entry, **members}]}


BAD_RSA: dict[str, tuple[Callable[[dict[str, str]], Any], str]] = {
    "not-an-object": (lambda _: [], "no list of keys"),
    "no-keys": (lambda _: {}, "no list of keys"),
    "keys-no-list": (lambda entry: {"keys": entry}, "no list of keys"),
    "entry-no-object": (lambda _: {"keys": ["x"]}, "key 1 is not an entry"),
    "kid-no-text": (_changed(kid=1), "key 1 is not an entry"),
    "private": (_changed(d="AQAB"), "key 1 holds a private key"),
    "encryption": (_changed(use="enc"), "its use is 'enc'"),
    "symmetric": (lambda _: {"keys": [{"kty": "oct", "kid": "a"}]}, "of the kind 'oct'"),
    "okp": (_changed(kty="OKP", crv="Ed25519"), "of the kind 'OKP Ed25519'"),
    "other-curve": (_changed(kty="EC", crv="secp256k1"), "of the kind 'EC secp256k1'"),
    "off-the-curve": (_changed(kty="EC", crv="P-256", x="A" * 43, y="A" * 43), "not a valid key"),
    "short-x": (_changed(kty="EC", crv="P-256", x="AA", y="AA"), "'x' has 1 bytes, not 32"),
    "no-modulus": (_changed(n=None), "it has no 'n'"),
    "bad-base64": (_changed(e="!!"), "'e' is not base64url"),
    "even-exponent": (_changed(e="Ag"), "not a valid key"),
    "pss": (_changed(alg="PS256"), "the algorithm 'PS256', not RS256"),
}


@pytest.mark.parametrize(("change", "why"), BAD_RSA.values(), ids=BAD_RSA.keys())
def test_an_entry_that_sts_would_not_use_is_refused(
    change: Callable[[dict[str, str]], Any], why: str, rsa_key: SigningKey
) -> None:
    """Not skipped: a published key that is dropped on the way breaks its tokens."""
    with pytest.raises(InputError, match=why) as caught:
        jwks.parse(json.dumps(change(rsa_key.public.jwk())).encode(), "keys.json")
    assert caught.value.message.startswith("keys.json")


@pytest.mark.parametrize("parse", [jwks.parse, discovery.parse], ids=["jwks", "discovery"])
@pytest.mark.parametrize("data", [b"", b"<html>", b"\xff\xfe", b'{"a":1,"a":1}'], ids=range(4))
def test_a_document_that_is_no_json_is_refused(
    parse: Callable[[bytes, str], object], data: bytes
) -> None:
    """As of a host that answers with a page."""
    with pytest.raises(InputError, match=r"^https://a is not JSON"):
        parse(data, "https://a")


def test_the_discovery_document_says_what_sts_insists_on(
    rsa_key: SigningKey, ec_key: SigningKey
) -> None:
    """Issuer and keys byte for byte, and the algorithms that are really used."""
    data = discovery.build(ISSUER, [rsa_key.public, ec_key.public])
    assert json.loads(data) == {
        "issuer": "https://oidc.example/a",
        "jwks_uri": "https://oidc.example/a/keys.json",
        "authorization_endpoint": "urn:kubernetes:programmatic_authorization",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "RS256"],
        "claims_supported": ["sub", "iss"],
    }


def test_the_discovery_document_is_canonical(rsa_key: SigningKey, ec_key: SigningKey) -> None:
    """The order of the keys does not matter, and reading gives back what was said."""
    data = discovery.build(ISSUER, [rsa_key.public, ec_key.public])
    assert discovery.build(ISSUER, [ec_key.public, rsa_key.public, ec_key.public]) == data
    assert discovery.parse(data, "x") == discovery.Discovery(
        issuer=str(ISSUER), jwks_uri=ISSUER.jwks_url, algorithms=("ES256", "RS256")
    )


def test_a_discovery_document_without_keys_is_refused() -> None:
    """There would be no algorithm to name."""
    with pytest.raises(InputError, match="no key to verify with"):
        discovery.build(ISSUER, [])


@pytest.mark.parametrize(
    "name",
    [
        "issuer",
        "jwks_uri",
        "response_types_supported",
        "subject_types_supported",
        "id_token_signing_alg_values_supported",
    ],
)
@pytest.mark.parametrize("value", [None, 1, []], ids=["missing", "number", "empty"])
def test_a_discovery_document_that_sts_would_not_take_is_refused(
    name: str, value: object, rsa_key: SigningKey
) -> None:
    """The refusal names the member."""
    document = json.loads(discovery.build(ISSUER, [rsa_key.public]))
    document[name] = value
    if value is None:
        del document[name]
    with pytest.raises(InputError, match=f"lacks '{name}'"):
        discovery.parse(json.dumps(document).encode(), "x")


def test_a_list_is_no_discovery_document() -> None:
    """It is an object or nothing."""
    with pytest.raises(InputError, match="no JSON object"):
        discovery.parse(b"[]", "x")
