"""
The whole chain on a real node, and proof that nothing is left: `python -m tests.e2e.node`.

It runs the story, compares the machine with what it was before, and does so once more after a run
that was killed in the middle. `… run STAGE PROGRAMS` is one such run.
"""

import os
import signal
import subprocess
import sys
import time

from tests.e2e.node import cgroups, guard, inside, kept, machine, sealed
from tests.e2e.node.traces import MARK, Traces
from tests.e2e.node.waiting import Failed, say, step

from irsa.errors import IrsaError
from irsa.local import binaries

HOST_NAME = "node-1"
LONGEST = 1500.0
GONE_WITHIN = 60.0


def main(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code."""
    try:
        if arguments[:1] == ["run"]:
            return run(*arguments[1:])
        show()
    except machine.UnfitError as error:
        say(f"this machine is not fit for the test on a real node: {error}")
        return machine.UNFIT
    except KeyboardInterrupt:
        return 130
    except (Failed, IrsaError) as error:
        say(f"FAILED: {error}")
        return 1
    return 0


def show() -> None:
    """
    Run the story, then a run that is killed; after each the machine must be as before.

    Raises:
        Failed: It is not, or the story went wrong.
    """
    say("what this machine is, and what it lacks")
    machine.make_fit()
    programs = _programs()
    before = Traces.look()
    if subprocess.run(_command("story", programs), check=False, env=_marked()).returncode:
        raise Failed("the story went wrong")
    _compare(before, "after the run")
    _kill_in_the_middle(programs)
    _compare(before, "after a run that was killed")
    sys.stdout.write("a real node: 2 runs passed, and nothing is left of either\n")


def run(stage: str, programs: str) -> int:
    """One run: everything of it ends with this process."""
    group = cgroups.name_of(os.getpid())
    watch = guard.start(group)
    argv = [sys.executable, "-m", inside.__name__, stage, group, programs]
    try:
        apart = sealed.start(argv, environment=os.environ, host_name=HOST_NAME)
        code = sealed.wait(apart, wanted=_wanted, seconds=LONGEST)
    finally:
        left = guard.finish(watch)
    return code or left


def _wanted() -> bool:
    """Whether whoever wanted this run is still there."""
    return os.environ.get(MARK) in (None, str(os.getppid()))


def _programs() -> str:
    """The directories with everything of Kubernetes, joined as in PATH."""
    plane = binaries.find(None, step=step)
    node = kept.build_node(plane.version, step=step)
    directories = {str(path.parent) for path in plane.programs.values()}
    return os.pathsep.join([str(node), *sorted(directories)])


def _kill_in_the_middle(programs: str) -> None:
    """Kill a run with SIGKILL once its pods run."""
    say("once more, to be killed in the middle")
    held = subprocess.Popen(
        _command("held", programs), stdout=subprocess.PIPE, text=True, env=_marked()
    )
    with held:
        assert held.stdout is not None
        for line in held.stdout:
            if line.strip() == inside.UP:
                break
        else:
            raise Failed("the run that was to be killed did not come so far")
        say("its pods run: it is killed")
        held.send_signal(signal.SIGKILL)


def _compare(before: Traces, when: str) -> None:
    """
    The machine must be as it was; what ends by itself may take a moment.

    Raises:
        Failed: It is not.
    """
    deadline = time.monotonic() + GONE_WITHIN
    while differences := Traces.look().differences(before):
        if time.monotonic() > deadline:
            raise Failed(f"not as before {when}:\n" + "\n".join(differences))
        time.sleep(0.5)
    say(f"the machine is as before, {when}")


def _command(stage: str, programs: str) -> list[str]:
    return [sys.executable, "-m", __spec__.parent, "run", stage, programs]


def _marked() -> dict[str, str]:
    """The variables of a run: a mark by which its processes are known, and no files of Python."""
    return os.environ | {MARK: str(os.getpid()), "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
