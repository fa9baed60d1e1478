"""
Start programs that end with whoever started them; know a process from a later one of its number.

Never here: ending anything by name.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_ENTER = Path(__file__).with_name("enter.py")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file or directory of this machine as a program sees it under another path."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """
    What is run.

    Args:
        argv: The program, found by the PATH of `environment`, and its arguments.
        environment: Its complete environment; repr hides it.
        directory: Where it starts.
        supervise: Whether a first process of ours ends what the program leaves behind.
        root: An empty directory to build its view of the files on; None for this machine's own.
        mounts: What it sees elsewhere; needs `root`.
        kept: Directories that no mount may hide: the program lives in them.
    """

    argv: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    directory: str = "/"
    supervise: bool = False
    root: Path | None = None
    mounts: tuple[Mount, ...] = ()
    kept: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One process of one boot: a number alone may be somebody else's by now."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The identity of a process that lives now."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if stat[0] in {"Z", "X"}:
            return None
        return cls(pid=pid, started=int(stat[19]), boot=_BOOT_ID.read_text().strip())

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it is still this process."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def launch(program: Program, *, log: Path) -> "subprocess.Popen[bytes]":
    """
    Start a program in a session of its own, whose output is appended to a file.

    It is killed when the thread that called this ends.
    """
    descriptor = os.memfd_create("order")
    try:
        os.write(descriptor, json.dumps(_order(program)).encode())
        os.lseek(descriptor, 0, os.SEEK_SET)
        with log.open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(_ENTER), str(descriptor)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(descriptor,),
                cwd="/",
                env={},
            )
    finally:
        os.close(descriptor)


def _order(program: Program) -> dict[str, object]:
    return {
        "parent": os.getpid(),
        "argv": list(program.argv),
        "environment": dict(program.environment),
        "directory": program.directory,
        "supervise": program.supervise,
        "root": str(program.root) if program.root else None,
        "kept": [str(each) for each in program.kept],
        "mounts": [
            {"source": str(each.source), "target": each.target, "read_only": each.read_only}
            for each in program.mounts
        ],
    }


def wait_until_gone(identity: Identity, *, seconds: float) -> bool:
    """Wait for a process that is not a child of ours; False if it outlives the wait."""
    deadline = time.monotonic() + seconds
    while identity.alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def tail(log: Path, *, lines: int = 20) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - lines * 400))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-lines:])
