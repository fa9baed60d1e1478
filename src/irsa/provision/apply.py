"""
Carry out a plan, in order; stop at the first failure.

Never here: deciding what has to change.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import assert_never

from irsa.aws.call import Call
from irsa.errors import AwsError
from irsa.provision import renewal, settling
from irsa.provision.amending import amend
from irsa.provision.checks import Available, Gone, Injects, Published, Trusted
from irsa.provision.overtaken import REMOVALS
from irsa.provision.patience import GONE, patience
from irsa.provision.resource import (
    Amend,
    Apply,
    Change,
    Delete,
    Origin,
    Plan,
    RemoveFile,
    Step,
    WriteFile,
)
from irsa.provision.waiting import wait
from irsa.provision.world import World

_PAUSE = 2.0

Around = Callable[[str], AbstractContextManager[None]]


def _silent(title: str) -> AbstractContextManager[None]:  # noqa: ARG001 # nothing is said
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """
    How a plan is carried out.

    Args:
        around: Told what begins, and entered for as long as it takes.
        read_back: Whether the documents are read back before anything depends on them.
        exact: Whether nothing may be done that is not in the plan, whatever happened meanwhile.
    """

    around: Around = field(default=_silent)
    read_back: bool = True
    exact: bool = False


def run(plan: Plan, world: World, manner: Manner | None = None) -> Iterator[Change]:
    """
    Carry out a plan, and wait for what it waits for at the end: until all that it wrote shows.

    Yields:
        Every change that was made, when it was.

    Raises:
        IrsaError: Something failed; what was made before stays, and a new plan goes on from there.
    """
    manner = manner or Manner()
    overtaken: list[Origin | None] = []
    for change in plan.changes:
        with manner.around(change.title):
            if _make(change, world, manner, anew=change.origin in overtaken):
                overtaken.append(change.origin)
        yield change
    for check in plan.checks:
        if isinstance(check, Published) and not manner.read_back:
            continue
        with manner.around(check.title):
            wait(check, world)
    if plan.written:
        with manner.around(settling.TITLE):
            settling.settle(plan.written, world)


def _make(change: Change, world: World, manner: Manner, *, anew: bool) -> bool:
    """Make a change; whether its thing turned out to be another one than was planned for."""
    wanted = renewal.fresh(change, world) if anew and not manner.exact else change
    if wanted is None:
        return True

    def take(one: Change) -> None:
        _take_all(one, world, manner)

    return renewal.carry_out(wanted, world, take, exact=manner.exact) or anew


def _take_all(change: Change, world: World, manner: Manner) -> None:
    done: list[str] = []
    for step in change.steps:
        _take(step, world, manner, done=done)
        if isinstance(step, Call):
            done.append(step.name)


def _take(step: Step, world: World, manner: Manner, *, done: list[str]) -> None:
    match step:
        case Call():
            _call(step, world, done)
        case Amend():
            amend(step, world, lambda call: _call(call, world, done))
        case Apply() | Delete() | WriteFile() | RemoveFile():
            _put(step, world)
        case Published():
            if manner.read_back:
                wait(step, world)
        case Available() | Trusted() | Injects() | Gone():
            wait(step, world)
        case _:
            assert_never(step)


def _put(step: Apply | Delete | WriteFile | RemoveFile, world: World) -> None:
    match step:
        case Apply():
            world.kube.apply(step.object, force=step.force)
        case Delete():
            world.kube.delete(step.ref, uid=step.uid, propagation=step.propagation)
        case WriteFile():
            world.disk.write(step.path, step.content, before=step.before)
        case RemoveFile():
            world.disk.remove(step.path, before=step.before)


def _call(call: Call, world: World, done: list[str]) -> None:
    deadline: float | None = None
    while True:
        try:
            world.aws.call(call)
        except AwsError as error:
            if error.code in GONE and call.operation.startswith(REMOVALS):
                return
            willing = patience(call, error, done)
            deadline = deadline or world.now() + (willing.seconds if willing else 0)
            if willing is None or world.now() >= deadline:
                raise
            world.say(f"waiting: {willing.reason} ({error.code})")
            world.sleep(_PAUSE)
        else:
            return


def progress(plan: Plan, made: Sequence[Change]) -> str:
    """What was done before a failure, for the reader."""
    if not made:
        return "nothing was changed; running it again starts anew"
    return (
        f"{len(made)} of {len(plan.changes)} changes are done, the last of them: {made[-1].title}; "
        "running it again goes on from there"
    )
