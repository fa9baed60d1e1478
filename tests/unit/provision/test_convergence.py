"""
The kill table: dead at any call, before or after it took effect, and run again.

Every call of a whole run is recorded, and each in turn is the last one of a process. What comes
out is compared with a run that nobody disturbed; a new call is covered without a change here.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from tests.fakes.aws import FakeAws
from tests.fakes.killing import KilledError, Killer
from tests.fakes.late import make_late
from tests.fakes.stage import S3_READ, Stage, make_stage

ALLOWED = "arn:aws:iam::aws:policy/PowerUserAccess"
SQS = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"


def _inline(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _issuer(*audiences: str) -> dict[str, Any]:
    return {"publish": "s3", "bucket": "prod-eu-irsa", "audiences": list(audiences)}


BEFORE = {
    "issuer": _issuer("sts.amazonaws.com", "first.example"),
    "roles": [
        {
            "serviceAccounts": ["shop/web"],
            "policies": [S3_READ],
            "inlinePolicy": _inline("sqs:SendMessage"),
            "permissionsBoundary": ALLOWED,
            "tags": {"team": "shop"},
        },
        {"serviceAccounts": ["shop/worker"], "path": "/team/", "policies": [S3_READ]},
        {
            "serviceAccounts": ["shop/old"],
            "policies": [S3_READ],
            "inlinePolicy": _inline("sqs:*"),
        },
        {"serviceAccounts": ["shop/guest"], "name": "theirs", "management": "trust-only"},
    ],
}
# Policies, boundary, tags and audiences differ, one role moves, one is renamed with its account,
# somebody else's lets in one more account.
AFTER = {
    "issuer": _issuer("sts.amazonaws.com", "second.example"),
    "injection": {"engine": "webhook", "webhook": {"replicas": 3}},
    "roles": [
        {
            "serviceAccounts": ["shop/web", "shop/web-2"],
            "policies": [SQS],
            "inlinePolicy": _inline("sqs:ReceiveMessage"),
            "maxSessionDuration": 7200,
            "tags": {"team": "web", "cost": "7"},
        },
        {"serviceAccounts": ["shop/worker"], "path": "/moved/", "permissionsBoundary": ALLOWED},
        {"serviceAccounts": ["shop/old"], "name": "prod-eu-renamed", "policies": [SQS]},
        {
            "serviceAccounts": ["shop/guest", "shop/guest-2"],
            "name": "theirs",
            "management": "trust-only",
        },
    ],
}
FEWER = {"injection": {"engine": "none"}, "roles": BEFORE["roles"][:1]}
THEIRS = {
    "RoleName": "theirs",
    "Path": "/",
    "Arn": "arn:aws:iam::111122223333:role/theirs",
    "AssumeRolePolicyDocument": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "ec2.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    },
    "Tags": [{"Key": "team", "Value": "theirs"}],
    "attached": [S3_READ],
    "inline": {},
}


CLUSTER = {"name": "prod-eu", "uid": "6f0c0d3e-27b5-4b6c-9d2f-0f3b8d1f4c11"}


def _wish(stage: Stage, sections: dict[str, Any]) -> None:
    """Somebody changes the configuration."""
    stage.wish = make_stage(cluster=CLUSTER, **sections).wish


def _new() -> Stage:
    """Nothing is there yet; it is always the same cluster, so that ends can be compared."""
    stage = make_stage(cluster=CLUSTER, **BEFORE)
    stage.kube._objects["", "Namespace", "", "kube-system"]["metadata"]["uid"] = CLUSTER["uid"]
    stage.aws.roles["theirs"] = copy.deepcopy(THEIRS)
    return stage


def _applied() -> Stage:
    stage = _new()
    stage.apply()
    return stage


def _changed() -> Stage:
    stage = _applied()
    _wish(stage, AFTER)
    return stage


def _drifted() -> Stage:
    """Somebody changed, by hand, all that can be changed by hand."""
    stage = _applied()
    (bucket,), (provider,) = stage.aws.buckets.values(), stage.aws.providers.values()
    bucket.ownership, bucket.encryption, bucket.versioning = "ObjectWriter", "aws:kms", "Suspended"
    bucket.policy, bucket.access_block, bucket.tags = None, None, [_old_name(), *bucket.tags[1:]]
    bucket.versions.clear()
    provider["Tags"] = [_old_name(), *provider["Tags"][1:]]
    provider["ClientIDList"] = ["third.example"]
    for role in stage.aws.roles.values():
        if role["RoleName"] == "theirs":
            role["AssumeRolePolicyDocument"] = THEIRS["AssumeRolePolicyDocument"]
            continue
        role |= {"attached": [SQS], "inline": {"irsa": {}, "other": {}}, "MaxSessionDuration": 9000}
        role |= {"AssumeRolePolicyDocument": {}, "Tags": [_old_name(), *role["Tags"][1:]]}
        role.pop("PermissionsBoundary", None)
    for key in [key for key in stage.kube._objects if key[1] != "Namespace"]:
        stage.kube._forget(key)
    return stage


def _old_name() -> dict[str, str]:
    return {"Key": "irsa:cluster", "Value": "an-older-name"}


def _fewer() -> Stage:
    stage = _applied()
    _wish(stage, FEWER)
    return stage


def _with_leftovers() -> Stage:
    stage = _changed()
    stage.apply()
    _wish(stage, FEWER)
    return stage


def _elsewhere() -> Stage:
    """The issuer is read from another bucket now."""
    stage = _applied()
    _wish(stage, BEFORE | {"issuer": {"publish": "s3", "bucket": "prod-eu-moved"}})
    return stage


def _with_two_issuers() -> Stage:
    stage = _elsewhere()
    stage.apply()
    return stage


def _apply(stage: Stage) -> None:
    stage.apply()


def _prune(stage: Stage) -> None:
    stage.apply(prune=True)


def _destroy(stage: Stage) -> None:
    stage.destroy()


def _take_down(stage: Stage) -> None:
    stage.destroy(delete_bucket=False)


def _to_apply(stage: Stage) -> Any:
    return stage.plan().changes


def _to_prune(stage: Stage) -> Any:
    return stage.plan(prune=True).changes


def _to_destroy(stage: Stage) -> Any:
    return stage.plan_removal().changes


def _to_take_down(stage: Stage) -> Any:
    return stage.plan_removal(delete_bucket=False).changes


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How the world is, what is done to it, and what the plan afterwards says."""

    prepare: Callable[[], Stage]
    act: Callable[[Stage], None]
    left: Callable[[Stage], Any] = _to_apply


SCENARIOS = {
    "apply": Scenario(prepare=_new, act=_apply),
    "update": Scenario(prepare=_changed, act=_apply),
    "repair": Scenario(prepare=_drifted, act=_apply),
    "prune": Scenario(prepare=_fewer, act=_prune, left=_to_prune),
    "update-and-prune": Scenario(prepare=_changed, act=_prune, left=_to_prune),
    "prune-an-issuer": Scenario(prepare=_elsewhere, act=_prune, left=_to_prune),
    "destroy": Scenario(prepare=_applied, act=_destroy, left=_to_destroy),
    "destroy-left-over": Scenario(prepare=_with_leftovers, act=_destroy, left=_to_destroy),
    "destroy-two-issuers": Scenario(prepare=_with_two_issuers, act=_take_down, left=_to_take_down),
    "destroy-but-the-bucket": Scenario(prepare=_applied, act=_take_down, left=_to_take_down),
}


def _observe(stage: Stage, killer: Killer | None) -> None:
    stage.aws.observer = stage.kube._observer = killer


@cache
def _undisturbed(name: str, *, late: bool = False) -> tuple[tuple[str, ...], Any]:
    """The calls of a run, and the world after it."""
    stage, killer = _prepared(name, late=late), Killer()
    _observe(stage, killer)
    SCENARIOS[name].act(stage)
    return tuple(killer.calls), _world(stage)


def _killed(name: str, *, at: int, after_it: bool, late: bool = False) -> Stage:
    stage = _prepared(name, late=late)
    _observe(stage, Killer(at=at, after_it=after_it))
    with pytest.raises(KilledError):
        SCENARIOS[name].act(stage)
    _observe(stage, None)
    return stage


def _prepared(name: str, *, late: bool) -> Stage:
    stage = SCENARIOS[name].prepare()
    if late:
        make_late(stage)
    return stage


def _world(stage: Stage) -> Any:
    """Everything there is, but for what is new with every object."""
    aws = stage.aws
    buckets = {
        name: vars(one) | {"versions": {each["Key"]: each["Body"] for each in one.versions}}
        for name, one in aws.buckets.items()
    }
    roles = {name: one | {"attached": sorted(one["attached"])} for name, one in aws.roles.items()}
    objects = {
        key: {name: part for name, part in one.items() if name != "metadata"} | _metadata(one)
        for key, one in stage.kube._objects.items()
    }
    return buckets, roles, aws.providers, objects


def _metadata(thing: Any) -> dict[str, Any]:
    names = ("labels", "annotations", "ownerReferences")
    return {name: thing["metadata"].get(name) or None for name in names}


@pytest.mark.parametrize("late", [False, True], ids=["at-once", "late"])
@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_it_converges(name, after_it, late):
    """
    Whatever call it dies at, the next run comes to the same end, and leaves nothing to do.

    Also where IAM shows only seconds later what the killed run did, and nobody waits to run again.
    """
    calls, end = _undisturbed(name, late=late)
    assert end == _undisturbed(name)[1]
    for at, call in enumerate(calls):
        stage = _killed(name, at=at, after_it=after_it, late=late)
        SCENARIOS[name].act(stage)
        assert _world(stage) == end, f"killed at {call}"
        assert SCENARIOS[name].left(stage) == (), f"killed at {call}"


@pytest.mark.parametrize("name", ["apply", "update", "repair", "prune"])
def test_nothing_is_orphaned(name):
    """A destroy finds all that a killed run made, whatever call it died at."""
    untouched = _world(_new())
    for at, call in enumerate(_undisturbed(name)[0]):
        left = _world(_destroyed(_killed(name, at=at, after_it=True)))
        assert left[:-1] == untouched[:-1], f"killed at {call}"
        if name != "repair":  # there, somebody else took objects away
            assert left == untouched, f"killed at {call}"


def _destroyed(stage: Stage) -> Stage:
    stage.destroy()
    return stage


def test_every_call_is_in_the_table():
    """All that the AWS in memory can change, some run changes; so a new call cannot be missed."""
    recorded = {call for name in SCENARIOS for call in _undisturbed(name)[0]}
    handled = {
        f"{service}:{operation}"
        for service, _, operation in (
            name.removeprefix("_").partition("_") for name in vars(FakeAws) if name.count("_") == 2
        )
        if service in ("iam", "s3", "s3control")
        and not operation.startswith(("Get", "List", "Head"))
    }
    assert handled
    assert handled <= recorded, handled - recorded
    assert {call.split()[0] for call in recorded - handled} == {"PATCH", "DELETE"}
