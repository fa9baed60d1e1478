"""Every partition of AWS: ARNs, host names and issuers are its own; the audience is the same."""

import json
import re

import pytest
from tests.fakes.stage import make_stage

from irsa.arns import PARTITIONS, partition_of
from irsa.provision import desired
from irsa.provision import plan as planning
from irsa.provision.recording import Nothing

REGIONS = (
    "eu-west-1",
    "cn-north-1",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-iso-east-1",
    "us-isob-east-1",
    "eu-isoe-west-1",
    "us-isof-south-1",
)


def _whole_plan(region, **issuer):
    """What would be made in a new account of the region's partition, as it would be sent."""
    name = partition_of(region).name
    stage = make_stage(
        aws={"account": "111122223333", "region": region},
        issuer={"publish": "s3", "bucket": "prod-eu-irsa"} | issuer,
        roles=[
            {
                "serviceAccounts": ["shop/web", "shop/worker"],
                "policies": [f"arn:{name}:iam::aws:policy/ReadOnlyAccess"],
                "permissionsBoundary": f"arn:{name}:iam::111122223333:policy/bound",
            }
        ],
    )
    return json.dumps(_plan(stage).to_json(), default=str)


def _plan(stage):
    """A plan for the stage's cluster, and an account in which there is nothing."""
    reader = Nothing()
    reader.kube = stage.kube.get
    observed = [(one, one.read(reader)) for one in desired.desired(stage.wish)]
    return planning.build(observed, checks=desired.checks(stage.wish))


def test_every_partition_is_tried():
    """None is forgotten when AWS gets another."""
    assert {partition_of(region).name for region in REGIONS} == {one.name for one in PARTITIONS}


@pytest.mark.parametrize("region", REGIONS)
def test_every_arn_is_of_the_partition(region):
    """In calls, policies, trust policies and annotations alike."""
    found = set(re.findall(r"arn:([a-z0-9-]+):", _whole_plan(region)))
    assert found == {partition_of(region).name}


@pytest.mark.parametrize("region", REGIONS)
def test_the_issuer_has_the_host_of_the_partition(region):
    """The bucket's regional host, in the URL, the provider's ARN and the condition keys."""
    plan = _whole_plan(region)
    host = f"prod-eu-irsa.s3.{region}.{partition_of(region).dns_suffix}"
    assert f'"issuer": "https://{host}"' in plan
    assert f":oidc-provider/{host}" in plan
    assert f"{host}:sub" in plan
    assert set(re.findall(r"prod-eu-irsa\.s3\.[a-z0-9.-]+", plan)) == {host}


@pytest.mark.parametrize("region", REGIONS)
def test_the_audience_is_the_same_everywhere(region):
    """Also where STS has another host name: it is a name, not a host."""
    plan = _whole_plan(region)
    assert set(re.findall(r"sts\.amazonaws\.[a-z.]+", plan)) == {"sts.amazonaws.com"}


@pytest.mark.parametrize("region", REGIONS)
def test_a_bucket_with_dots_is_reached_by_path(region):
    """S3's certificate covers no dots in front of its host name."""
    plan = _whole_plan(region, bucket="id.example.com")
    host = f"s3.{region}.{partition_of(region).dns_suffix}"
    assert f'"issuer": "https://{host}/id.example.com"' in plan


@pytest.mark.parametrize("region", REGIONS)
def test_a_role_of_somebody_else_trusts_the_provider_of_the_partition(region):
    """The statement for its owner is right there too."""
    role = {"serviceAccounts": ["shop/web"], "name": "theirs", "management": "external"}
    aws = {"account": "111122223333", "region": region}
    stage = make_stage(aws=aws, roles=[role])
    (note,) = [note for note in _plan(stage).notes if note.startswith("role theirs")]
    assert f"arn:{partition_of(region).name}:iam::111122223333:oidc-provider/" in note
