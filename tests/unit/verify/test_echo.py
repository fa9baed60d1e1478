"""The Job of `irsa verify`, as a value."""

from dataclasses import replace

import pytest

from irsa.verify.echo import Echo, Egress

ECHO = Echo(run="1a2b", namespace="shop", service_account="web", bucket="target")


@pytest.fixture(name="pod")
def _pod():
    return ECHO.job()["spec"]["template"]["spec"]


def test_the_pod_fits_a_restricted_namespace(pod):
    """The restricted Pod Security Standard takes it."""
    container = pod["containers"][0]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_pod_brings_no_credentials_of_its_own(pod):
    """Whatever it gets must come from the injection."""
    names = {variable["name"] for variable in pod["containers"][0]["env"]}
    assert not names & {"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ACCESS_KEY_ID"}
    assert pod["automountServiceAccountToken"] is False


def test_a_private_authority_comes_through_a_config_map():
    """The pod trusts what `--ca-bundle` names, and finds it where its variable says."""
    echo = replace(ECHO, egress=Egress(proxy="http://proxy:3128", ca_pem="PEM"))
    spec = echo.job()["spec"]["template"]["spec"]
    variables = {one["name"]: one["value"] for one in spec["containers"][0]["env"]}
    mount = next(one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "ca")
    assert echo.config_map()["data"] == {"ca.pem": "PEM"}
    assert variables["AWS_CA_BUNDLE"] == f"{mount['mountPath']}/ca.pem"
    assert variables["HTTPS_PROXY"] == "http://proxy:3128"


def test_without_an_authority_there_is_no_config_map():
    """Nothing is made that is not needed."""
    assert ECHO.config_map() is None


def test_everything_carries_the_run():
    """A later run finds what an interrupted one left."""
    job = ECHO.job()
    assert job["metadata"]["labels"] == {"irsa/verify": "1a2b"}
    assert job["spec"]["template"]["metadata"]["labels"] == {"irsa/verify": "1a2b"}
