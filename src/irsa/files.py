"""
Read files, and write them whole or not at all.

Never here: what a file means.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from irsa.errors import InputError

SECRET_MODE = 0o600
PUBLIC_MODE = 0o644


def read_bytes(path: Path) -> bytes:
    """
    The content of a file.

    Raises:
        InputError: The file is missing, a directory, or not readable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {reason(error)}") from error


def read_text(path: Path) -> str:
    """
    The content of a UTF-8 file, line ends untouched.

    Raises:
        InputError: The file is missing, not readable, or not UTF-8.
    """
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})") from error


def write_atomic(path: Path, data: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """
    Write a file so that a reader sees the old content or the new, never a part.

    The data is on disk (fsync) before the name changes; an existing file is replaced.

    Raises:
        InputError: The file cannot be written; nothing was changed.
    """
    with _written_beside(path, data, mode) as temporary:
        temporary.replace(path)


def create(path: Path, data: bytes, *, mode: int = PUBLIC_MODE) -> None:
    """
    Write a new file, whole or not at all, and never over an existing one.

    Raises:
        InputError: The file exists already, or cannot be written.
    """
    try:
        with _written_beside(path, data, mode) as temporary:
            path.hardlink_to(temporary)
    except InputError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise InputError(
                f"{path} exists already and is never overwritten",
                hint="choose another name, or move the old file away first",
            ) from error
        raise


@contextlib.contextmanager
def _written_beside(path: Path, data: bytes, mode: int) -> Iterator[Path]:
    import tempfile  # heavy, and of no use to the webhook's process

    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
        _sync_directory(path.parent)
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason(error)}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reason(error: OSError) -> str:
    """What the system says is wrong, as part of a sentence."""
    return (error.strerror or str(error)).lower()
