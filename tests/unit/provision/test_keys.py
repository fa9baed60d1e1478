"""Which keys are published."""

import pytest
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY

from irsa.errors import RefusedError
from irsa.provision.keys import choose, require_signing

SIGNING, OLD = SIGNING_KEY.public, OLD_KEY.public


def test_only_keys_that_sign_are_published():
    """An old private key must not make AWS identities."""
    choice = choose([OLD, SIGNING], {SIGNING.kid}, ())
    assert choice.published == (SIGNING,)
    assert choice.left_out == (OLD.kid,)


def test_named_keys_are_published_too():
    """Because somebody decided so."""
    choice = choose([OLD, SIGNING], {SIGNING.kid}, (OLD.kid,))
    assert set(choice.published) == {SIGNING, OLD}
    assert choice.notes == ()


def test_every_key_that_signs_is_needed():
    """API servers may sign with different keys."""
    choice = choose([OLD, SIGNING], {SIGNING.kid, OLD.kid}, ())
    assert set(choice.published) == {SIGNING, OLD}


@pytest.mark.parametrize(
    ("signing", "named"),
    [({"unknown"}, ()), ({SIGNING.kid}, ("unknown",))],
    ids=["signing", "named"],
)
def test_a_key_that_is_not_served_is_refused(signing, named):
    """It could not be published."""
    with pytest.raises(RefusedError, match="key unknown is not among those"):
        choose([OLD, SIGNING], signing, named)


def test_files_must_hold_the_key_that_signs():
    """Otherwise AWS would refuse every token."""
    require_signing([SIGNING, OLD], {SIGNING.kid}, source="sa.pub")
    with pytest.raises(RefusedError, match=r"which is not in sa\.pub"):
        require_signing([OLD], {SIGNING.kid}, source="sa.pub")
