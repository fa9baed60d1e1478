"""
One statement of a policy: is it about this request?

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
Never here: its condition, and what several statements say together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from irsa.trust.condition import Keys, Variables
from irsa.trust.match import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """
    Who asks, as a policy's `Principal` may name them.

    Args:
        kind: `AWS`, `Federated` or `Service`.
        names: Every name that means them: their ARN; for a session also its role's ARN; the
            account's number and the ARN of its root.
    """

    kind: str = "AWS"
    names: tuple[str, ...] = ()


ANONYMOUS = Principal()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """
    One thing that somebody wants to do.

    Args:
        action: Such as `s3:GetObject`.
        resource: The ARN; None where policies name none (a role's trust policy).
        principal: Who asks, for policies that name principals (of a bucket, of a role); None for
            policies that belong to who asks.
        keys: The condition keys that the request carries, and the variables; names in any case.
    """

    action: str
    resource: str | None = None
    principal: Principal | None = None
    keys: Keys = field(default_factory=dict)


class Stage(IntEnum):
    """How far a statement came: the furthest one is the one to talk about."""

    malformed = 0
    action = 1
    principal = 2
    resource = 3
    condition = 4
    applies = 5


def stage_of(
    statement: Mapping[str, Any], request: AccessRequest, *, variables: Variables
) -> tuple[Stage, str]:
    """How far a statement comes, its condition left aside, and why no further."""
    fault = _fault(statement, request)
    if fault:
        return Stage.malformed, f"cannot be read: {fault}"
    if not _covers_action(statement, request.action):
        return Stage.action, f"is not about {request.action}"
    if request.principal is not None and not _covers_principal(statement, request.principal):
        named = ", ".join(request.principal.names[:1]) or "everyone"
        return Stage.principal, f"does not name {named} as principal"
    if request.resource is not None and not _covers_resource(
        statement, request.resource, variables
    ):
        return Stage.resource, f"is not about {request.resource}"
    return Stage.applies, ""


def _fault(statement: Mapping[str, Any], request: AccessRequest) -> str:
    """Why IAM would not have taken the statement; empty if it would."""
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "its Effect is neither Allow nor Deny"
    for one in ("Action", "Resource", "Principal"):
        if one in statement and f"Not{one}" in statement:
            return f"it has {one} and Not{one}"
    if not {"Action", "NotAction"} & statement.keys():
        return "it names no Action"
    has_resource = bool({"Resource", "NotResource"} & statement.keys())
    if request.resource is None and has_resource:
        return "it has the prohibited field Resource"
    has_principal = bool({"Principal", "NotPrincipal"} & statement.keys())
    if request.principal is None and has_principal:
        return "it has the prohibited field Principal"
    return ""


def _covers_action(statement: Mapping[str, Any], action: str) -> bool:
    listed = _texts(statement.get("Action", statement.get("NotAction")))
    found = any(matches(pattern, action, ignore_case=True) for pattern in listed)
    return found is ("Action" in statement)


def _covers_resource(statement: Mapping[str, Any], resource: str, variables: Variables) -> bool:
    if not {"Resource", "NotResource"} & statement.keys():
        return False
    listed = _texts(statement.get("Resource", statement.get("NotResource")))
    found = any(matches(pattern, resource, variables=variables) for pattern in listed)
    return found is ("Resource" in statement)


def _covers_principal(statement: Mapping[str, Any], principal: Principal) -> bool:
    if "NotPrincipal" in statement:
        # Everybody else would be let in, strangers too: it counts in denials only.
        listed = _names(statement["NotPrincipal"], principal.kind)
        return statement["Effect"] == "Deny" and not _is_named(listed, principal)
    return _is_named(_names(statement.get("Principal"), principal.kind), principal)


def _is_named(listed: Sequence[str], principal: Principal) -> bool:
    # A star means everybody; a star within a name is not a wildcard here.
    return "*" in listed or bool(set(listed) & set(principal.names))


def _names(element: Any, kind: str) -> list[str]:
    if element == "*":
        return ["*"]
    listed = _texts(element.get(kind)) if isinstance(element, Mapping) else []
    # "AWS": "*" means everybody who has AWS credentials; other kinds have no such form.
    return listed if kind == "AWS" else [name for name in listed if name != "*"]


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list | tuple) else [value]
    return [text for text in values if isinstance(text, str)]
