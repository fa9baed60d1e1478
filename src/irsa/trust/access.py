"""
Policies judged: may this principal do this action on this resource?

Deny wins over allow, and what no statement allows is denied. A statement that IAM would not have
taken allows nothing; one that denies, denies.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Never here: where policies and principals come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from irsa.trust.condition import Keys, Miss, Variables, first_miss
from irsa.trust.match import matches

_WITH_VARIABLES = "2012-10-17"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    Yes or no, and because of what.

    Args:
        allowed: The answer.
        reason: A sentence that names the statement, and what did not fit.
        explicit_deny: Whether a statement denies it, which no other policy can allow again.
        sid: The statement's `Sid`, if it has one.
        statement: The statement's number in its policy, from 1.
        condition: The operator and key that did not hold, such as `StringEquals host:sub`.
        expected: What that condition takes.
        met: What the request carries there; None if nothing.
    """

    allowed: bool
    reason: str
    explicit_deny: bool = False
    sid: str | None = None
    statement: int | None = None
    condition: str | None = None
    expected: tuple[str, ...] = ()
    met: tuple[str, ...] | None = None


class _Stage(IntEnum):
    """How far a statement came: the furthest one is the one to talk about."""

    malformed = 0
    action = 1
    principal = 2
    resource = 3
    condition = 4
    applies = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    number: int
    statement: Mapping[str, Any]
    stage: _Stage
    why: str = ""
    miss: Miss | None = None

    @property
    def denies(self) -> bool:
        return self.statement.get("Effect") == "Deny"

    @property
    def title(self) -> str:
        sid = self.statement.get("Sid")
        return f"statement {sid!r}" if sid else f"statement {self.number}"


def evaluate_access(policies: Sequence[Mapping[str, Any]], request: AccessRequest) -> Decision:
    """
    Judge a request by policies taken together.

    Where identity and resource policies both count, judge each kind by itself: in one account an
    allow of either is enough, unless `explicit_deny` is set in one of them.
    """
    judged = [one for policy in policies for one in _judge_policy(policy, request)]
    applying = [one for one in judged if one.stage is _Stage.applies]
    for one in applying:
        if one.denies:
            return _decision(one, f"{one.title} denies it", explicit_deny=True)
    # A denial that cannot be read is taken at its worst.
    for one in judged:
        if one.denies and one.stage is _Stage.malformed:
            return _decision(one, f"{one.title} denies, but {one.why}", explicit_deny=True)
    for one in applying:
        return _decision(one, f"{one.title} allows it", allowed=True)
    allows = [one for one in judged if not one.denies]
    if not allows:
        return Decision(allowed=False, reason="no statement allows anything")
    nearest = max(allows, key=lambda one: one.stage)
    return _decision(nearest, f"no statement allows it: {nearest.title} {nearest.why}")


def _decision(
    one: _Judged, reason: str, *, allowed: bool = False, explicit_deny: bool = False
) -> Decision:
    sid = one.statement.get("Sid")
    return Decision(
        allowed=allowed,
        reason=reason,
        explicit_deny=explicit_deny,
        sid=sid if isinstance(sid, str) else None,
        statement=one.number,
        condition=f"{one.miss.operator} {one.miss.key}" if one.miss else None,
        expected=one.miss.expected if one.miss else (),
        met=one.miss.met if one.miss else None,
    )


def _judge_policy(policy: Mapping[str, Any], request: AccessRequest) -> Iterator[_Judged]:
    variables = _variables(request.keys) if policy.get("Version") == _WITH_VARIABLES else None
    statements = policy.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    for number, statement in enumerate(listed, start=1):
        if isinstance(statement, Mapping):
            yield _judge(statement, request, number=number, variables=variables)


def _judge(
    statement: Mapping[str, Any], request: AccessRequest, *, number: int, variables: Variables
) -> _Judged:
    miss = first_miss(statement.get("Condition", {}), request.keys, variables=variables)
    stage, why = _stage(statement, request, variables=variables)
    if miss is not None and miss.malformed:
        stage, why = _Stage.malformed, f"cannot be read: {miss.malformed}"
    elif stage is _Stage.applies and miss is not None:
        stage, why = _Stage.condition, _explain(miss)
    return _Judged(
        number=number,
        statement=statement,
        stage=stage,
        why=why,
        miss=miss if stage is _Stage.condition else None,
    )


def _stage(
    statement: Mapping[str, Any], request: AccessRequest, *, variables: Variables
) -> tuple[_Stage, str]:
    fault = _fault(statement, request)
    if fault:
        return _Stage.malformed, f"cannot be read: {fault}"
    if not _covers_action(statement, request.action):
        return _Stage.action, f"is not about {request.action}"
    if request.principal is not None and not _covers_principal(statement, request.principal):
        named = ", ".join(request.principal.names[:1]) or "everyone"
        return _Stage.principal, f"does not name {named} as principal"
    if request.resource is not None and not _covers_resource(
        statement, request.resource, variables
    ):
        return _Stage.resource, f"is not about {request.resource}"
    return _Stage.applies, ""


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


def _variables(keys: Keys) -> dict[str, str]:
    return {name.lower(): value for name, value in keys.items() if isinstance(value, str)}


def _explain(miss: Miss) -> str:
    wanted = " or ".join(repr(text) for text in miss.expected) or "nothing"
    if miss.met is None:
        return f"wants {miss.operator} {miss.key} {wanted}, and the request has no such key"
    has = ", ".join(repr(text) for text in miss.met) or "no value"
    return f"wants {miss.operator} {miss.key} {wanted}, and the request has {has}"
