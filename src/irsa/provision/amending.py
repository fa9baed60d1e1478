"""
One statement of ours in somebody else's trust policy: put in, replaced or taken out.

IAM has no conditional write. So the policy is read just before the write and again just after it,
and once more when everybody who had read the old one must have written: a statement that got lost
is put in again, on top of what is there then.
Never here: deciding which statement.
"""

from collections.abc import Callable, Mapping
from typing import Any

from irsa.aws.call import Call
from irsa.errors import RefusedError
from irsa.provision import policies
from irsa.provision.resource import Amend
from irsa.provision.world import World
from irsa.trust import policy

_TRIES = 5
_PAUSE = 1.0
_SETTLING = 20.0

Send = Callable[[Call], None]


def amend(step: Amend, world: World, send: Send) -> None:
    """
    Make the statement what it should be, and keep every other.

    Args:
        step: The role and the statement.
        world: Where the policy is read.
        send: Makes a call that changes something.

    Raises:
        RefusedError: The role is gone, only has our statement, or somebody keeps changing it.
        AwsError: AWS refused a call.
    """
    for _ in range(_TRIES):
        before = _read(step, world)
        wanted = policy.amend(before, step.statement, cluster_uid=step.cluster_uid)
        if policies.same(before, wanted):
            return
        _require_rest(step, wanted)
        send(_write(step, wanted))
        if _holds(step, before, world=world):
            return
        world.say(
            f"the trust policy of role {step.role} was changed by somebody else at the same "
            "time: reading it again"
        )
    raise RefusedError(
        f"the trust policy of role {step.role} changes whenever irsa writes it ({_TRIES} times)",
        hint="find out who else writes it (CloudTrail, UpdateAssumeRolePolicy), then run it again",
    )


def _holds(step: Amend, before: Mapping[str, Any], *, world: World) -> bool:
    """Whether the statement is there twice in a row; what IAM knew before may be seen a while."""
    deadline, seen = world.now() + _SETTLING, False
    while True:
        found = _read(step, world)
        wanted = policy.amend(found, step.statement, cluster_uid=step.cluster_uid)
        if policies.same(found, wanted):
            if seen:
                return True
            seen = True
        elif seen or not policies.same(found, before) or world.now() >= deadline:
            return False
        world.sleep(_PAUSE)


def _read(step: Amend, world: World) -> Mapping[str, Any]:
    call = Call(service="iam", operation="GetRole", params={"RoleName": step.role})
    answer = world.aws.read(call)
    if answer is None:
        raise RefusedError(
            f"role {step.role} is gone", hint="have its owner make it again, then run it again"
        )
    found: Mapping[str, Any] = answer["Role"]["AssumeRolePolicyDocument"]
    return found


def _require_rest(step: Amend, wanted: Mapping[str, Any]) -> None:
    if not wanted["Statement"]:
        raise RefusedError(
            f"the trust policy of role {step.role} holds nothing but irsa's statement, and IAM "
            "takes no empty one",
            hint="give it another statement, or remove the role",
        )


def _write(step: Amend, wanted: Mapping[str, Any]) -> Call:
    params = {"RoleName": step.role, "PolicyDocument": policies.spell(wanted)}
    return Call(service="iam", operation="UpdateAssumeRolePolicy", params=params)
