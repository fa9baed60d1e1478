"""
Files of a volume, changed all at once as the kubelet does it.

A volume's directory holds `..data`, a link to a directory named by the time, and for each file a
link through it; a change writes a new directory and swaps the one link, so that no reader sees a
mixture.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

_DATA = "..data"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a volume."""

    content: bytes = field(repr=False)
    mode: int = 0o644


# Files by their path below the volume's directory.
Payload = Mapping[str, File]


def write(directory: Path, payload: Payload) -> bool:
    """Make a volume's directory hold exactly these files; False if it held them already."""
    directory.mkdir(parents=True, exist_ok=True)
    current = directory / _DATA
    if current.exists() and _read(current.resolve()) == payload:
        return False
    old = current.resolve() if current.is_symlink() else None
    stamp = datetime.now(UTC).strftime("..%Y_%m_%d_%H_%M_%S.")
    fresh = Path(tempfile.mkdtemp(prefix=stamp, dir=directory))
    fresh.chmod(0o755)
    for path, file in payload.items():
        _put(fresh / path, file)
    _swap(directory, fresh.name)
    _link(directory, {PurePosixPath(path).parts[0] for path in payload})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _put(path: Path, file: File) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        os.fchmod(descriptor, file.mode)
        stream.write(file.content)


def _swap(directory: Path, name: str) -> None:
    link = directory / "..data_tmp"
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(name)
    link.replace(directory / _DATA)


def _link(directory: Path, names: set[str]) -> None:
    for name in names:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{_DATA}/{name}")
    for entry in directory.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()


def _read(directory: Path) -> dict[str, File]:
    return {
        str(path.relative_to(directory)): File(
            content=path.read_bytes(), mode=path.stat().st_mode & 0o7777
        )
        for path in directory.rglob("*")
        if path.is_file()
    }
