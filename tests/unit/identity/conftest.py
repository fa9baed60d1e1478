"""One key of each kind, made once: RSA keys take their time."""

import functools
from collections.abc import Callable

import pytest

from irsa.identity.keys import KeyKind, SigningKey


@functools.cache
def _key(kind: KeyKind) -> SigningKey:
    return SigningKey.generate(kind)


@pytest.fixture(scope="session")
def key_of() -> Callable[[KeyKind], SigningKey]:
    return _key


@pytest.fixture(scope="session")
def rsa_key() -> SigningKey:
    return _key(KeyKind.rsa_2048)


@pytest.fixture(scope="session")
def ec_key() -> SigningKey:
    return _key(KeyKind.ec_p256)


@pytest.fixture(params=list(KeyKind), ids=str)
def any_key(request: pytest.FixtureRequest) -> SigningKey:
    return _key(request.param)
