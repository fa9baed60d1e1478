"""Text into a Config, or everything that is wrong with it."""

import contextlib
import os
import re
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from irsa.config import Config, ServiceAccountName, parse
from irsa.errors import ConfigError

GOLDEN = Path(__file__).parents[2] / "golden" / "config"
_unhurried = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
FULL = (GOLDEN / "full.yaml").read_text()


def test_every_key_arrives() -> None:
    """A file that uses every key is read as written."""
    config = parse(FULL, source="full.yaml")
    assert config.aws.profile == "platform"
    assert config.issuer.keys_from == ("keys/sa.pub", "keys/sa-next.pub")
    assert config.injection.webhook.failure_policy == "Fail"
    assert config.roles[0].service_accounts[1] == ServiceAccountName(
        namespace="shop", name="worker"
    )
    assert config.roles[1].inline_policy == config.roles[0].inline_policy


def test_text_stays_as_it_was_written() -> None:
    """Zeros, YAML's old words for booleans and dates survive where text is meant."""
    config = parse(FULL, source="full.yaml")
    policy = config.roles[0].inline_policy or {}
    assert config.aws.account == "012345670123"
    assert config.roles[0].tags == {"team": "shop", "cost-centre": "0042", "on-call": "no"}
    assert policy["Version"] == "2012-10-17"
    assert policy["Statement"][0]["Condition"] == {
        "Bool": {"aws:SecureTransport": True},
        "NumericLessThan": {"s3:max-keys": 10},
        "StringEquals": {"aws:PrincipalAccount": "012345670123"},
    }


def test_what_is_left_out_has_its_default(minimal: str) -> None:
    """The smallest file is complete: the account itself is the one allowed."""
    config = parse(minimal, source="irsa.yaml")
    assert config.injection.allowed_accounts == ("111122223333",)
    assert config.injection.webhook.replicas == 2
    assert config.roles[0].path == "/"
    assert str(config.issuer_url) == "https://prod-eu-irsa-7f3a.s3.eu-west-1.amazonaws.com"


def test_everything_wrong_is_said_at_once() -> None:
    """One error lists every problem with line, path and value, in the order of the file."""
    with pytest.raises(ConfigError) as caught:
        parse((GOLDEN / "wrong.yaml").read_text(), source="irsa.yaml")
    expected = GOLDEN / "wrong.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        expected.write_text(f"{caught.value.message}\n")
    assert f"{caught.value.message}\n" == expected.read_text()


def test_one_problem_is_one_line(minimal: str) -> None:
    """A single problem is a single line, and the hint says where the keys are explained."""
    with pytest.raises(ConfigError) as caught:
        parse(minimal.replace("eu-west-1", "eu-west"), source="a.yaml")
    assert caught.value.message == (
        'a.yaml:8: aws.region: "eu-west" is not the name of an AWS region, such as eu-west-1'
    )
    assert "irsa schema" in (caught.value.hint or "")


def test_an_empty_optional_key_is_as_if_left_out(minimal: str) -> None:
    """`tags:` with nothing behind it is not an error."""
    config = parse(minimal + "  tags:\n  path: ~\n", source="irsa.yaml")
    assert (config.roles[0].tags, config.roles[0].path) == ({}, "/")


@_unhurried
@given(st.text())
def test_any_text_is_a_configuration_or_a_configuration_error(text: str) -> None:
    """No text makes another exception."""
    with pytest.raises(ConfigError):
        parse(text, source="irsa.yaml")


@_unhurried
@given(st.data())
def test_damaged_text_is_a_configuration_or_a_configuration_error(data: st.DataObject) -> None:
    """Neither does a good file with something spliced in."""
    at = data.draw(st.integers(0, len(FULL)))
    until = data.draw(st.integers(at, min(len(FULL), at + 40)))
    inserted = data.draw(
        st.text(alphabet=st.sampled_from("&*!|>%@`\"'{}[],:-?#~<=\\\t\n x0\x85\ufeff"))
    )
    damaged = FULL[:at] + inserted + FULL[until:]
    with contextlib.suppress(ConfigError):
        assert isinstance(parse(damaged, source="irsa.yaml"), Config)


_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@_unhurried
@given(st.dictionaries(st.sampled_from(["apiVersion", "cluster", "aws", "issuer", "roles"]), _json))
def test_any_data_is_refused_with_places(value: dict[str, object]) -> None:
    """Well-formed YAML of the wrong shape is refused with the line of each problem."""
    with pytest.raises(ConfigError) as caught:
        parse(_dumped(value), source="irsa.yaml")
    assert re.search(r"irsa\.yaml:\d+:", caught.value.message)


def _dumped(value: object) -> str:
    stream = StringIO()
    YAML(typ="safe", pure=True).dump(value, stream)
    return stream.getvalue()
