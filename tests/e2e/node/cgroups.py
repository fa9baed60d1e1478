"""
The control groups of a run: made before it, removed after it, on machines with old and new ones.

Never here: what runs in them.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_NAME = re.compile(r"irsa-node-(\d+)")


def name_of(runner: int) -> str:
    """The name of the groups of a runner's run."""
    return f"irsa-node-{runner}"


def make(name: str) -> None:
    """Make the group in every hierarchy."""
    for hierarchy in _hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)


def remove(name: str, *, seconds: float) -> None:
    """Remove the group and all below it; the last processes may need a moment to go."""
    deadline = time.monotonic() + seconds
    while left := [each for each in of(name) if not _removed(each)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"control groups stay: {', '.join(map(str, left))}")
        time.sleep(0.1)


def of(name: str) -> list[Path]:
    """The group and all below it, in every hierarchy, the inner ones first."""
    found = [
        Path(directory)
        for hierarchy in _hierarchies()
        for directory, _, _ in os.walk(hierarchy / name, topdown=False)
    ]
    return [each for each in found if each.exists()]


def abandoned() -> Iterator[str]:
    """The names of groups that nobody is in, and whose runner has ended without removing them."""
    names = {each.name for hierarchy in _hierarchies() for each in hierarchy.glob("irsa-node-*")}
    for name in names:
        match = _NAME.fullmatch(name)
        if match and not Path(f"/proc/{match[1]}").exists() and not any(map(_procs, of(name))):
            yield name


def _procs(group: Path) -> str:
    try:
        return (group / "cgroup.procs").read_text()
    except FileNotFoundError:
        return ""


def _removed(group: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        try:
            group.rmdir()
        except OSError:
            return False
    return True


def _hierarchies() -> list[Path]:
    """One, or with the old ones one for each controller."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [each for each in ROOT.iterdir() if not each.is_symlink() and each.is_mount()]
