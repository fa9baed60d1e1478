"""
Managed policies: the account's own, and AWS's as moto's data has them.

Never here: inline policies.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from moto.iam.models import ManagedPolicy, PolicyVersion

from irsa.local.aws import documents
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.iam import problems, quotas, tags
from irsa.local.aws.query import page, tag_list
from irsa.local.aws.world import World


def create_permissions(call: Call) -> list[Permission]:
    """CreatePolicy, and TagPolicy if it comes with tags."""
    arn = _arn(call)
    extra = [("iam:TagPolicy", arn)] if call.params.get("Tags") else []
    return [("iam:CreatePolicy", arn), *extra]


def on_policy(action: str) -> Callable[[Call], list[Permission]]:
    """An action on the policy that the call names."""

    def permissions(call: Call) -> list[Permission]:
        return [(action, call.params["PolicyArn"])]

    return permissions


def _arn(call: Call) -> str:
    path = call.params.get("Path") or "/"
    name = call.params["PolicyName"]
    return f"arn:{call.world.partition}:iam::{call.world.account}:policy{path}{name}"


def checked(text: str) -> str:
    """
    An identity policy that IAM takes.

    Raises:
        ApiError: MalformedPolicyDocument.
    """
    try:
        documents.check_identity(text)
    except documents.MalformedDocumentError as error:
        raise problems.malformed(error) from error
    return text


def existing(world: World, arn: str) -> ManagedPolicy:
    """
    A managed policy by its ARN.

    Raises:
        ApiError: NoSuchEntity.
    """
    policy = world.iam.managed_policies.get(arn)
    if policy is None:
        raise problems.no_such(f"Policy {arn}")
    return policy


def document(world: World, arn: str) -> documents.Document:
    """
    What a managed policy says: its default version.

    Raises:
        ApiError: NoSuchEntity.
    """
    version = next(one for one in existing(world, arn).versions if one.is_default)
    return documents.parse(version.document)


def create(call: Call) -> Answer:
    """CreatePolicy."""
    text = checked(call.params["PolicyDocument"])
    if documents.size(text) > quotas.MANAGED_POLICY:
        raise problems.limit(f"PolicySize: {quotas.MANAGED_POLICY}")
    labels = tags.merged({}, call.params.get("Tags") or [])
    arn = _arn(call)
    if any(known.lower() == arn.lower() for known in call.world.iam.managed_policies):
        raise problems.exists(f"A policy called {call.params['PolicyName']}")
    policy = ManagedPolicy(  # type: ignore[abstract]  # abstract for CloudFormation only
        call.params["PolicyName"],
        account_id=call.world.account,
        region=call.world.partition,
        description=call.params.get("Description", ""),
        document=text,
        path=call.params.get("Path") or "/",
        tags={key.lower(): {"Key": key, "Value": value} for key, value in labels.items()},
    )
    call.world.iam.managed_policies[arn] = policy
    return {"Policy": _described(call.world, policy)}


def _described(world: World, policy: ManagedPolicy) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": len(attached_to(world, policy.arn)),
        "PermissionsBoundaryUsageCount": len(bounded_by(world, policy.arn)),
        "IsAttachable": True,
        "CreateDate": policy.create_date,
        "UpdateDate": policy.update_date,
    }


def attached_to(world: World, arn: str) -> list[Any]:
    """The roles and users that a policy is attached to."""
    holders: list[Any] = [*world.iam.roles.values(), *world.iam.users.values()]
    return [one for one in holders if arn in one.managed_policies]


def bounded_by(world: World, arn: str) -> list[Any]:
    """The roles that a policy is the boundary of."""
    return [r for r in world.iam.roles.values() if r.permissions_boundary_arn == arn]


def get(call: Call) -> Answer:
    """GetPolicy."""
    policy = existing(call.world, call.params["PolicyArn"])
    described = _described(call.world, policy)
    described["Description"] = policy.description or None
    described["Tags"] = tag_list(tags.pairs(policy.get_tags()))
    return {"Policy": described}


def get_version(call: Call) -> Answer:
    """GetPolicyVersion."""
    policy = existing(call.world, call.params["PolicyArn"])
    wanted = call.params["VersionId"]
    version = next((one for one in policy.versions if one.version_id == wanted), None)
    if version is None:
        raise problems.no_such(f"Policy {policy.arn} version {wanted}")
    return {"PolicyVersion": _version(version, document=True)}


def list_versions(call: Call) -> Answer:
    """ListPolicyVersions."""
    policy = existing(call.world, call.params["PolicyArn"])
    found, more = page([_version(one) for one in policy.versions], call.params)
    return {"Versions": found, **more}


def _version(version: PolicyVersion, *, document: bool = False) -> dict[str, Any]:
    described = {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.is_default,
        "CreateDate": version.create_date,
    }
    return described | ({"Document": encoded(version.document)} if document else {})


def encoded(text: str) -> str:
    """A policy document as IAM gives it back: percent-encoded."""
    return quote(text, safe="")


def listing(call: Call) -> Answer:
    """ListPolicies."""
    scope = call.params.get("Scope", "All")
    prefix = call.params.get("PathPrefix", "/")
    found = [
        policy
        for policy in call.world.iam.managed_policies.values()
        if policy.path.startswith(prefix)
        and (scope == "All" or (scope == "AWS") == (":iam::aws:" in policy.arn))
        and (not call.params.get("OnlyAttached") or attached_to(call.world, policy.arn))
    ]
    shown, more = page(sorted(found, key=lambda policy: policy.arn), call.params)
    return {"Policies": [_described(call.world, policy) for policy in shown], **more}


def list_entities(call: Call) -> Answer:
    """ListEntitiesForPolicy."""
    policy = existing(call.world, call.params["PolicyArn"])
    holders = attached_to(call.world, policy.arn)
    users = {id(user) for user in call.world.iam.users.values()}
    return {
        "PolicyRoles": [
            {"RoleName": one.name, "RoleId": one.id} for one in holders if id(one) not in users
        ],
        "PolicyUsers": [
            {"UserName": one.name, "UserId": one.id} for one in holders if id(one) in users
        ],
        "PolicyGroups": [],
        "IsTruncated": False,
    }


def delete(call: Call) -> Answer:
    """DeletePolicy."""
    policy = existing(call.world, call.params["PolicyArn"])
    if attached_to(call.world, policy.arn) or bounded_by(call.world, policy.arn):
        raise problems.conflict("detach the policy from every entity")
    if ":iam::aws:" in policy.arn:
        raise problems.no_such(f"Policy {policy.arn} of this account")
    del call.world.iam.managed_policies[policy.arn]
    return {}


def tag(call: Call) -> Answer:
    """TagPolicy."""
    policy = existing(call.world, call.params["PolicyArn"])
    _set_tags(policy, tags.merged(tags.pairs(policy.get_tags()), call.params["Tags"]))
    return {}


def untag(call: Call) -> Answer:
    """UntagPolicy."""
    policy = existing(call.world, call.params["PolicyArn"])
    _set_tags(policy, tags.without(tags.pairs(policy.get_tags()), call.params["TagKeys"]))
    return {}


def _set_tags(policy: ManagedPolicy, labels: dict[str, str]) -> None:
    policy.tags = {key.lower(): {"Key": key, "Value": value} for key, value in labels.items()}


def list_tags(call: Call) -> Answer:
    """ListPolicyTags."""
    policy = existing(call.world, call.params["PolicyArn"])
    found, more = page(tag_list(tags.pairs(policy.get_tags())), call.params)
    return {"Tags": found, **more}
