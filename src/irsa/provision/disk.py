"""
The two documents as files: written whole or not at all, and only over what was read before.

Never here: what a file should hold.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from irsa import files
from irsa.errors import InputError, RefusedError


class Disk:
    """The directory that a web server shows, or that is copied to one."""

    def read(self, path: str) -> bytes | None:
        """
        Read a file; None if there is none.

        Raises:
            InputError: It cannot be read.
        """
        file = Path(path)
        return files.read_bytes(file) if file.exists() else None

    def write(self, path: str, content: bytes, *, before: bytes | None) -> None:
        """
        Write a file, if it still is what it was.

        Args:
            path: The file; its directory may be missing, but not the one above.
            content: What it will hold.
            before: What it held when that was decided; None if there was none.

        Raises:
            InputError: It cannot be written.
            RefusedError: Somebody else changed it meanwhile.
        """
        file = Path(path)
        _make(file.parent)
        with _locked(file.parent):
            if self.read(path) == content:
                return
            self._require(path, before)
            files.write_atomic(file, content)

    def remove(self, path: str, *, before: bytes) -> None:
        """
        Remove a file, if it still is what it was; one that is gone is gone.

        Raises:
            InputError: It cannot be removed.
            RefusedError: Somebody else changed it meanwhile.
        """
        file = Path(path)
        if not file.exists():
            return
        with _locked(file.parent):
            self._require(path, before)
            try:
                file.unlink()
            except OSError as error:
                raise InputError(f"cannot remove {path}: {files.reason(error)}") from error

    def _require(self, path: str, before: bytes | None) -> None:
        if self.read(path) != before:
            raise RefusedError(
                f"{path} was changed by somebody else meanwhile",
                hint="run it again: what was written then is kept",
            )


def _make(directory: Path) -> None:
    try:
        directory.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot make the directory {directory}: {files.reason(error)}",
            hint="issuer.directory has to exist; make it first",
        ) from error


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Nobody else of our kind writes into the directory meanwhile."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot use the directory {directory}: {files.reason(error)}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
