"""AWS's host names, and what only looks like them."""

import pytest

from irsa.local.aws.hosts import target_of


@pytest.mark.parametrize(
    ("host", "service", "region", "partition"),
    [
        ("sts.amazonaws.com", "sts", "us-east-1", "aws"),
        ("sts.us-gov-west-1.amazonaws.com", "sts", "us-gov-west-1", "aws-us-gov"),
        ("sts.cn-north-1.amazonaws.com.cn", "sts", "cn-north-1", "aws-cn"),
        ("iam.amazonaws.com", "iam", "us-east-1", "aws"),
        ("iam.us-gov.amazonaws.com", "iam", "us-gov-west-1", "aws-us-gov"),
        ("iam.eusc-de-east-1.amazonaws.eu", "iam", "eusc-de-east-1", "aws-eusc"),
        ("s3.eu-west-1.amazonaws.com", "s3", "eu-west-1", "aws"),
        ("s3-us-west-2.amazonaws.com", "s3", "us-west-2", "aws"),
        ("s3-fips.us-gov-east-1.amazonaws.com", "s3", "us-gov-east-1", "aws-us-gov"),
        ("sts.us-iso-east-1.c2s.ic.gov", "sts", "us-iso-east-1", "aws-iso"),
        ("sts.eu-west-1.api.aws", "sts", "eu-west-1", "aws"),
        ("oidc.eu-west-1.amazonaws.com", "sso-oidc", "eu-west-1", "aws"),
        ("portal.sso.us-gov-west-1.amazonaws.com", "sso", "us-gov-west-1", "aws-us-gov"),
        ("device.sso.cn-north-1.amazonaws.com.cn", "sso-device", "cn-north-1", "aws-cn"),
    ],
)
def test_a_host_stands_for_a_service(host, service, region, partition):
    """With its region and partition."""
    target = target_of(host)
    assert target is not None
    assert (target.service, target.region, target.partition) == (service, region, partition)


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.eu-west-1.amazonaws.com", "b"),
        ("b.s3.dualstack.eu-west-1.amazonaws.com", "b"),
        ("a.b.s3.eu-west-1.amazonaws.com", "a.b"),
        ("b.s3.amazonaws.com", "b"),
        ("s3.s3.eu-west-1.amazonaws.com", "s3"),
    ],
)
def test_a_host_may_carry_a_bucket(host, bucket):
    """Everything before the endpoint."""
    target = target_of(host)
    assert target is not None
    assert (target.service, target.bucket) == ("s3", bucket)


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "amazonaws.com", "ec2.eu-west-1.amazonaws.com", "s3.mars-1.amazonaws.com",
        "s3.cn-north-1.amazonaws.com", "sts.eu-west-1.amazonaws.com.cn", "xs3.amazonaws.com",
        "s3.eu-west-1.amazonaws.com.evil.org", "", ".", "s3.eu-west-1.amazonaws.eu",
    ],
)  # fmt: skip
def test_other_hosts_stand_for_nothing(host):
    """Also a region under another partition's suffix."""
    assert target_of(host) is None
