"""
The last step before a program of the rig runs: its parent, its view of the files, its environment.

Run by path with a bare interpreter (`python -I -S enter.py FD`), so only the standard library and
nothing of irsa is imported. The order comes as JSON over a file descriptor: it holds secrets, which
an argument list would show to everyone.
A program started here ends when its parent ends, however that happens.
"""

import contextlib
import ctypes
import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

NOT_STARTED = 125
NOT_EXECUTABLE = 126
NOT_FOUND = 127
KILLED = 128 + signal.SIGKILL

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CLONE_NEWNS = 0x00020000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWPID = 0x20000000
_MS_RDONLY = 1
_MS_NOSUID = 2
_MS_NODEV = 4
_MS_NOEXEC = 8
_MS_REMOUNT = 32
_MS_BIND = 4096
_MS_NOATIME = 1024
_MS_NODIRATIME = 2048
_MS_REC = 16384
_MS_UNBINDABLE = 1 << 17
_MS_PRIVATE = 1 << 18
_MS_RELATIME = 1 << 21
_ST_RELATIME = 4096
_MAX_LINKS = 40
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
_ORPHANED = signal.SIGRTMAX

_libc = ctypes.CDLL(None, use_errno=True)


def main(descriptor: int) -> NoReturn:
    """Do what the order says; never returns."""
    with os.fdopen(descriptor, "rb") as file:
        order = json.load(file)
    apart, supervised = order["root"] is not None, bool(order["supervise"])
    death = _ORPHANED if supervised and not apart else signal.SIGKILL
    _tie(order["parent"], death)
    if apart:
        _isolate(order)
        _tie(order["parent"], death)
    if not supervised:
        _run(order)
    os._exit(_relay(order) if apart else _supervise(order))


def _tie(parent: int, death: int) -> None:
    """Ask for a signal when the parent ends; if it has ended already, end here."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(KILLED)


def _run(order: dict[str, Any]) -> NoReturn:
    """Become the program."""
    with contextlib.suppress(PermissionError):
        os.setsid()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # the interpreter ignores these; programs must not
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    program, *_ = argv = order["argv"]
    try:
        os.chdir(order["directory"])
        os.execvpe(program, argv, order["environment"])  # noqa: S606 # no shell
    except OSError as error:
        _complain(f"cannot run {program}: {error.strerror}")
        missing = error.errno in {errno.ENOENT, errno.ENOTDIR}
        os._exit(NOT_FOUND if missing else NOT_EXECUTABLE)


def _relay(order: dict[str, Any]) -> int:
    """Outside the process namespace: pass signals to its first process, and its exit code back."""
    alive, held = os.pipe()
    with _blocked():
        child = os.fork()
        if child == 0:
            os.close(held)
            _tie_across(alive)
            with contextlib.suppress(OSError):
                _mount("proc", "/proc", kind="proc")
            os._exit(_supervise(order))
        _forward_to(child)
    return _wait_for(child)


def _tie_across(alive: int) -> None:
    """As `_tie`, where the parent cannot be seen: it lives outside this process namespace."""
    _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    os.set_blocking(alive, False)
    try:
        os.read(alive, 1)
    except BlockingIOError:
        return
    os._exit(KILLED)


def _supervise(order: dict[str, Any]) -> int:
    """Run the program as a child; when it has ended, end everything that it left behind."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with _blocked():
        me = os.getpid()
        child = os.fork()
        if child == 0:
            _tie(me, signal.SIGKILL)
            _run(order)
        _forward_to(child)
        signal.signal(_ORPHANED, lambda _number, _frame: _abandon())
    code = _wait_for(child)
    if order["root"] is None:
        _end_descendants()
    return code


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """Let signals wait until there is somebody to pass them to."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_FORWARDED, _ORPHANED})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {*_FORWARDED, _ORPHANED})


def _forward_to(child: int) -> None:
    def forward(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in _FORWARDED:
        signal.signal(number, forward)


def _wait_for(child: int) -> int:
    while True:
        try:
            process, status = os.wait()
        except ChildProcessError:
            return KILLED
        if process == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _abandon() -> NoReturn:
    _end_descendants()
    os._exit(KILLED)


def _end_descendants() -> None:
    """Kill children until there are none: orphans further down come up to us, their reaper."""
    while True:
        for process in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def _children() -> list[int]:
    me = str(os.getpid())
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                if stat[1] == me:
                    found.append(int(entry.name))
    return found


def _isolate(order: dict[str, Any]) -> None:
    """Namespaces of its own, and in them the tree with the pod's mounts."""
    try:
        _unshare(_CLONE_NEWPID if order["supervise"] else 0)
        tree = _Tree(Path(order["root"]), [Path(each) for each in order["kept"]])
        for mount in sorted(order["mounts"], key=lambda mount: mount["target"].count("/")):
            tree.mount(Path(mount["source"]), Path(mount["target"]), mount["read_only"])
        tree.enter()
    except OSError as error:
        _complain(f"cannot set up the mounts: {error}")
        os._exit(NOT_STARTED)


def _unshare(flags: int) -> None:
    uid, gid = os.geteuid(), os.getegid()
    if not (uid == 0 and _libc.unshare(_CLONE_NEWNS | flags) == 0):
        _check(_libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS | flags), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    _mount("none", "/", flags=_MS_REC | _MS_PRIVATE)


class _Tree:
    """The machine's tree by bind mounts, changed only where a mount point has to be made."""

    def __init__(self, root: Path, kept: list[Path]) -> None:
        self._root = root
        self._kept = kept
        self._made: set[Path] = set()
        self._volumes: set[Path] = set()
        self._shadow(root)

    def mount(self, source: Path, target: Path, read_only: bool) -> None:
        place = self._resolve(target)
        if not place.exists():
            self._make(place, is_directory=source.is_dir())
        _bind(source, place)
        self._volumes.add(place)
        for each in self._kept:
            self._keep(each, place)
        if read_only:
            _read_only(place)

    def _keep(self, kept: Path, place: Path) -> None:
        """Show what the program itself needs, where a mount has just hidden it."""
        copy = self._root / kept.relative_to("/")
        if copy.is_relative_to(place):
            # Another container of the pod may have made it in the volume that they share.
            copy.mkdir(parents=True, exist_ok=True)
            if not any(copy.iterdir()):
                _bind(kept, copy)

    def enter(self) -> None:
        os.chroot(self._root)
        os.chdir("/")

    def _shadow(self, place: Path) -> None:
        """Put a directory that we may write to over a place, with all that it showed before."""
        original = Path("/") / place.relative_to(self._root)
        mode = original.stat().st_mode & 0o7777
        _mount("tmpfs", str(place), kind="tmpfs", options=f"mode={mode:o},size=1m")
        # Otherwise the copy of the tree would hold itself.
        _mount("none", str(place), flags=_MS_UNBINDABLE)
        self._made.add(place)
        with os.scandir(original) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    _show(entry, place / entry.name)

    def _make(self, place: Path, *, is_directory: bool) -> None:
        existing = next(parent for parent in place.parents if parent.exists())
        if not self._ours(existing):
            self._shadow(existing)
        missing = [parent for parent in place.parents if parent.is_relative_to(existing)]
        for directory in reversed(missing[:-1]):
            directory.mkdir()
            self._made.add(directory)
        if is_directory:
            place.mkdir()
        else:
            place.touch()

    def _ours(self, place: Path) -> bool:
        """Whether it may be written to: the machine's own directories never are."""
        return place in self._made or any(place.is_relative_to(each) for each in self._volumes)

    def _resolve(self, target: Path) -> Path:
        """Follow symbolic links as the program will, to whom `root` is all there is."""
        done, rest, links = self._root, list(target.parts[1:]), 0
        while rest:
            part = rest.pop(0)
            step = done / part
            if part == "..":
                done = done.parent if done != self._root else done
            elif step.is_symlink() and links < _MAX_LINKS:
                links += 1
                link = step.readlink()
                done = self._root if link.is_absolute() else done
                rest[:0] = link.parts[1:] if link.is_absolute() else link.parts
            else:
                done = step
        return done


def _show(entry: os.DirEntry[str], copy: Path) -> None:
    if entry.is_symlink():
        copy.symlink_to(Path(entry.path).readlink())
        return
    if entry.is_dir(follow_symlinks=False):
        copy.mkdir()
    else:
        copy.touch()
    _bind(Path(entry.path), copy)


def _bind(source: Path, target: Path) -> None:
    _mount(str(source), str(target), flags=_MS_BIND | _MS_REC)


def _read_only(target: Path) -> None:
    # An ordinary user may not drop the flags that the file system came with.
    flags = os.statvfs(target).f_flag
    kept = flags & (_MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_NOATIME | _MS_NODIRATIME)
    kept |= _MS_RELATIME if flags & _ST_RELATIME else 0
    _mount("none", str(target), flags=_MS_REMOUNT | _MS_BIND | _MS_RDONLY | kept)


def _mount(
    source: str, target: str, *, kind: str | None = None, flags: int = 0, options: str = ""
) -> None:
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _complain(text: str) -> None:
    os.write(2, f"irsa: {text}\n".encode())


if __name__ == "__main__":
    main(int(sys.argv[1]))
