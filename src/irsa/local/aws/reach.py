"""
How far the policy of a resource reaches to a caller: to whom exactly it gives what it gives.

Who is named as a user or as a session needs nothing more; who is named as a role stays within that
role's boundary and the session's own policies; who is named by the account needs policies of their
own.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
Never here: the caller's own policies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from irsa.local.aws import documents
from irsa.local.aws.callers import Caller
from irsa.trust.access import ANONYMOUS, AccessRequest, Decision, Principal, evaluate_access


class Reach(IntEnum):
    """By which name a policy lets somebody in, the strongest one last."""

    nobody = 0
    account = 1
    role = 2
    caller = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the policy of a resource says of a caller."""

    reach: Reach
    decision: Decision

    @property
    def denies(self) -> bool:
        """Whether it says no, whatever anybody else says."""
        return self.decision.explicit_deny


NOTHING = Shared(
    reach=Reach.nobody, decision=Decision(allowed=False, reason="there is no such policy")
)


def judge(
    policy: Mapping[str, Any], request: AccessRequest, caller: Caller | None, *, account: str
) -> Shared:
    """
    Judge the policy of a resource for a caller; None is a stranger.

    Args:
        policy: The policy.
        request: What is asked for; the principal is put in here.
        caller: Who asks.
        account: The ARN of the account's root.
    """
    if caller is None:
        return _shared(_decide(policy, request, ANONYMOUS), Reach.caller)
    owners = (account, account.split(":")[4])
    identities = ((caller.arn,), (caller.principal_arn,), owners)
    # Each by itself: a denial of all but some spares only who is named in every way.
    for names in identities:
        found = _decide(policy, request, Principal(names=names))
        if found.explicit_deny:
            return _shared(found, Reach.nobody)
    reached = _reached(policy, request, caller, owners=owners)
    everyone = Principal(names=(*caller.names, *owners))
    return _shared(_decide(_allowing(policy), request, everyone), reached)


def _reached(
    policy: Mapping[str, Any], request: AccessRequest, caller: Caller, *, owners: tuple[str, ...]
) -> Reach:
    allowing = _allowing(policy)

    def names(*some: str) -> bool:
        return _decide(allowing, request, Principal(names=some)).allowed

    if caller.kind == "User":
        steps = {Reach.account: names(*owners), Reach.caller: names(*caller.names)}
    else:
        steps = {
            Reach.account: names(*owners),
            Reach.role: names(caller.principal_arn),
            # A star, which needs no name at all, is not the name of a session.
            Reach.caller: names(caller.arn) and not names(),
        }
    return max((one for one, fits in steps.items() if fits), default=Reach.nobody)


def _shared(decision: Decision, reach: Reach) -> Shared:
    return Shared(reach=reach if decision.allowed else Reach.nobody, decision=decision)


def _allowing(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy without its denials."""
    allows = [one for one in documents.statements(policy) if one.get("Effect") == "Allow"]
    return {**policy, "Statement": allows}


def _decide(policy: Mapping[str, Any], request: AccessRequest, principal: Principal) -> Decision:
    return evaluate_access([policy], replace(request, principal=principal))
