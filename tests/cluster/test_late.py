"""Apply and destroy where IAM is seconds late: they end when it shows what they did."""

import pytest
from tests.cluster.sites import POLICY, late, site

pytestmark = pytest.mark.cluster

SHOWS = "IAM shows what was written"


@pytest.fixture(name="made")
def _made(rig, tmp_path):
    with site(rig, tmp_path, "late") as made, late(rig, "iam=4s", "jwks=60s"):
        yield made


def test_a_plan_right_afterwards_is_empty(made):
    """After an apply, an update and a prune: none ends before its changes are seen."""
    first = {"serviceAccounts": ["shop/late"], "policies": [POLICY]}
    for roles in ([first, {"serviceAccounts": ["shop/later"]}], [first | {"policies": []}]):
        made.write(roles=roles)
        ended = made.irsa("apply", "--yes", "--prune")
        assert f"✓ {SHOWS}" in ended.stderr
        assert "waiting: IAM does not show it yet: " in ended.stderr
        assert made.irsa("plan", "--prune").stdout.strip() == "nothing to change"


def test_a_destroy_right_afterwards_finds_nothing(made):
    """The provider and the roles are gone for whoever looks."""
    made.apply()
    assert f"✓ {SHOWS}" in made.destroy().stderr
    assert made.destroy().stdout.strip() == "nothing of this cluster is left"


def test_without_delays_nobody_waits(made):
    """One more look, and no word of waiting."""
    with late(made.rig, "iam=0s"):
        ended = made.apply()
    assert f"✓ {SHOWS}" in ended.stderr
    assert "waiting" not in ended.stderr
