"""Plans in files."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from irsa.aws.call import Call
from irsa.errors import InputError, RefusedError
from irsa.provision.resource import Action, Change, Plan
from irsa.provision.saved import Terms, build, digest, parse, require_current, require_terms

TERMS = Terms(
    version="1.0",
    cluster="prod-eu",
    uid="6f0c",
    account="111122223333",
    partition="aws",
    region="eu-west-1",
    config="sha256:aa",
    only=("roles",),
    prune=True,
)
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def _plan(*names):
    return Plan(
        changes=tuple(
            Change(
                kind="role",
                name=name,
                action=Action.create,
                steps=(Call(service="iam", operation="CreateRole", params={"RoleName": name}),),
            )
            for name in names
        )
    )


def _without_steps(plan):
    return replace(plan, changes=tuple(replace(one, steps=()) for one in plan.changes))


def _saved(*names):
    return parse(build(TERMS, _plan(*names), now=NOW), "plan.json")


def test_what_was_written_is_read():
    """Terms, digest and plan; in JSON that people can read."""
    found = _saved("web")
    assert found.terms == TERMS
    assert found.digest == digest(TERMS, _plan("web"))
    assert b'"format": "irsa/plan/v1"' in build(TERMS, _plan("web"), now=NOW)


def test_the_digest_is_that_of_what_is_sent_and_where():
    """Not of the time; another call or another account is another plan."""
    assert digest(TERMS, _plan("web")) == digest(TERMS, replace(_plan("web"), notes=("hello",)))
    assert digest(TERMS, _plan("web")) != digest(TERMS, _plan("api"))
    assert digest(TERMS, _plan("web")) != digest(replace(TERMS, uid="other"), _plan("web"))


@pytest.mark.parametrize("part", ["terms", "plan"])
def test_a_changed_file_is_refused(part):
    """By its digest."""
    document = json.loads(build(TERMS, _plan("web"), now=NOW))
    if part == "terms":
        document["terms"]["aws"]["account"] = "999999999999"
    else:
        document["plan"]["changes"][0]["steps"][0]["params"]["RoleName"] = "evil"
    with pytest.raises(InputError, match="was changed since it was written"):
        parse(json.dumps(document).encode(), "plan.json")


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"null", b"{}", b'{"format": "irsa/plan/v1"}', b"\xff\xfe"],
    ids=["empty", "cut", "list", "null", "nothing", "format", "binary"],
)
def test_anything_else_is_no_plan(data):
    """And said to be none."""
    with pytest.raises(InputError, match="is not a plan of irsa"):
        parse(data, "plan.json")


def test_another_format_is_named():
    """A plan of a later irsa."""
    with pytest.raises(InputError, match="irsa/plan/v9"):
        parse(b'{"format": "irsa/plan/v9"}', "plan.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uid": "0000"}, "for cluster 6f0c, this is 0000"),
        ({"account": "999999999999"}, "for AWS account 111122223333"),
        ({"partition": "aws-cn"}, "for partition aws"),
        ({"region": "eu-west-2"}, "for region eu-west-1"),
        ({"version": "2.0"}, "by irsa 1.0, this is 2.0"),
        ({"config": "sha256:bb"}, "from a configuration with the digest sha256:aa"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_other_terms_are_refused(change, words):
    """Another cluster, account, partition, region, irsa or configuration."""
    require_terms(TERMS, TERMS)
    with pytest.raises(RefusedError, match=words):
        require_terms(TERMS, replace(TERMS, **change))


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (_plan("web"), "create role api is no longer to be done"),
        (_plan("web", "api", "job"), "create role job would be done as well"),
        (_plan("api", "web"), "the order is another one"),
        (
            Plan(changes=(*_plan("web").changes, replace(_plan("api").changes[0], steps=()))),
            "as it",
        ),
    ],
    ids=["less", "more", "order", "otherwise"],
)
def test_a_world_that_moved_on_is_refused(now, words):
    """The first difference is told."""
    saved = _saved("web", "api")
    require_current(saved, _plan("web", "api"))
    with pytest.raises(RefusedError, match=words):
        require_current(saved, now)
