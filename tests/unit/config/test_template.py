"""A configuration written for people reads as what it was."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.config.test_roundtrip import configs

from irsa.config import Aws, Cluster, Config, Injection, Issuer, parse
from irsa.config.template import WIDTH, render

UID = "6f0c2a0e-58b1-4c83-9a57-0d6f1f9f2b11"


def _config(**sections):
    given_sections = {
        "cluster": Cluster(name="prod-eu", uid=UID, context="prod-eu-admin"),
        "aws": Aws(account="012345670123", region="eu-west-1"),
        "issuer": Issuer(publish="s3", bucket="prod-eu-irsa-7f3a"),
    } | sections
    return Config(**given_sections)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
@given(configs, st.lists(st.text(max_size=20), max_size=3))
def test_what_is_written_reads_as_the_same(config, remarks):
    """Whatever the values are, and whatever the comment says."""
    assert parse(render(config, remarks=remarks), source="irsa.yaml") == config


def test_what_matters_is_written_out():
    """Also where it is the default."""
    lines = [line.partition(" #")[0].strip() for line in render(_config()).splitlines()]
    assert {
        "keysFrom: cluster",
        "audiences: [sts.amazonaws.com]",
        "engine: webhook",
        'allowedAccounts: ["012345670123"]',
        "replicas: 2",
        "hostNetwork: false",
        "port: 9443",
        "failurePolicy: Ignore",
    } <= set(lines)


def test_a_webhook_that_is_not_there_is_not_written():
    """Its settings would mislead."""
    assert "webhook" not in render(_config(injection=Injection(engine="none")))


def test_without_roles_an_example_waits():
    """Commented out, in the right partition; without its marks it is good."""
    text = render(_config(), partition="aws-cn")
    assert "arn:aws-cn:iam::aws:policy/" in text
    region = text.replace("eu-west-1", "cn-north-1")
    wanted = parse(region.replace("\n# ", "\n").replace("\n#   ", "\n  "), source="irsa.yaml")
    assert [str(name) for name in wanted.roles[0].service_accounts] == ["shop/web"]


@pytest.mark.parametrize(
    "text",
    ["no", "012", "1e3", "a: b", "a #b", "é\u2028", "a\x85b", "\U0001f600", "*a", "'", '"\\'],
    ids=ascii,
)
def test_text_stays_text(text):
    """For this parser, and for every other reader of YAML."""
    from ruamel.yaml import YAML

    config = _config(cluster=Cluster(name="prod", uid=UID, context=text.strip()))
    written = render(config)
    assert parse(written, source="irsa.yaml") == config
    assert YAML(typ="safe", pure=True).load(written)["cluster"]["context"] == text.strip()


def test_a_remark_cannot_become_a_key():
    """Foreign text in it stays on its line."""
    text = render(_config(), remarks=["found\naws: {}\x85x"])
    assert text.splitlines()[0] == "# found aws: {} x"


def test_a_long_list_stands_on_lines_of_its_own():
    """Instead of one that nobody can read."""
    many = tuple(f"https://audience-{number}.example.com" for number in range(9))
    issuer = Issuer(publish="s3", bucket="prod-eu-irsa-7f3a", audiences=many)
    text = render(_config(issuer=issuer))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert parse(text, source="irsa.yaml").issuer.audiences == many
