"""Names to suggest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.config import rules, suggestions
from irsa.identity.issuer import IssuerUrl

_suffixes = st.from_regex(suggestions.SUFFIX, fullmatch=True)


@given(st.text(max_size=80), _suffixes)
def test_a_suggested_bucket_is_a_good_one(name, suffix):
    """Whatever the cluster is called; and its URL is virtual-hosted."""
    bucket = suggestions.bucket(name, suffix)
    assert rules.bucket(bucket) is None
    assert IssuerUrl.for_bucket(bucket, region="ap-southeast-1").host.startswith(f"{bucket}.")
    assert bucket.endswith(f"irsa-{suffix}")


def test_the_cluster_can_be_seen_in_its_bucket():
    """The name, then the tool, then what makes it unique."""
    assert suggestions.bucket("Prod_EU.west", "7f3a91") == "prod-eu-west-irsa-7f3a91"


@pytest.mark.parametrize("name", ["sthree-a", "amzn-s3-demo-a", "-_-"])
def test_what_s3_keeps_for_itself_is_left_out(name):
    """The name says nothing then, and the suffix has to do."""
    assert suggestions.bucket(name, "7f3a91") == "irsa-7f3a91"


@given(st.lists(st.none() | st.text(max_size=90), max_size=3))
def test_a_suggested_name_is_a_good_one(candidates):
    """Or there is none."""
    name = suggestions.cluster_name(candidates)
    assert name is None or rules.cluster_name(name) is None


@pytest.mark.parametrize(
    ("candidates", "name"),
    [
        (("prod-eu", "other"), "prod-eu"),
        (("arn:aws:eks:eu-west-1:111122223333:cluster/prod-eu",), "prod-eu"),
        (("kubernetes", "kubernetes-admin@kubernetes"), None),
        (("kubernetes", "admin@prod-eu"), "prod-eu"),
        ((None, "default", "kind-trial"), "kind-trial"),
        (("my cluster!",), "my-cluster"),
        (("--", ""), None),
        ((), None),
    ],
)
def test_the_first_name_that_says_something_is_suggested(candidates, name):
    """What nobody ever named has none."""
    assert suggestions.cluster_name(candidates) == name
