"""
Users and their access keys: for callers with limited permissions.

Never here: groups and passwords.
"""

from typing import Any

from moto.iam.models import User

from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.iam import problems, quotas
from irsa.local.aws.iam.holders import USER, check_bare, existing
from irsa.local.aws.query import page
from irsa.local.aws.world import World


def named_or_self(action: str) -> Any:
    """An action on the user that the call names, or else on who calls."""

    def permissions(call: Call) -> list[Permission]:
        if "UserName" not in call.params:
            _name_self(call)
        return [(action, USER.arn(call, call.params["UserName"]))]

    return permissions


def _name_self(call: Call) -> None:
    if call.caller is None or call.caller.kind != "User":
        raise ApiError(
            "ValidationError", "Must specify userName when calling with non-User credentials"
        )
    call.params["UserName"] = call.caller.identity.name


def create_permissions(call: Call) -> list[Permission]:
    """CreateUser."""
    for name in ("Tags", "PermissionsBoundary"):
        if call.params.get(name):
            raise not_implemented(f"CreateUser with {name}")
    path = call.params.get("Path") or "/"
    return [("iam:CreateUser", USER.arn(call, call.params["UserName"], path))]


def create(call: Call) -> Answer:
    """CreateUser."""
    name = call.params["UserName"]
    if call.world.user(name):
        raise problems.exists(f"User with name {name}")
    user = appointed(call.world, name, call.params.get("Path") or "/")
    return {"User": described(user)}


def appointed(world: World, name: str, path: str = "/") -> User:
    """A new user, with an id as IAM gives them."""
    user = world.iam.create_user(world.region, name, path)
    user.id = f"AIDA{user.id[:17].upper()}"
    return user


def described(user: User) -> dict[str, Any]:
    """A user as it is shown."""
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.create_date,
    }


def get(call: Call) -> Answer:
    """GetUser."""
    return {"User": described(existing(USER, call))}


def delete(call: Call) -> Answer:
    """DeleteUser."""
    user = existing(USER, call)
    if user.access_keys:
        raise problems.conflict("delete access keys")
    check_bare(user)
    del call.world.iam.users[user.name]
    return {}


def create_key(call: Call) -> Answer:
    """CreateAccessKey."""
    user = existing(USER, call)
    if len(user.access_keys) >= quotas.ACCESS_KEYS:
        raise problems.limit(f"AccessKeysPerUser: {quotas.ACCESS_KEYS}")
    key = user.create_access_key(prefix="AKIA")
    call.world.iam.access_keys[key.access_key_id] = key
    return {"AccessKey": _key(key) | {"SecretAccessKey": key.secret_access_key}}


def _key(key: Any) -> dict[str, Any]:
    return {
        "UserName": key.user_name,
        "AccessKeyId": key.access_key_id,
        "Status": key.status,
        "CreateDate": key.create_date,
    }


def list_keys(call: Call) -> Answer:
    """ListAccessKeys."""
    found, more = page([_key(key) for key in existing(USER, call).access_keys], call.params)
    return {"AccessKeyMetadata": found, **more}


def update_key(call: Call) -> Answer:
    """UpdateAccessKey."""
    _existing_key(call).status = call.params["Status"]
    return {}


def delete_key(call: Call) -> Answer:
    """DeleteAccessKey."""
    key = _existing_key(call)
    existing(USER, call).access_keys.remove(key)
    call.world.iam.access_keys.pop(key.access_key_id, None)
    return {}


def _existing_key(call: Call) -> Any:
    wanted = call.params["AccessKeyId"]
    keys = existing(USER, call).access_keys
    found = next((key for key in keys if key.access_key_id == wanted), None)
    if found is None:
        raise problems.no_such(f"The Access Key with id {wanted}")
    return found
