"""The region in AWS's own configuration."""

import pytest

from irsa.aws.client import configured_region
from irsa.errors import AwsError


@pytest.fixture(name="configuration", autouse=True)
def _configuration(tmp_path, monkeypatch):
    file = tmp_path / "config"
    file.write_text("[profile ops]\nregion = eu-central-1\n[profile bare]\noutput = json\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_a_profile_has_its_region():
    """As the AWS CLI reads it."""
    assert configured_region("ops") == "eu-central-1"


def test_a_variable_goes_before_the_profile(monkeypatch):
    """As for the AWS CLI."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert configured_region("ops") == "eu-north-1"


@pytest.mark.parametrize("profile", [None, "bare"])
def test_none_is_none(profile):
    """Nothing is guessed."""
    assert configured_region(profile) is None


def test_an_unknown_profile_is_an_aws_error():
    """Named."""
    with pytest.raises(AwsError, match="absent"):
        configured_region("absent")
