"""Writing a Config as YAML and reading it back are inverse."""

from io import StringIO
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from irsa.config import (
    Aws,
    Cluster,
    Config,
    Injection,
    Issuer,
    Role,
    ServiceAccountName,
    Webhook,
    parse,
)

ACCOUNT = "012345670123"
_words = st.sampled_from(["no", "1_000", "0o17", "null", "~", "1e3", "2012-10-17", "true", "a b"])
_tag_text = _words.filter(lambda word: word != "~") | st.text(
    alphabet=st.characters(categories=["L", "N"], include_characters=" _.:/=+-@"), max_size=20
)
_tag_keys = _tag_text.filter(
    lambda key: bool(key) and not key.lower().startswith(("aws:", "irsa:"))
)
_uids = st.uuids().map(str)
_labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
# ruamel writes next-line and the two separators in a way that YAML folds into spaces.
_any_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x85\u2028\u2029"), max_size=10
)
_filled = _words | _any_text.filter(lambda text: text == text.strip() != "")
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _words | _any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_any_text, inner, max_size=3),
    max_leaves=8,
)
_policies = st.fixed_dictionaries(
    {
        "Version": st.just("2012-10-17"),
        "Statement": st.lists(st.dictionaries(_filled, _json, max_size=3), min_size=1, max_size=2),
    }
)


@st.composite
def _roles(draw: st.DrawFn) -> tuple[Role, ...]:
    names = draw(st.lists(st.tuples(_labels, _labels), max_size=4, unique=True))
    return tuple(
        Role(
            service_accounts=(ServiceAccountName(namespace=namespace, name=name),),
            name=f"role-{at}",
            policies=draw(st.sampled_from([(), ("arn:aws:iam::aws:policy/ReadOnlyAccess",)])),
            inline_policy=draw(st.none() | _policies),
            path=draw(st.sampled_from(["/", "/a/", "/a/b/"])),
            max_session_duration=draw(st.integers(3600, 43200)),
            tags=draw(st.dictionaries(_tag_keys, _tag_text, max_size=3).filter(_differ)),
            allow_wildcard=draw(st.booleans()),
        )
        for at, (namespace, name) in enumerate(names)
    )


def _differ(tags: dict[str, str]) -> bool:
    return len({key.lower() for key in tags}) == len(tags)


_webhooks = st.builds(
    Webhook,
    replicas=st.integers(1, 20),
    host_network=st.booleans(),
    port=st.integers(1024, 65535),
    failure_policy=st.sampled_from(["Ignore", "Fail"]),
)
_injections = st.builds(
    Injection,
    engine=st.sampled_from(["webhook", "none"]),
    allowed_accounts=st.sampled_from([(), (ACCOUNT, "444455556666")]),
    namespace=_labels,
    annotation_prefix=_labels,
    webhook=_webhooks,
)
_issuers = st.builds(
    Issuer,
    publish=st.just("s3"),
    bucket=st.sampled_from(["prod-eu-irsa", "a.b.c", "123456789"]),
    prefix=st.sampled_from(["", "a", "a/b~c/d.e"]),
    keys_from=st.just("cluster") | st.lists(_filled, min_size=1, max_size=2).map(tuple),
    named_keys=st.sampled_from([(), ("kid-1", "0123")]),
)
configs = st.builds(
    Config,
    cluster=st.builds(
        Cluster, name=_labels, uid=_uids, context=st.none() | _filled.filter(lambda t: t != "~")
    ),
    aws=st.builds(Aws, account=st.just(ACCOUNT), region=st.just("eu-west-1")),
    issuer=_issuers,
    injection=_injections,
    roles=_roles(),
)


def rendered(config: Config) -> str:
    """A Config as YAML."""
    data: dict[str, Any] = msgspec.to_builtins(config)
    for role in data["roles"]:
        role["serviceAccounts"] = [
            f"{name['namespace']}/{name['name']}" for name in role["serviceAccounts"]
        ]
    stream = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(data, stream)
    return stream.getvalue()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(config=configs)
def test_a_rendered_configuration_reads_back_equal(config: Config) -> None:
    """Whatever Config is written as YAML is read back as the same Config."""
    assert parse(rendered(config), source="irsa.yaml") == config
