"""
A program in mount, process, IPC and host-name namespaces of its own, which end with whoever asked.

What the program mounts, starts and writes below /run and /var goes when its first process goes, and
the kernel sees to that. The first process is this module, run by `unshare`; it ends when its
standard input does, that is, when the process at the other end has ended, however it did.
Never here: what the program does.
"""

import ctypes
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LOOK = 0.1
ORPHANED = 125
TEMPORARY = Path("/run/temporary")
_OVERLAID = ("/var", "/etc")
# A machine may be a node already: nothing of that is seen here.
_EMPTY = ("/etc/kubernetes",)
# Kubelet sets these for the whole machine, unless they are so already: it is shown that they are.
_KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def start(
    argv: Sequence[str], *, environment: Mapping[str, str], host_name: str
) -> "subprocess.Popen[bytes]":
    """Start a program that way; closing the standard input of what is returned ends it."""
    apart = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--mount-proc"]
    first = [sys.executable, "-m", __spec__.name, host_name]
    return subprocess.Popen(
        [*apart, "--kill-child", "--", *first, *argv],
        stdin=subprocess.PIPE,
        env=dict(environment),
        start_new_session=True,
    )


def apart_network(argv: Sequence[str]) -> list[str]:
    """The program in a network namespace of its own."""
    return ["unshare", "--net", "--", *argv]


def main(host_name: str, argv: Sequence[str]) -> int:
    """Be the first process: arrange the files, run the program, collect what is orphaned."""
    ctypes.CDLL(None).sethostname(host_name.encode(), len(host_name))
    _arrange_files()
    own = {"TMPDIR": str(TEMPORARY)}
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, env=os.environ | own)
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], LOOK)
        if readable and not os.read(sys.stdin.fileno(), 1):
            return ORPHANED
        code = _collect(child.pid)
        if code is not None:
            return code


def _collect(child: int) -> int | None:
    """The exit code of the program, if it has ended; every other process is just collected."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ORPHANED
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if pid == 0:
            return None


def _arrange_files() -> None:
    """Show the machine's own files, and keep what is written to them in memory."""
    resolver = Path("/etc/resolv.conf")
    servers = resolver.read_text() if resolver.exists() else ""
    _mount("tmpfs", "/run", kind="tmpfs", options="mode=755")
    TEMPORARY.mkdir()
    for place in _OVERLAID:
        layers = Path("/run/layers") / place.strip("/")
        for name in ("upper", "work"):
            (layers / name).mkdir(parents=True)
        options = f"lowerdir={place},upperdir={layers}/upper,workdir={layers}/work"
        _mount("overlay", place, kind="overlay", options=options)
    for place in _EMPTY:
        Path(place).mkdir(exist_ok=True)
        _mount("tmpfs", place, kind="tmpfs", options="mode=755")
    # On many machines it is a link to below /run, which is hidden now.
    resolver.unlink(missing_ok=True)
    resolver.write_text(servers)
    for name, value in _KERNEL_SETTINGS.items():
        shown = Path("/run/settings") / name
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text(f"{value}\n")
        subprocess.run(["mount", "--bind", shown, f"/proc/sys/{name}"], check=True)


def _mount(source: str, target: str, *, kind: str, options: str) -> None:
    subprocess.run(["mount", "-t", kind, "-o", options, source, target], check=True)


def wait(process: "subprocess.Popen[bytes]", *, wanted: Callable[[], bool], seconds: float) -> int:
    """Wait for the end; after so many seconds, or once it is not wanted any more, all is ended."""
    deadline = time.monotonic() + seconds
    try:
        while process.poll() is None and wanted() and time.monotonic() < deadline:
            time.sleep(LOOK)
    finally:
        if process.stdin:
            process.stdin.close()
    return process.wait(30)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
