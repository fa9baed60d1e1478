"""
The API server's process on this machine, found by the address it serves.

Never here: starting or ending it.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from irsa.apiserver import flags
from irsa.apiserver.flags import Flag
from irsa.errors import InputError

PROC = Path("/proc")
_ADDRESS = ("advertise-address", "secure-port")


def running_flags(written: Iterable[Flag], *, root: Path, proc: Path = PROC) -> tuple[Flag, ...]:
    """
    The complete flags of the process that serves where these flags say.

    Paths below `root` read as the node itself would write them.

    Returns:
        Nothing where there is no such process, or this user may not see it.
    """
    address = _address(written)
    found = [one for one in _processes(proc) if _address(one[1]) == address]
    newest = max(found, default=None, key=lambda one: one[0])
    return tuple(_as_on_node(flag, root) for flag in newest[1]) if newest else ()


def _processes(proc: Path) -> Iterator[tuple[int, tuple[Flag, ...]]]:
    for directory in proc.glob("[0-9]*"):
        try:
            command = (directory / "cmdline").read_bytes()
            began = int((directory / "stat").read_bytes().rpartition(b")")[2].split()[19])
            yield began, flags.parse(_words(command), str(directory))
        except (OSError, ValueError, IndexError, InputError):
            continue


def _words(command: bytes) -> tuple[str, ...]:
    return tuple(map(os.fsdecode, command.removesuffix(b"\0").split(b"\0")))


def _address(command: Iterable[Flag]) -> tuple[str | None, ...]:
    given = {flag.name: flag.value for flag in command}
    return tuple(given.get(name) for name in _ADDRESS)


def _as_on_node(flag: Flag, root: Path) -> Flag:
    prefix = str(root).rstrip("/")
    inside = prefix and flag.value.startswith(f"{prefix}/")
    return replace(flag, value=flag.value.removeprefix(prefix)) if inside else flag
