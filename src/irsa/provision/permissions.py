"""
The least that somebody must be allowed: calls in, one IAM policy out.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
Never here: asking AWS.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.arns import RoleArn, bucket_arn, provider_arn
from irsa.aws.call import Call

# A managed policy may have so many characters, white space aside.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_SIZE = 6144

# What is read once a first answer says that there is such a thing. It is allowed from the start,
# so that an apply that was interrupted can go on, and the plan after it can be made.
_FURTHER = {
    "s3:HeadBucket": (
        "GetBucketTagging",
        "GetPublicAccessBlock",
        "GetBucketOwnershipControls",
        "GetBucketEncryption",
        "GetBucketVersioning",
        "GetBucketPolicy",
        "ListObjectVersions",
    ),
    "iam:GetRole": ("ListAttachedRolePolicies", "ListRolePolicies", "GetRolePolicy"),
}

# What undoes what: for whoever will remove what these calls make.
_UNDOING = {
    "iam:CreateRole": "DeleteRole",
    "iam:AttachRolePolicy": "DetachRolePolicy",
    "iam:PutRolePolicy": "DeleteRolePolicy",
    "iam:CreateOpenIDConnectProvider": "DeleteOpenIDConnectProvider",
    "s3:PutObject": "DeleteObject",
    "s3:PutBucketPolicy": "DeleteBucketPolicy",
    "s3:CreateBucket": "DeleteBucket",
}

# What a parameter needs as a permission of its own.
_WITH = {
    ("iam:CreateRole", "Tags"): "iam:TagRole",
    ("iam:CreateOpenIDConnectProvider", "Tags"): "iam:TagOpenIDConnectProvider",
    ("s3:CreateBucket", "Tags"): "s3:TagResource",
    ("s3:CreateBucket", "ObjectOwnership"): "s3:PutBucketOwnershipControls",
}
_NEEDS_NONE = frozenset({"sts:GetCallerIdentity"})
_EVERYWHERE = frozenset(
    {
        "iam:GetAccountSummary",
        "iam:ListOpenIDConnectProviders",
        "iam:ListRoles",
        "s3:GetAccountPublicAccessBlock",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where the calls go, as far as they do not say it themselves.

    Args:
        partition: The partition.
        account: The account.
        paths: The paths that roles have or will have, by the role's name.
    """

    partition: str
    account: str
    paths: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grant:
    """One action on one resource; `limit` is a condition: its key, and the value it must have."""

    action: str
    resource: str
    limit: tuple[str, str] | None = None


def further(reads: Iterable[Call], own: frozenset[str]) -> list[Call]:
    """
    What will be read besides, once there is what these calls ask for.

    Args:
        reads: The calls.
        own: The names of the buckets and roles that are irsa's: of others' nothing else is read.
    """
    return [
        Call(service=call.service, operation=operation, params=call.params)
        for call in reads
        if own & {call.params.get("Bucket"), call.params.get("RoleName")}
        for operation in _FURTHER.get(call.name, ())
    ]


def undoing(calls: Iterable[Call], *, delete_bucket: bool) -> list[Call]:
    """The calls that will remove what these calls make; a bucket that is kept loses its policy."""
    spared = "DeleteBucketPolicy" if delete_bucket else "DeleteBucket"
    return [
        Call(service=call.service, operation=operation, params=_undone(call))
        for call in calls
        if (operation := _UNDOING.get(call.name)) and operation != spared
    ]


def policy(calls: Iterable[Call], place: Place) -> dict[str, Any]:
    """The least policy that lets its holder make these calls; equal actions share a statement."""
    grants = {grant for call in calls for grant in _grants(call, place)}
    return {"Version": "2012-10-17", "Statement": _statements(grants)}


def _undone(call: Call) -> Mapping[str, Any]:
    # Versions are what is deleted: a delete marker would leave the object behind.
    return {**call.params, "VersionId": "*"} if call.name == "s3:PutObject" else call.params


def _grants(call: Call, place: Place) -> list[_Grant]:
    return [
        _Grant(action=action, resource=resource, limit=_limit(call, action))
        for action in _actions(call)
        for resource in _resources(call, action, place)
    ]


def _actions(call: Call) -> list[str]:
    if call.name in _NEEDS_NONE:
        return []
    given = {**call.params, **call.params.get("CreateBucketConfiguration", {})}
    extra = [action for (name, key), action in _WITH.items() if name == call.name and key in given]
    return [call.permission, *extra]


def _limit(call: Call, action: str) -> tuple[str, str] | None:
    """What narrows an action further: which policy is attached, within which boundary."""
    if action in {"iam:AttachRolePolicy", "iam:DetachRolePolicy"}:
        return ("iam:PolicyARN", call.params["PolicyArn"])
    boundary = call.params.get("PermissionsBoundary")
    if boundary and action in {"iam:CreateRole", "iam:PutRolePermissionsBoundary"}:
        return ("iam:PermissionsBoundary", boundary)
    return None


def _resources(call: Call, action: str, place: Place) -> list[str]:
    params = call.params
    if action in _EVERYWHERE:
        return ["*"]
    if action == "iam:GetOpenIDConnectProvider":
        # Whether one is left over from an earlier issuer of the cluster, only its tags tell.
        return [provider_arn(place.partition, place.account, "*")]
    if "Bucket" in params:
        return [bucket_arn(place.partition, params["Bucket"], params.get("Key"))]
    if "RoleName" in params:
        return _role_arns(params["RoleName"], _paths(call, place), place)
    if "OpenIDConnectProviderArn" in params:
        return [params["OpenIDConnectProviderArn"]]
    if "Url" in params:
        issuer = str(params["Url"]).removeprefix("https://")
        return [provider_arn(place.partition, place.account, issuer)]
    return ["*"]


def _paths(call: Call, place: Place) -> frozenset[str]:
    if "Path" in call.params:
        return frozenset({call.params["Path"]})
    known = place.paths.get(call.params["RoleName"], frozenset({"/"}))
    # As long as there is no such role, AWS knows no path of it.
    return known | {"/"} if call.operation == "GetRole" else known


def _role_arns(name: str, paths: Iterable[str], place: Place) -> list[str]:
    return [
        str(RoleArn(partition=place.partition, account=place.account, path=path, name=name))
        for path in sorted(paths)
    ]


def _statements(grants: Iterable[_Grant]) -> list[dict[str, Any]]:
    """The grants put together: values of a condition first, then resources, then actions."""
    values = _grouped(
        ((one.action, one.resource, one.limit and one.limit[0]), one.limit and one.limit[1])
        for one in grants
    )
    resources = _grouped(
        ((action, key, allowed), resource) for (action, resource, key), allowed in values.items()
    )
    actions = _grouped(
        ((on, key, allowed), action) for (action, key, allowed), on in resources.items()
    )
    ordered = sorted(actions.items(), key=lambda one: (one[1], one[0][0]))
    return [_statement(found, on, key and (key, allowed)) for (on, key, allowed), found in ordered]


def _statement(
    actions: tuple[str, ...], on: tuple[str, ...], limit: tuple[str, tuple[str, ...]] | None
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": list(on)}
    if limit:
        statement["Condition"] = {"ArnEquals": {limit[0]: list(limit[1])}}
    return statement


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, tuple[Any, ...]]:
    """Everything that has the same key, in order and once."""
    groups: dict[Any, set[Any]] = {}
    for key, value in pairs:
        groups.setdefault(key, set()).add(value)
    return {key: tuple(sorted(found, key=str)) for key, found in groups.items()}
