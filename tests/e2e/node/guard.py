"""
Removes what namespaces leave behind, however a run ended: `python -m tests.e2e.node.guard GROUP`.

It waits for the end of its standard input, which the run's process holds, in a session of its own;
then everything of the run is ending, and its control groups can be removed.
Never here: the run itself.
"""

import subprocess
import sys

from tests.e2e.node import cgroups

REMOVED_WITHIN = 60.0


def start(group: str) -> "subprocess.Popen[bytes]":
    """Make the control groups, and start their guard."""
    for name in cgroups.abandoned():
        cgroups.remove(name, seconds=REMOVED_WITHIN)
    guard = subprocess.Popen(
        [sys.executable, "-m", __spec__.name, group], stdin=subprocess.PIPE, start_new_session=True
    )
    cgroups.make(group)
    return guard


def finish(guard: "subprocess.Popen[bytes]") -> int:
    """Let it do its work; the exit code."""
    if guard.stdin:
        guard.stdin.close()
    return guard.wait(REMOVED_WITHIN + 10)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    cgroups.remove(sys.argv[1], seconds=REMOVED_WITHIN)
