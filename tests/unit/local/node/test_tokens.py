"""Tokens are renewed in time."""

from datetime import UTC, datetime

import pytest

from irsa.errors import KubeError
from irsa.kube.client import IssuedToken
from irsa.local.node.tokens import Tokens
from irsa.local.node.volumes import Wanted

HOUR = Wanted(audience="a", seconds=3600)


class Issuer:
    """Issues numbered tokens, or fails."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.issued = 0
        self.down = False

    def issue(self, wanted: Wanted) -> IssuedToken:
        if self.down:
            raise KubeError("down")
        self.issued += 1
        expires = datetime.fromtimestamp(self.now + wanted.seconds, UTC)
        return IssuedToken(token=f"t{self.issued}", expires=expires)

    def tokens(self) -> Tokens:
        return Tokens(self.issue, lambda: self.now)


def test_young_token_is_kept() -> None:
    """A token is used until 80 % of its life are over, less a little for spreading."""
    issuer = Issuer()
    tokens = issuer.tokens()
    assert tokens.get(HOUR) == "t1"
    issuer.now += 0.79 * 3600
    assert tokens.get(HOUR) == "t1"
    issuer.now += 0.01 * 3600
    assert tokens.get(HOUR) == "t2"


def test_long_lived_token_is_renewed_daily() -> None:
    """However long it lives, a token is not used for more than a day."""
    issuer = Issuer()
    tokens = issuer.tokens()
    tokens.get(Wanted(audience="a", seconds=10 * 86400))
    renewal = tokens.next_renewal()
    assert renewal is not None
    assert renewal <= issuer.now + 86400


def test_old_token_outlives_an_outage() -> None:
    """While no new one comes the old one is used, but not beyond its life."""
    issuer = Issuer()
    tokens = issuer.tokens()
    tokens.get(HOUR)
    issuer.down = True
    issuer.now += 3500
    assert tokens.get(HOUR) == "t1"
    issuer.now += 200
    with pytest.raises(KubeError):
        tokens.get(HOUR)


def test_each_audience_has_its_own() -> None:
    """Tokens for different audiences are different tokens."""
    tokens = Issuer().tokens()
    assert tokens.get(HOUR) != tokens.get(Wanted(audience="b", seconds=3600))


def test_nothing_to_renew() -> None:
    """Without tokens there is no renewal."""
    assert Issuer().tokens().next_renewal() is None
