"""
The audit log: who changed what, by which plan, and what AWS answered; one JSON object a line.

What is about to be sent is on file before it is sent. Names only, never bodies: no secret can be
in it.
Never here: deciding anything.
"""

import contextlib
import errno
import getpass
import itertools
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from irsa import files
from irsa.aws.call import Call
from irsa.errors import AwsError, InputError, IrsaError, KubeError, excerpt
from irsa.files import SECRET_MODE
from irsa.kube.objects import Object, Propagation, Ref
from irsa.provision.world import AwsDoor, DiskDoor, KubeDoor, World

_TARGETS = ("RoleName", "OpenIDConnectProviderArn", "Url", "Bucket")
_DETAILS = ("Key", "VersionId", "PolicyArn", "PolicyName", "ClientID")


def default_path(environment: Mapping[str, str], home: Path) -> Path:
    """Where the log is if nobody says otherwise: in the user's state directory."""
    state = environment.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else home / ".local" / "state"
    return base / "irsa" / "audit.jsonl"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trail:
    """
    The lines of one run, appended to the log.

    Args:
        path: The log.
        descriptor: The open file.
        run: What all lines of this run have in common.
        now: The time of day.
    """

    path: Path
    descriptor: int
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    now: Callable[[], datetime] = field(default=_now)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def write(self, event: str, *, flush: bool = False, **fields: Any) -> None:
        """
        Append one line.

        Raises:
            InputError: It cannot be written; whatever would have followed must not be done.
        """
        entry = {
            "time": self.now().isoformat(timespec="milliseconds"),
            "run": self.run,
            "event": event,
            **fields,
        }
        data = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with _told(self.path):
            while data:
                data = data[os.write(self.descriptor, data) :]
            if flush:
                _flush(self.descriptor)

    @contextlib.contextmanager
    def call(self, name: str, **fields: Any) -> Iterator[dict[str, Any]]:
        """
        Write that a call is about to be made, and afterwards what came of it.

        Yields:
            What is known of the outcome besides; to be filled.
        """
        number = next(self._numbers)
        self.write("call", number=number, call=name, **fields)
        known: dict[str, Any] = {}
        try:
            yield known
        except IrsaError as error:
            self.write("outcome", number=number, **_failure(error))
            raise
        self.write("outcome", number=number, outcome="done", **known)


@contextlib.contextmanager
def run(path: Path, command: str, **fields: Any) -> Iterator[Trail]:
    """
    The lines of a run: its beginning, whatever happens in it, and how it ends.

    Args:
        path: The log; made if it is missing, readable by its owner alone.
        command: What was typed.
        fields: What is known of the run: the caller, the plan's digest, the overrides.

    Raises:
        InputError: The log cannot be written; nothing was changed.
    """
    with _told(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, SECRET_MODE)
        if _is_cut_off(path):
            os.write(descriptor, b"\n")
    try:
        trail = Trail(path=path, descriptor=descriptor)
        trail.write("begin", command=command, user=_user(), flush=True, **fields)
        try:
            yield trail
        except BaseException as error:
            _write_end(trail, error)
            raise
        trail.write("end", outcome="done", flush=True)
    finally:
        os.close(descriptor)


def _is_cut_off(path: Path) -> bool:
    """Whether its last line has no end, as after a full disk: the next one must not join it."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"
    return False


def _write_end(trail: Trail, error: BaseException) -> None:
    with contextlib.suppress(InputError):  # the first error is the one to tell of
        trail.write("end", flush=True, **_failure(error))


def audited(world: World, trail: Trail) -> World:
    """The same world, whose doors write down every change."""
    return replace(
        world,
        aws=AuditedAws(door=world.aws, trail=trail),
        kube=AuditedKube(door=world.kube, trail=trail),
        disk=AuditedDisk(door=world.disk, trail=trail),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedAws:
    """A door to AWS, whose changes are written down with AWS's id of each request."""

    door: AwsDoor
    trail: Trail

    def call(self, call: Call) -> Mapping[str, Any]:
        """Make a call that changes something."""
        with self.trail.call(call.name, target=_target(call)) as known:
            answer = self.door.call(call)
            known["requestId"] = answer.get("ResponseMetadata", {}).get("RequestId")
        return answer

    def read(self, call: Call) -> Mapping[str, Any] | None:
        """Make a call that changes nothing."""
        return self.door.read(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedKube:
    """A door to the API server, whose changes are written down; dry runs are none."""

    door: KubeDoor
    trail: Trail

    def get(self, ref: Ref) -> Object | None:
        """Read one object."""
        return self.door.get(ref)

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
    ) -> list[Object]:
        """Read the objects of a kind."""
        return self.door.list(api_version, kind, namespace=namespace, label_selector=label_selector)

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = "irsa",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Apply an object."""
        with self._written("kube:apply", Ref.of(dict(obj)), dry_run=dry_run):
            return self.door.apply(obj, field_manager=field_manager, force=force, dry_run=dry_run)

    def create(self, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Create an object."""
        with self._written("kube:create", Ref.of(dict(obj)), dry_run=dry_run):
            return self.door.create(obj, dry_run=dry_run)

    def delete(
        self, ref: Ref, *, uid: str | None = None, propagation: Propagation = "Background"
    ) -> bool:
        """Delete an object."""
        with self._written("kube:delete", ref, dry_run=False):
            return self.door.delete(ref, uid=uid, propagation=propagation)

    def _written(
        self, name: str, ref: Ref, *, dry_run: bool
    ) -> contextlib.AbstractContextManager[object]:
        return contextlib.nullcontext() if dry_run else self.trail.call(name, target=ref.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedDisk:
    """The issuer's files, whose changes are written down."""

    door: DiskDoor
    trail: Trail

    def read(self, path: str) -> bytes | None:
        """Read a file."""
        return self.door.read(path)

    def write(self, path: str, content: bytes, *, before: bytes | None) -> None:
        """Write a file."""
        with self.trail.call("file:write", target=path):
            self.door.write(path, content, before=before)

    def remove(self, path: str, *, before: bytes) -> None:
        """Remove a file."""
        with self.trail.call("file:remove", target=path):
            self.door.remove(path, before=before)


def _target(call: Call) -> dict[str, str]:
    """What a call is about, by names alone."""
    return {key: str(call.params[key]) for key in (*_TARGETS, *_DETAILS) if key in call.params}


def _failure(error: BaseException) -> dict[str, Any]:
    told: dict[str, Any] = {}
    match error:
        case AwsError():
            told = {"code": error.code, "requestId": error.request_id}
        case KubeError():
            told = {"code": error.status, "reason": error.reason}
        case IrsaError():
            pass
        case _:
            return {"outcome": "interrupted", "error": type(error).__name__}
    return {"outcome": "failed", **told, "error": excerpt(error.message)}


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return str(os.getuid())


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EROFS}:  # pipes and the like
            raise


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the audit log {path} cannot be written: {files.reason(error)}",
            hint="nothing is changed without it: make room, or name another file with --audit-log",
        ) from error
