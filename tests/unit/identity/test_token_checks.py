import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.identity import tokens
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import PublicKey, SigningKey
from irsa.identity.tokens import Fault, Token, TokenError

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ISSUER = IssuerUrl.parse("https://oidc.example")
AUDIENCE = "sts.amazonaws.com"


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None takes one out."""
    now = int(NOW.timestamp())
    good = {
        "iss": str(ISSUER),
        "sub": "system:serviceaccount:shop:web",
        "aud": [AUDIENCE],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def verify(token: str, *keys: PublicKey, now: datetime = NOW) -> Token:
    return tokens.verify(token, keys, issuer=ISSUER, audience=AUDIENCE, now=now)


def assert_refused(fault: Fault, call: Callable[[], object]) -> TokenError:
    with pytest.raises(TokenError) as caught:
        call()
    assert caught.value.fault is fault
    return caught.value


def part(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def test_a_good_token_verifies(any_key: SigningKey) -> None:
    """With every kind of key, and everything it says is there to read."""
    token = verify(any_key.sign_jwt(claims()), any_key.public)
    assert (token.issuer, token.subject) == (str(ISSUER), "system:serviceaccount:shop:web")
    assert token.audiences == (AUDIENCE,)
    assert token.kid == any_key.public.kid
    assert token.algorithm == any_key.public.algorithm
    assert token.issued_at == token.not_before == NOW
    assert token.expires == NOW + timedelta(hours=1)


def test_the_text_of_a_token_is_not_kept(ec_key: SigningKey) -> None:
    """Neither the token nor its claims appear in a log."""
    text = ec_key.sign_jwt(claims(secret="hush"))
    assert "hush" not in repr(verify(text, ec_key.public))
    assert text.rsplit(".", 1)[1] not in repr(verify(text, ec_key.public))


FAULTS: dict[str, tuple[dict[str, Any], Fault]] = {
    "issuer": ({"iss": "https://oidc.example/"}, Fault.issuer),
    "audience": ({"aud": ["https://kubernetes.default.svc"]}, Fault.audience),
    "audience-prefix": ({"aud": "sts.amazonaws.com.evil"}, Fault.audience),
    "expired-now": ({"exp": int(NOW.timestamp())}, Fault.expired),
    "expired": ({"exp": int(NOW.timestamp()) - 1}, Fault.expired),
    "not-yet": ({"nbf": int(NOW.timestamp()) + 1}, Fault.not_yet_valid),
    "no-iss": ({"iss": None}, Fault.missing_claim),
    "no-sub": ({"sub": None}, Fault.missing_claim),
    "no-aud": ({"aud": None}, Fault.missing_claim),
    "empty-aud": ({"aud": []}, Fault.missing_claim),
    "no-exp": ({"exp": None}, Fault.missing_claim),
    "no-iat": ({"iat": None}, Fault.missing_claim),
    "float-exp": ({"exp": NOW.timestamp() + 0.5}, Fault.malformed),
    "text-exp": ({"exp": "1"}, Fault.malformed),
    "true-iat": ({"iat": True}, Fault.malformed),
    "huge-exp": ({"exp": 10**30}, Fault.malformed),
    "number-sub": ({"sub": 7}, Fault.malformed),
    "number-aud": ({"aud": [7]}, Fault.malformed),
    "object-aud": ({"aud": {"a": 1}}, Fault.malformed),
}


@pytest.mark.parametrize(("changes", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_a_token_that_does_not_hold_is_refused(
    changes: dict[str, Any], fault: Fault, ec_key: SigningKey
) -> None:
    """However good its signature is, and the fault can be told from the others."""
    token = ec_key.sign_jwt(claims(**changes))
    assert_refused(fault, lambda: verify(token, ec_key.public))


def test_a_token_of_another_key_under_the_same_id_is_refused(
    ec_key: SigningKey, rsa_key: SigningKey
) -> None:
    """The id only says which key to try."""
    forged = rsa_key.sign_jwt(claims(), {"kid": ec_key.public.kid})
    assert_refused(Fault.signature, lambda: verify(forged, ec_key.public, rsa_key.public))


def test_a_token_of_an_unpublished_key_is_refused(ec_key: SigningKey, rsa_key: SigningKey) -> None:
    """No other key is tried."""
    token = ec_key.sign_jwt(claims())
    assert_refused(Fault.unknown_key, lambda: verify(token, rsa_key.public))
    assert_refused(Fault.unknown_key, lambda: verify(token))


def test_a_token_without_id_is_tried_with_keys_without_id(
    ec_key: SigningKey, rsa_key: SigningKey
) -> None:
    """As Kubernetes before 1.16 signed."""
    token = ec_key.sign_jwt(claims(), {"kid": None})
    nameless = [
        PublicKey(kid="", algorithm=key.public.algorithm, spki=key.public.spki)
        for key in (rsa_key, ec_key)
    ]
    assert verify(token, *nameless).kid is None


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "EdDSA", None], ids=str)
def test_other_algorithms_are_refused(algorithm: str | None, rsa_key: SigningKey) -> None:
    """STS takes RS and ES; a public key must never serve as an HMAC secret."""
    token = rsa_key.sign_jwt(claims(), {"alg": algorithm})
    assert_refused(Fault.algorithm, lambda: verify(token, rsa_key.public))


def test_a_token_that_names_another_good_algorithm_is_refused(rsa_key: SigningKey) -> None:
    """The published key says what it signs with."""
    token = rsa_key.sign_jwt(claims(), {"alg": "RS512"})
    assert_refused(Fault.signature, lambda: verify(token, rsa_key.public))


def test_a_token_changed_in_any_part_is_refused(ec_key: SigningKey) -> None:
    """The signature covers header and claims."""
    header, _, signature = ec_key.sign_jwt(claims()).split(".")
    changed = f"{header}.{part(claims(sub='system:serviceaccount:kube-system:root'))}.{signature}"
    assert_refused(Fault.signature, lambda: verify(changed, ec_key.public))
    unsigned = f"{header}.{part(claims())}."
    assert_refused(Fault.signature, lambda: verify(unsigned, ec_key.public))


def test_an_algorithm_that_a_jwks_states_counts(rsa_key: SigningKey) -> None:
    """A key published for RS512 verifies RS512, as PyJWT signs it."""
    public = PublicKey(kid="k", algorithm="RS512", spki=rsa_key.public.spki)
    token = jwt.encode(claims(), rsa_key._key, algorithm="RS512", headers={"kid": "k"})
    assert verify(token, public).algorithm == "RS512"


def test_a_text_issuer_is_compared_as_it_is(ec_key: SigningKey) -> None:
    """An issuer that is no public URL can be asked for too."""
    token = ec_key.sign_jwt(claims(iss="kubernetes/serviceaccount"))
    seen = tokens.verify(
        token,
        [ec_key.public],
        issuer="kubernetes/serviceaccount",
        audience=AUDIENCE,
        now=NOW,
    )
    assert seen.issuer == "kubernetes/serviceaccount"


KEY_TWICE = '{"iss":"a","iss":"b"}'
MALFORMED = {
    "empty": "",
    "short": "a.b",
    "long": "a" * 20_001,
    "two-parts": "aaaa.bbbb",
    "four-parts": f"{part({})}.{part({})}.x.y",
    "not-base64": "!!!!.!!!!.!!!!",
    "standard-base64": f"{part({})}.a+/=.x",
    "not-json": f"{part('x')}.{part('x')}.x",
    "list": f"{part([])}.{part({})}.x",
    "number": f"{part({})}.{part(1)}.x",
    "key-twice": f"{part({})}.{part(KEY_TWICE)}.x",
    "nested": f"{part({})}.{part('[' * 9000)}.x",
    "kid-number": f"{part({'kid': 1})}.{part({})}.x",
    "umlaut": f"{part({})}.{part({})}.ä",
    "surrogate": f"{part({})}.\udc80.x",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_jwt_is_refused(text: str, ec_key: SigningKey) -> None:
    """Looking into a stranger's text never fails otherwise."""
    with pytest.raises(TokenError):
        verify(text, ec_key.public)


@given(text=st.text(max_size=60) | st.from_regex(r"[\w-]{1,30}\.[\w-]{1,30}\.[\w-]{0,9}"))
def test_no_message_quotes_a_token(text: str) -> None:
    """Whatever was given as a token, it is not repeated."""
    try:
        tokens.inspect(text)
    except TokenError as error:
        message = error.message
    else:
        message = ""
    assert not any(piece in message for piece in text.split(".") if len(piece) > 12)


def test_looking_believes_nothing() -> None:
    """A forged, expired, incomplete token can still be looked into."""
    seen = tokens.inspect(f"{part({'alg': 'none'})}.{part({'exp': 1})}.")
    assert seen.expires == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert (seen.kid, seen.issuer, seen.subject, seen.audiences) == (None, None, None, ())
