"""An account of another partition: its own host names, ARNs and managed policies."""

from urllib.parse import urlsplit

import pytest
from tests.aws.local_account import ACCOUNT, ADMIN, Clock, LocalAws, make_bucket, refused

from irsa.local.aws.server import Server


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_an_account_lives_in_its_own_partition(tmp_path, name, region, partition):
    """STS, IAM and S3 answer under its names and with its ARNs; commercial hosts know no key."""
    server = Server.start(tmp_path, account=ACCOUNT, region=region, keys=ADMIN, clock=Clock())
    local = LocalAws(server=server, clock=Clock())
    try:
        identity = local.client("sts", region=region).get_caller_identity()
        assert identity["Arn"].startswith(f"arn:{partition}:iam::{ACCOUNT}:user/")
        s3 = local.client("s3", region=region)
        make_bucket(s3, name, region)
        s3.put_object(Bucket=name, Key="k", Body=b"1")
        assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == region
        iam = local.client("iam", region=region)
        assert urlsplit(iam.meta.endpoint_url).hostname
        policies = iam.list_policies(Scope="AWS")["Policies"]
        assert policies[0]["Arn"].startswith(f"arn:{partition}:iam::aws:policy/")
        control = local.client("s3control", region=region)
        with refused("NoSuchPublicAccessBlockConfiguration"):
            control.get_public_access_block(AccountId=ACCOUNT)
        with refused("InvalidClientTokenId"):
            local.client("sts", region="eu-west-1").get_caller_identity()
    finally:
        local.close()
        server.stop()
