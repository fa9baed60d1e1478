"""
Roles: made, changed, tagged, deleted when nothing hangs on them.

Never here: their policies (those are with every holder of policies), and assuming them.
"""

from typing import Any

from moto.iam.models import Role

from irsa.local.aws import documents, principals
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError
from irsa.local.aws.iam import policies, problems, quotas, tags
from irsa.local.aws.iam.holders import ROLE, check_bare, existing
from irsa.local.aws.query import page, tag_list

DEFAULT_DURATION = 3600


def create_permissions(call: Call) -> list[Permission]:
    """CreateRole, TagRole if it comes with tags, PutRolePermissionsBoundary if with a boundary."""
    arn = ROLE.arn(call, call.params["RoleName"], call.params.get("Path") or "/")
    extra = [("iam:TagRole", arn)] if call.params.get("Tags") else []
    return [("iam:CreateRole", arn), *extra]


def create(call: Call) -> Answer:
    """CreateRole."""
    name = call.params["RoleName"]
    text = checked_trust(call, call.params["AssumeRolePolicyDocument"])
    labels = tags.merged({}, call.params.get("Tags") or [])
    boundary = call.params.get("PermissionsBoundary")
    if boundary:
        policies.existing(call.world, boundary)
    if call.world.role(name):
        raise problems.exists(f"Role with name {name}")
    if len(call.world.iam.roles) >= quotas.ROLES:
        raise problems.limit(f"RolesPerAccount: {quotas.ROLES}")
    role = call.world.iam.create_role(
        name,
        text,
        path=call.params.get("Path") or "/",
        permissions_boundary=boundary,
        description=call.params.get("Description", ""),
        tags=tag_list(labels),
        max_session_duration=call.params.get("MaxSessionDuration", DEFAULT_DURATION),
    )
    return {"Role": described(role) | _more(role)}


def checked_trust(call: Call, text: str) -> str:
    """
    A trust policy that IAM takes.

    Raises:
        ApiError: MalformedPolicyDocument or LimitExceeded.
    """
    try:
        document = documents.check_trust(text)
    except documents.MalformedDocumentError as error:
        raise problems.malformed(error) from error
    if unknown := principals.stranger(call.world, document):
        kind, name = unknown
        raise ApiError(
            "MalformedPolicyDocument", f'Invalid principal in policy: "{kind.upper()}":"{name}"'
        )
    if documents.size(text) > quotas.TRUST_POLICY:
        raise problems.limit(f"ACLSizePerRole: {quotas.TRUST_POLICY}")
    return text


def described(role: Role) -> dict[str, Any]:
    """A role as lists show it: without tags and boundary, as in AWS."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.create_date,
        "AssumeRolePolicyDocument": policies.encoded(role.assume_role_policy_document),
        "Description": role.description or None,
        "MaxSessionDuration": role.max_session_duration,
    }


def _more(role: Role) -> dict[str, Any]:
    return {"PermissionsBoundary": role.permissions_boundary, "Tags": role.tags or None}


def get(call: Call) -> Answer:
    """GetRole."""
    role = existing(ROLE, call)
    used = {"RoleLastUsed": {"LastUsedDate": role.last_used} if role.last_used else {}}
    return {"Role": described(role) | _more(role) | used}


def delete(call: Call) -> Answer:
    """DeleteRole."""
    role = existing(ROLE, call)
    check_bare(role)
    del call.world.iam.roles[role.id]
    return {}


def update(call: Call) -> Answer:
    """UpdateRole: what is not given stays."""
    role = existing(ROLE, call)
    role.description = call.params.get("Description", role.description)
    role.max_session_duration = call.params.get("MaxSessionDuration", role.max_session_duration)
    return {}


def update_description(call: Call) -> Answer:
    """UpdateRoleDescription."""
    role = existing(ROLE, call)
    role.description = call.params["Description"]
    return {"Role": described(role)}


def update_trust(call: Call) -> Answer:
    """UpdateAssumeRolePolicy."""
    role = existing(ROLE, call)
    role.assume_role_policy_document = checked_trust(call, call.params["PolicyDocument"])
    return {}


def put_boundary(call: Call) -> Answer:
    """PutRolePermissionsBoundary."""
    role = existing(ROLE, call)
    policies.existing(call.world, call.params["PermissionsBoundary"])
    role.permissions_boundary_arn = call.params["PermissionsBoundary"]
    return {}


def delete_boundary(call: Call) -> Answer:
    """DeleteRolePermissionsBoundary."""
    role = existing(ROLE, call)
    if role.permissions_boundary_arn is None:
        raise problems.no_such(f"The permissions boundary of role {role.name}")
    role.permissions_boundary_arn = None
    return {}


def tag(call: Call) -> Answer:
    """TagRole."""
    role = existing(ROLE, call)
    role.tags = tag_list(tags.merged(tags.pairs(role.tags), call.params["Tags"]))
    return {}


def untag(call: Call) -> Answer:
    """UntagRole."""
    role = existing(ROLE, call)
    role.tags = tag_list(tags.without(tags.pairs(role.tags), call.params["TagKeys"]))
    return {}


def list_tags(call: Call) -> Answer:
    """ListRoleTags."""
    found, more = page(existing(ROLE, call).tags, call.params)
    return {"Tags": found, **more}


def instance_profiles(call: Call) -> Answer:
    """ListInstanceProfilesForRole: there are none here."""
    existing(ROLE, call)
    return {"InstanceProfiles": [], "IsTruncated": False}
