"""
Go on with a change whose thing is another one than the plan was made for.

It is read again until it shows what the refusal said, and judged as in any plan: somebody else's
is refused, never written to.
Never here: which refusals say so; that is in `overtaken.py`.
"""

from collections.abc import Callable

from irsa.errors import AwsError, KubeError, RefusedError
from irsa.provision.overtaken import Overtaken, overtaken
from irsa.provision.resource import Change
from irsa.provision.world import World, WorldReader

_PAUSE = 1.0

Refusal = AwsError | KubeError
Take = Callable[[Change], None]


def carry_out(change: Change, world: World, take: Take, *, exact: bool = False) -> bool:
    """
    Take the steps of a change, and those of what is left of it whenever it was overtaken.

    Args:
        change: The change.
        world: Where its thing is read again.
        take: Takes all steps of a change.
        exact: Whether only such steps may be taken that the change has.

    Returns:
        Whether it was overtaken.

    Raises:
        IrsaError: A step failed for another reason, or what was refused did not show in time.
    """
    left: Change | None = change
    deadline: float | None = None
    while left and (refusal := _refusal(take, left)):
        verdict = overtaken(refusal)
        if verdict is None or change.origin is None:
            raise refusal
        if deadline is None:
            world.say(f"{verdict.said.format(change.thing)} ({_code(refusal)})")
            deadline = world.now() + verdict.seconds
        left = _left(left, refusal, verdict, world=world, deadline=deadline)
        if exact:
            _require_planned(left, change)
    return deadline is not None


def fresh(change: Change, world: World) -> Change | None:
    """
    What is to be done for the thing of a change, as it is seen now; None if nothing is.

    Raises:
        RefusedError: It is somebody else's, or cannot be as it should.
    """
    if change.origin is None:
        return change
    observed = change.origin.resource.read(WorldReader(world=world))
    found = change.origin.diff(observed).changes
    return next((one for one in found if one.thing == change.thing), None)


def _refusal(take: Take, change: Change) -> Refusal | None:
    try:
        take(change)
    except (AwsError, KubeError) as error:
        return error
    return None


def _left(
    change: Change, refusal: Refusal, verdict: Overtaken, *, world: World, deadline: float
) -> Change | None:
    """What is left of a change once its thing shows that it is another one."""
    while world.now() < deadline:
        world.sleep(_PAUSE)
        found = fresh(change, world)
        if found != change:
            return found
        if not verdict.late:
            raise refusal
    raise _too_late(change, refusal, verdict)


def _require_planned(left: Change | None, change: Change) -> None:
    if left and any(step not in change.steps for step in left.steps):
        raise RefusedError(
            f"the plan is out of date: {change.title} is no longer done as it says",
            hint="what was done before stays; make a new plan: irsa plan --out FILE",
        )


def _too_late(change: Change, refusal: Refusal, verdict: Overtaken) -> Refusal:
    if isinstance(refusal, KubeError):
        return refusal
    return AwsError(
        f"after {verdict.seconds:.0f} s, what is read of {change.thing} still does not explain "
        f"what AWS answers: {refusal.message}",
        hint="run it again in a few minutes; IAM takes names that differ only in upper and lower "
        "case for one: look whether there is such a one",
        code=refusal.code,
        operation=refusal.operation,
        request_id=refusal.request_id,
    )


def _code(refusal: Refusal) -> str | None:
    if isinstance(refusal, AwsError):
        return refusal.code
    return refusal.reason or f"HTTP {refusal.status}"
