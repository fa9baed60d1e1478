"""
Policies judged: may this principal do this action on this resource?

Deny wins over allow, and what no statement allows is denied. A statement that IAM would not have
taken allows nothing; one that denies, denies.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Never here: where policies and principals come from.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from irsa.trust.condition import Keys, Miss, Variables, first_miss
from irsa.trust.statement import ANONYMOUS, AccessRequest, Principal, Stage, stage_of

__all__ = ["ANONYMOUS", "AccessRequest", "Decision", "Principal", "evaluate_access"]

_WITH_VARIABLES = "2012-10-17"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    number: int
    statement: Mapping[str, Any]
    stage: Stage
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
    applying = [one for one in judged if one.stage is Stage.applies]
    for one in applying:
        if one.denies:
            return _decision(one, f"{one.title} denies it", explicit_deny=True)
    # A denial that cannot be read is taken at its worst.
    for one in judged:
        if one.denies and one.stage is Stage.malformed:
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
    stage, why = stage_of(statement, request, variables=variables)
    if miss is not None and miss.malformed:
        stage, why = Stage.malformed, f"cannot be read: {miss.malformed}"
    elif stage is Stage.applies and miss is not None:
        stage, why = Stage.condition, _explain(miss)
    return _Judged(
        number=number,
        statement=statement,
        stage=stage,
        why=why,
        miss=miss if stage is Stage.condition else None,
    )


def _variables(keys: Keys) -> dict[str, str]:
    return {name.lower(): value for name, value in keys.items() if isinstance(value, str)}


def _explain(miss: Miss) -> str:
    wanted = " or ".join(repr(text) for text in miss.expected) or "nothing"
    if miss.met is None:
        return f"wants {miss.operator} {miss.key} {wanted}, and the request has no such key"
    has = ", ".join(repr(text) for text in miss.met) or "no value"
    return f"wants {miss.operator} {miss.key} {wanted}, and the request has {has}"
