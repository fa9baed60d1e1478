"""The OIDC provider."""

import pytest
from tests.fakes.aws import RefusalError
from tests.fakes.stage import make_stage


def _provider(stage):
    (provider,) = stage.aws.providers.values()
    return provider


def test_it_has_no_thumbprint(stage):
    """AWS verifies S3's certificate by its own authorities."""
    stage.apply()
    (create,) = [one for one in stage.aws.calls if one.operation == "CreateOpenIDConnectProvider"]
    assert set(create.params) == {"Url", "ClientIDList", "Tags"}


@pytest.mark.parametrize(
    ("audiences", "operation"),
    [
        (["sts.amazonaws.com", "other"], "AddClientIDToOpenIDConnectProvider"),
        (["sts.amazonaws.com"], None),
    ],
    ids=["one more", "the same"],
)
def test_audiences_follow_the_configuration(stage, audiences, operation):
    """One call for each that differs."""
    stage.apply()
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    issuer = {"publish": "s3", "bucket": "prod-eu-irsa", "audiences": audiences}
    stage.wish = make_stage(cluster=cluster, issuer=issuer).wish
    calls = [step.operation for change in stage.plan().changes for step in change.steps]
    assert calls == ([operation] if operation else [])
    stage.apply()
    assert _provider(stage)["ClientIDList"] == audiences


def test_audiences_of_nobody_are_removed(stage):
    """The provider is ours: it accepts what the configuration says."""
    stage.apply()
    _provider(stage)["ClientIDList"].append("old")
    stage.apply()
    assert _provider(stage)["ClientIDList"] == ["sts.amazonaws.com"]


def test_a_new_name_of_the_cluster_is_tagged(stage):
    """The uid says whose it is, the name is for people."""
    stage.apply()
    _provider(stage)["Tags"][0]["Value"] = "old-name"
    stage.apply()
    assert {"Key": "irsa:cluster", "Value": "prod-eu"} in _provider(stage)["Tags"]


def test_an_issuer_that_iam_cannot_reach_yet_is_waited_for(stage):
    """What was published a moment ago may not be seen everywhere."""
    stage.aws.failures["iam:CreateOpenIDConnectProvider"] = [
        RefusalError("OpenIdIdpCommunicationError")
    ] * 2
    stage.apply()
    assert len(stage.aws.providers) == 1
