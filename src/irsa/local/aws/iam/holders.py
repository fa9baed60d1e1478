"""
Who holds policies, roles and users alike: inline policies and attached managed ones.

Never here: what is special to a role or to a user.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.call import Answer, Call, Permission
from irsa.local.aws.errors import ApiError
from irsa.local.aws.iam import policies, problems, quotas
from irsa.local.aws.query import page


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`Role` or `User`, and the quota of its inline policies together."""

    name: str
    inline_quota: int

    @property
    def parameter(self) -> str:
        """The parameter that names one."""
        return f"{self.name}Name"

    def find(self, call: Call, name: str) -> Any | None:
        """One by its name, in whatever case; None if there is none."""
        return call.world.role(name) if self.name == "Role" else call.world.user(name)

    def all_of(self, call: Call) -> Iterable[Any]:
        """All that there are."""
        iam = call.world.iam
        return iam.roles.values() if self.name == "Role" else iam.users.values()

    def arn(self, call: Call, name: str, path: str = "/") -> str:
        """The ARN of one that is, or would be."""
        found = self.find(call, name)
        kind = self.name.lower()
        new = f"arn:{call.world.partition}:iam::{call.world.account}:{kind}{path}{name}"
        return found.arn if found else new


ROLE = Kind(name="Role", inline_quota=quotas.INLINE_POLICIES_PER_ROLE)
USER = Kind(name="User", inline_quota=quotas.INLINE_POLICIES_PER_USER)
Handler = Callable[[Call], Answer]


def on(kind: Kind, action: str) -> Callable[[Call], list[Permission]]:
    """An action on the role or user that the call names."""

    def permissions(call: Call) -> list[Permission]:
        return [(action, kind.arn(call, call.params[kind.parameter]))]

    return permissions


def existing(kind: Kind, call: Call) -> Any:
    """
    The role or user that the call names.

    Raises:
        ApiError: NoSuchEntity.
    """
    name = call.params[kind.parameter]
    found = kind.find(call, name)
    if found is None:
        raise problems.no_such(f"The {kind.name.lower()} with name {name}")
    return found


def listing(kind: Kind, described: Callable[[Any], Mapping[str, Any]]) -> Handler:
    """ListRoles, ListUsers: by their path."""

    def handler(call: Call) -> Answer:
        prefix = call.params.get("PathPrefix", "/")
        found = [one for one in kind.all_of(call) if one.path.startswith(prefix)]
        shown, more = page(sorted(found, key=lambda one: str(one.name)), call.params)
        return {f"{kind.name}s": [described(one) for one in shown], **more}

    return handler


def check_bare(holder: Any) -> None:
    """
    A role or user that is to be deleted holds no policy.

    Raises:
        ApiError: DeleteConflict.
    """
    if holder.managed_policies:
        raise problems.conflict("detach all policies")
    if holder.policies:
        raise problems.conflict("delete policies")


def put_inline(kind: Kind) -> Handler:
    """PutRolePolicy, PutUserPolicy."""

    def handler(call: Call) -> Answer:
        holder = existing(kind, call)
        text = policies.checked(call.params["PolicyDocument"])
        name = call.params["PolicyName"]
        others = [one for key, one in holder.policies.items() if key != name]
        if sum(map(documents.size, [text, *others])) > kind.inline_quota:
            raise ApiError(
                "LimitExceeded",
                f"Maximum policy size of {kind.inline_quota} bytes exceeded for "
                f"{kind.name.lower()} {holder.name}",
                status=409,
            )
        holder.policies[name] = text
        return {}

    return handler


def get_inline(kind: Kind) -> Handler:
    """GetRolePolicy, GetUserPolicy."""

    def handler(call: Call) -> Answer:
        holder = existing(kind, call)
        text = holder.policies.get(call.params["PolicyName"])
        if text is None:
            raise _no_inline(kind, call)
        return {
            kind.parameter: holder.name,
            "PolicyName": call.params["PolicyName"],
            "PolicyDocument": policies.encoded(text),
        }

    return handler


def delete_inline(kind: Kind) -> Handler:
    """DeleteRolePolicy, DeleteUserPolicy."""

    def handler(call: Call) -> Answer:
        holder = existing(kind, call)
        if holder.policies.pop(call.params["PolicyName"], None) is None:
            raise _no_inline(kind, call)
        return {}

    return handler


def _no_inline(kind: Kind, call: Call) -> ApiError:
    return problems.no_such(f"The {kind.name.lower()} policy with name {call.params['PolicyName']}")


def list_inline(kind: Kind) -> Handler:
    """ListRolePolicies, ListUserPolicies."""

    def handler(call: Call) -> Answer:
        found, more = page(sorted(existing(kind, call).policies), call.params)
        return {"PolicyNames": found, **more}

    return handler


def attach(kind: Kind) -> Handler:
    """AttachRolePolicy, AttachUserPolicy: fine if it is attached."""

    def handler(call: Call) -> Answer:
        holder = existing(kind, call)
        policy = policies.existing(call.world, call.params["PolicyArn"])
        if policy.arn in holder.managed_policies:
            return {}
        if len(holder.managed_policies) >= quotas.ATTACHED_POLICIES:
            raise problems.limit(f"PoliciesPer{kind.name}: {quotas.ATTACHED_POLICIES}")
        holder.managed_policies[policy.arn] = policy
        return {}

    return handler


def detach(kind: Kind) -> Handler:
    """DetachRolePolicy, DetachUserPolicy."""

    def handler(call: Call) -> Answer:
        holder = existing(kind, call)
        if holder.managed_policies.pop(call.params["PolicyArn"], None) is None:
            raise problems.no_such(f"Policy {call.params['PolicyArn']}")
        return {}

    return handler


def list_attached(kind: Kind) -> Handler:
    """ListAttachedRolePolicies, ListAttachedUserPolicies."""

    def handler(call: Call) -> Answer:
        prefix = call.params.get("PathPrefix", "/")
        held = existing(kind, call).managed_policies.values()
        found, more = page(
            [
                {"PolicyName": policy.name, "PolicyArn": policy.arn}
                for policy in sorted(held, key=lambda policy: policy.name)
                if policy.path.startswith(prefix)
            ],
            call.params,
        )
        return {"AttachedPolicies": found, **more}

    return handler
