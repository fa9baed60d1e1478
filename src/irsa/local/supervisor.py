"""
The process that owns a rig: it starts everything, and everything ends with it.

`python -m irsa.local.supervisor DIRECTORY STARTER`, in a session of its own. Until everything is up
it also ends with the process that started it.
"""

import contextlib
import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from irsa import files
from irsa.errors import RigError
from irsa.local import controlplane, processes
from irsa.local.processes import Identity, Program
from irsa.local.readiness import Readiness
from irsa.local.rig import Rig, Server, Spec

logger = logging.getLogger(__name__)

UP_WITHIN = 120.0
LOOK = 0.1
MOST_STARTS = 4
_PR_SET_CHILD_SUBREAPER = 36


class _Stopped(BaseException):
    """Asked to end."""


@dataclass(slots=True)
class _Part:
    """One process of the rig."""

    name: str
    log: Path
    start: Callable[[], "subprocess.Popen[bytes]"]
    process: "subprocess.Popen[bytes]"
    may_restart: bool = False


class Supervisor:
    """
    The parts of a rig.

    Args:
        rig: Its directory, with everything prepared.
        starter: The process that waits until it is up.
    """

    def __init__(self, rig: Rig, starter: int) -> None:
        self._rig = rig
        self._starter = starter
        self._spec = rig.spec()
        self._parts: list[_Part] = []
        self._lifeline = Identity.of(self._spec.lifeline)

    def run(self) -> NoReturn:
        """Start everything, say when it is up, and watch over it."""
        self._start("aws", self._aws())
        if self._spec.servers:
            self._start("etcd", self._etcd())
        for server in self._spec.servers:
            self._start(f"node-{server.name}", self._node(server))
        self._wait_until_up()
        # From here on a node that ends is started again, as a system would its kubelet.
        for part in self._parts:
            part.may_restart = part.name.startswith("node-")
        files.write_atomic(self._rig.ready, json.dumps({"pid": os.getpid()}).encode())
        logger.info("up")
        while True:
            self._look()
            time.sleep(LOOK)

    def stop(self) -> None:
        """End everything, and wait until it has ended."""
        for part in self._parts:
            part.process.kill()
        for part in self._parts:
            part.process.wait()
        # Orphans come to us: what the nodes ran ends with them, and we see it end.
        with contextlib.suppress(ChildProcessError):
            while True:
                os.wait()

    def _start(self, name: str, program: Program) -> None:
        log = self._rig.logs / f"{name}.log"

        def start() -> "subprocess.Popen[bytes]":
            return processes.launch(program, log=log)

        self._parts.append(_Part(name, log, start, start()))

    def _look(self) -> None:
        if self._spec.lifeline and not (self._lifeline and self._lifeline.alive()):
            logger.info("process %d, which this rig ends with, has ended", self._spec.lifeline)
            raise _Stopped
        for part in self._parts:
            code = part.process.poll()
            if code is None:
                continue
            if not part.may_restart:
                raise PartError(f"{part.name} ended with code {code}", part.log)
            logger.warning("%s ended with code %s and is started again", part.name, code)
            part.process = part.start()

    def _wait_until_up(self) -> None:
        deadline = time.monotonic() + UP_WITHIN
        readiness = Readiness(self._rig, self._spec)
        missing, starts = "", _Starts(self._rig, self._spec)
        with contextlib.closing(readiness):
            while True:
                now = readiness.missing()
                if now is None:
                    return
                if now != missing:
                    logger.info("waiting: %s", now)
                missing = now
                self._look()
                starts.look()
                if os.getppid() != self._starter:
                    raise _Stopped
                if time.monotonic() > deadline:
                    log = self._rig.logs / "aws.log"
                    if self._spec.servers:
                        log = self._rig.server_log(self._spec.servers[0].name)
                    raise PartError(f"not up within {UP_WITHIN:.0f} s: {missing}", log)
                time.sleep(LOOK)

    def _aws(self) -> Program:
        spec = self._spec
        arguments = ["--directory", str(self._rig.aws)]
        arguments += ["--account", spec.account, "--region", spec.region]
        return _python("irsa.local.aws", arguments)

    def _etcd(self) -> Program:
        directory = self._rig.directory
        command = controlplane.etcd_command(
            self._spec, pki=str(directory / "pki"), data=str(directory / "etcd")
        )
        environment = {"PATH": self._spec.binaries}
        return Program(argv=command, environment=environment, directory=str(directory))

    def _node(self, server: Server) -> Program:
        spec, directory = self._spec, self._rig.node(server.name)
        settings = {
            "name": server.name,
            "directory": str(directory),
            "binaries": spec.binaries,
            "address": spec.address,
            "server": {"host": "127.0.0.1", "port": server.port},
            "version": spec.kubernetes,
            "schedules": server == spec.servers[0],
            "view": spec.view,
        }
        file = directory / "node.json"
        files.write_atomic(file, json.dumps(settings).encode())
        return _python("irsa.local.node", [str(file)])


class _Starts:
    """How often each API server was started while we waited: a broken one starts for ever."""

    def __init__(self, rig: Rig, spec: Spec) -> None:
        self._rig = rig
        self._seen: dict[str, set[int]] = {server.name: set() for server in spec.servers}

    def look(self) -> None:
        """
        Count.

        Raises:
            PartError: An API server does not stay up.
        """
        for name, seen in self._seen.items():
            pid = self._rig.server_pid(name)
            if pid is not None:
                seen.add(pid)
            if len(seen) >= MOST_STARTS:
                raise PartError(
                    f"the API server of {name} does not stay up", self._rig.server_log(name)
                )


class PartError(RigError):
    """
    A part of the rig failed.

    Args:
        log: Where it says why.
    """

    def __init__(self, message: str, log: Path) -> None:
        super().__init__(message)
        self.log = log


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that a rig's own processes get: nothing that leads them elsewhere."""
    unwanted = {"KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"}
    return {
        name: value
        for name, value in variables.items()
        if name not in unwanted
        and not name.startswith(("AWS_", "KUBERNETES_", "REQUESTS_"))
        and not name.lower().endswith("_proxy")
    }


def _python(module: str, arguments: list[str]) -> Program:
    argv = [sys.executable, "-m", module, *arguments]
    return Program(argv=argv, environment=environment(os.environ))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stopped


def main(directory: Path, starter: int) -> int:
    """Own a rig until told to end."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    rig = Rig(directory)
    identity = Identity.of(os.getpid())
    assert identity is not None  # noqa: S101 # this very process lives
    rig.keep_supervisor(identity)
    supervisor = Supervisor(rig, starter)
    try:
        supervisor.run()
    except _Stopped:
        return 0
    except PartError as error:
        logger.error("%s", error.message)
        failure = {"message": error.message, "log": str(error.log)}
        files.write_atomic(directory / "failure.json", json.dumps(failure).encode())
        return 1
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        rig.ready.unlink(missing_ok=True)
        supervisor.stop()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
