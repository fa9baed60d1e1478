"""
Wait until IAM shows what was written, so that a plan made right afterwards is empty.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
Never here: what was written; that is in the plan.
"""

from collections.abc import Sequence

from irsa.errors import AwsError
from irsa.provision.observe import observe
from irsa.provision.resource import Change, Origin
from irsa.provision.world import World

TITLE = "IAM shows what was written"
_SECONDS = 120.0
_PAUSE = 1.0


def settle(written: Sequence[Origin], world: World) -> None:
    """
    Read what was written once more, and again what does not show yet, until everything does.

    Raises:
        AwsError: Something did not show in time.
    """
    deadline = world.now() + _SECONDS
    said = None
    while hidden := _hidden(written, world):
        missing = _missing([change for changes in hidden.values() for change in changes])
        if world.now() >= deadline:
            raise AwsError(
                f"IAM does not show what was written after {_SECONDS:.0f} s: {missing}",
                hint="look whether somebody else changes it, too (irsa plan); run it again",
            )
        if missing != said:
            world.say(f"waiting: IAM does not show it yet: {missing}")
            said = missing
        world.sleep(_PAUSE)
        written = [written[place] for place in hidden]


def _hidden(written: Sequence[Origin], world: World) -> dict[int, tuple[Change, ...]]:
    """What would have to be done again, as far as one can see, by its place."""
    observations = observe([one.resource for one in written], world)
    found = (
        (place, tuple(change for change in one.diff(observed).changes if change.late))
        for place, (one, (_, observed)) in enumerate(zip(written, observations, strict=True))
    )
    return {place: changes for place, changes in found if changes}


def _missing(changes: Sequence[Change]) -> str:
    first = changes[0].title
    return first if len(changes) == 1 else f"{first}, and {len(changes) - 1} more"
