"""What follows from a configuration."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.config import Role, ServiceAccountName, parse
from irsa.config.roles import derived_role_name


def name(namespace: str, name: str) -> ServiceAccountName:
    """A ServiceAccount's name."""
    return ServiceAccountName(namespace=namespace, name=name)


def test_a_role_is_named_after_cluster_and_service_account() -> None:
    """The first ServiceAccount gives the name."""
    role = Role(service_accounts=(name("shop", "web"), name("shop", "worker")))
    assert role.role_name("prod-eu") == "prod-eu-shop-web"


def test_a_given_name_is_kept() -> None:
    """Whatever the ServiceAccounts are."""
    role = Role(service_accounts=(name("shop", "web"),), name="mine")
    assert role.role_name("prod-eu") == "mine"


def test_a_long_name_ends_in_a_stable_hash() -> None:
    """The same on every machine and in every release, since it finds the role again."""
    made = derived_role_name("prod-eu", name("shop", "w" * 80))
    assert made == f"prod-eu-shop-{'w' * 42}-0ca0d848"
    assert len(made) == 64


@given(st.text("ab-.", min_size=1, max_size=63), st.text("ab-", min_size=1, max_size=63))
def test_names_fit_iam_and_differ_by_what_was_cut(cluster: str, namespace: str) -> None:
    """At most 64 characters, and another for another ServiceAccount."""
    first, second = (
        derived_role_name(cluster, name(namespace, f"{'n' * 60}{end}")) for end in ("1", "2")
    )
    assert first != second
    assert max(len(first), len(second)) <= 64


@pytest.mark.parametrize(
    ("bucket", "url"),
    [
        ("plain", "https://plain.s3.eu-west-1.amazonaws.com/a/b"),
        ("with.dots", "https://s3.eu-west-1.amazonaws.com/with.dots/a/b"),
    ],
)
def test_the_issuer_follows_from_bucket_region_and_prefix(
    minimal: str, bucket: str, url: str
) -> None:
    """Virtual-hosted, or path-style for a name that S3's certificate does not cover."""
    text = minimal.replace("prod-eu-irsa-7f3a", f"{bucket}\n  prefix: a/b")
    assert str(parse(text, source="irsa.yaml").issuer_url) == url
