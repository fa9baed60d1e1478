"""
The files of one control-plane node: manifest, back-ups, and the note about an unfinished edit.

Never here: what an edit says, and waiting for it to take effect.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from irsa import files
from irsa.apiserver.history import Flags
from irsa.apiserver.manifest import Manifest
from irsa.apiserver.stages import Stage
from irsa.errors import InputError

MANIFEST = Path("etc/kubernetes/manifests/kube-apiserver.yaml")
BACKUPS = Path("etc/kubernetes/irsa-backup")
PENDING = "unfinished.json"


class Unfinished(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """
    An edit that was begun and is not proved yet.

    Args:
        server: The server's name.
        others: The URLs of the other servers, by name.
        backup: The back-up's file name.
        before: SHA-256 of the manifest before the edit.
        written: SHA-256 of the manifest that the edit writes.
        started: When the process before the edit started, as it said itself.
        command: The complete flags of that process, as `--name=value`.
    """

    server: str
    others: dict[str, str]
    backup: str
    before: str
    written: str
    started: float
    command: tuple[str, ...]
    issuer: str
    stage: Stage
    flags_before: Flags
    flags_after: Flags
    overrides: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """
    A node's files.

    Args:
        root: Where the node's file system begins; `/` on the node itself.
    """

    root: Path

    @property
    def path(self) -> Path:
        """The API server's manifest."""
        return self.root / MANIFEST

    def read(self) -> bytes:
        """
        The manifest's bytes.

        Raises:
            InputError: It is missing, a link, or not an ordinary file.
        """
        try:
            mode = self.path.lstat().st_mode
        except OSError as error:
            raise InputError(
                f"there is no API server manifest at {self.path}",
                hint="run this on a kubeadm control-plane node, or name its root with --root DIR",
            ) from error
        if not stat.S_ISREG(mode):
            raise InputError(f"{self.path} is left alone: it is a link or no ordinary file")
        return files.read_bytes(self.path)

    def manifest(self) -> Manifest:
        """
        The manifest, understood.

        Raises:
            InputError: It cannot be read, or is not understood.
        """
        return Manifest.parse(self.read(), str(self.path))

    def digest(self) -> str:
        """SHA-256 of the manifest as it is now."""
        return digest(self.read())

    def back_up(self, data: bytes, now: datetime) -> str:
        """
        Keep a copy outside the manifests directory, with the original's mode; gives its name.

        Raises:
            InputError: It cannot be written.
        """
        name = f"kube-apiserver.{now:%Y%m%dT%H%M%S.%fZ}.{digest(data)[:8]}.yaml"
        self._make_backups()
        files.create(self.root / BACKUPS / name, data, mode=self._mode())
        return name

    def backup(self, name: str) -> bytes:
        """The content of a back-up."""
        return files.read_bytes(self.root / BACKUPS / name)

    def write(self, data: bytes) -> None:
        """
        Replace the manifest at once, keeping mode and owner; the kubelet never sees a part.

        Raises:
            InputError: It cannot be written; nothing was changed.
        """
        status = self.path.stat()
        for torn in self.path.parent.glob(f".{self.path.name}.*"):
            torn.unlink(missing_ok=True)  # what a run left that was killed while writing
        files.write_atomic(self.path, data, mode=stat.S_IMODE(status.st_mode))
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()) and not os.geteuid():
            os.chown(self.path, status.st_uid, status.st_gid)

    def unfinished(self) -> Unfinished | None:
        """
        The note about an edit that was begun and is not proved yet.

        Raises:
            InputError: The note is not one of ours.
        """
        note = self.root / BACKUPS / PENDING
        if not note.exists():
            return None
        try:
            return msgspec.json.decode(files.read_bytes(note), type=Unfinished)
        except msgspec.DecodeError as error:
            hint = f"compare the manifest with the back-ups beside it, then remove {note}"
            raise InputError(f"{note} cannot be read: {error}", hint=hint) from error

    def begin(self, note: Unfinished) -> None:
        """Note down an edit before it is made."""
        self._make_backups()
        data = msgspec.json.encode(note)
        files.write_atomic(self.root / BACKUPS / PENDING, data, mode=files.SECRET_MODE)

    def finish(self) -> None:
        """Forget the note: the edit is proved, or undone."""
        (self.root / BACKUPS / PENDING).unlink(missing_ok=True)

    def _make_backups(self) -> None:
        try:
            (self.root / BACKUPS).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make {self.root / BACKUPS}: {error.strerror}") from error

    def _mode(self) -> int:
        return stat.S_IMODE(self.path.stat().st_mode)


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
