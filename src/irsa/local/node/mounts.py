"""
Where a container sees its volumes.

In namespaces of its own it sees them at their paths. Where the system does not allow those, values
of variables and arguments that begin with a mount path, or have one after `=`, are rewritten to
the real directory.
"""

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from irsa.local.processes import Mount


class View(StrEnum):
    """How containers see their mounts."""

    namespaces = "namespaces"
    rewritten = "rewritten"


def mounts(
    container: Mapping[str, Any], directories: Mapping[str, Path], *, log: Path | None = None
) -> tuple[Mount, ...]:
    """
    The mounts of a container.

    Args:
        container: Its spec.
        directories: The real directory or file of each volume.
        log: The real file of its termination message.
    """
    result = [
        Mount(
            source=_source(directories[each["name"]], each.get("subPath")),
            target=posixpath.normpath(each["mountPath"]),
            read_only=bool(each.get("readOnly")),
        )
        for each in container.get("volumeMounts") or []
        if each["name"] in directories
    ]
    if log is not None:
        path = container.get("terminationMessagePath") or "/dev/termination-log"
        result.append(Mount(source=log, target=posixpath.normpath(path)))
    return tuple(result)


def _source(directory: Path, sub_path: str | None) -> Path:
    if not sub_path:
        return directory
    source = directory / sub_path
    if not source.exists():
        source.mkdir(parents=True)
    return source


def rewrite(text: str, mounts: Iterable[Mount]) -> str:
    """A value or argument, with the mount path that it begins with made real."""
    known = tuple(mounts)
    name, equals, value = text.partition("=")
    return f"{name}={_real(value, known)}" if equals and "/" not in name else _real(text, known)


def rewrite_all(texts: Sequence[str], mounts: Iterable[Mount]) -> list[str]:
    """Each of some arguments rewritten."""
    known = tuple(mounts)
    return [rewrite(text, known) for text in texts]


def _real(path: str, mounts: tuple[Mount, ...]) -> str:
    for mount in sorted(mounts, key=lambda mount: -len(mount.target)):
        if path == mount.target or path.startswith(f"{mount.target}/"):
            return f"{mount.source}{path[len(mount.target) :]}"
    return path
