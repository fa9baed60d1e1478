"""An issuer in S3, and its bucket, region and prefix."""

import pytest

from irsa.identity.issuer import IssuerUrl, place_of


@pytest.mark.parametrize("prefix", ["", "a/b~c"], ids=["root", "prefix"])
@pytest.mark.parametrize("bucket", ["prod-eu", "prod.eu"], ids=["virtual-hosted", "path-style"])
@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_the_place_of_a_bucket_is_found_again(bucket, region, prefix):
    """In every form and partition."""
    issuer = IssuerUrl.for_bucket(bucket, region=region, prefix=prefix)
    place = place_of(issuer)
    assert (place.bucket, place.region, place.prefix) == (bucket, region, prefix)


@pytest.mark.parametrize(
    "url",
    [
        "https://oidc.eks.eu-west-1.amazonaws.com/id/A",
        "https://b.s3.eu-west-1.example.com",
        "https://bucket.s3.nowhere.amazonaws.com",
        "https://bucket.s3.cn-north-1.amazonaws.com",
        "https://bucket.s3-eu-west-1.amazonaws.com",
        "https://s3.eu-west-1.amazonaws.com/a",
    ],
    ids=["eks", "suffix", "region", "partition", "dash", "short"],
)
def test_other_issuers_have_none(url):
    """Also those that only resemble one."""
    assert place_of(IssuerUrl.parse(url)) is None
