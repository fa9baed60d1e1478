"""The two webhooks as processes on a core of their own, with what they take of the machine."""

import ctypes
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from webhook_client import Answer, Connection, LostError
from webhook_reviews import Review

from irsa.local.network import free_ports
from irsa.tls.certs import Authority, LeafRequest

OURS, PEER = "irsa", "Go"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Certificates:
    """An authority, and the files with the serving certificate it has issued."""

    def __init__(self, directory: Path) -> None:
        self._authority = Authority.generate("bench", now=datetime.now(UTC), days=2)
        self.cert, self.key = directory / "tls.crt", directory / "tls.key"
        self.context = ssl.create_default_context(cadata=self._authority.certificate_pem.decode())
        self.renew()

    def renew(self) -> None:
        """Put a new certificate and its key in the place of the old ones."""
        request = LeafRequest(common_name="bench", ips=("127.0.0.1",))
        leaf = self._authority.issue(request, now=datetime.now(UTC), days=1)
        for path, data in ((self.cert, leaf.certificate_pem), (self.key, leaf.private_key_pem)):
            fresh = path.with_suffix(".new")
            fresh.write_bytes(data)
            fresh.replace(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where the webhooks run.

    Args:
        core: The core they have.
        kubeconfig: Of the API server they read.
        directory: For logs.
    """

    core: int
    kubeconfig: Path
    certificates: Certificates
    directory: Path


@dataclass(slots=True)
class Server:
    """One webhook that runs."""

    name: str
    port: int
    context: ssl.SSLContext
    process: subprocess.Popen[bytes]
    log: Path
    began: float
    _connection: Connection | None = field(default=None)

    def ask(self, review: Review) -> Answer:
        """One review on a connection that is kept."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection.ask(review.request)

    def connect(self) -> Connection:
        """A connection of its own."""
        return Connection(self.port, self.context)

    def get(self, path: str) -> int:
        """The status of a page."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).status

    def first_answer(self, review: Review, *, within: float = 30.0) -> float:
        """How long after its start it has answered for the first time."""
        while True:
            try:
                self.ask(review)
            except (OSError, LostError):
                self.forget()
                if self.process.poll() is not None or time.perf_counter() - self.began > within:
                    tail = self.log.read_text(errors="replace")[-2000:]
                    raise SystemExit(f"{self.name} does not answer:\n{tail}") from None
                time.sleep(0.001)
            else:
                return time.perf_counter() - self.began

    def forget(self) -> None:
        """Let the kept connection go."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def resident(self) -> float:
        """What the process and its children hold of the memory, in MB."""
        return sum(_resident(pid) for pid in _tree(self.process.pid)) / 1000

    def processor(self) -> float:
        """The seconds of processor time it has taken."""
        fields = [Path(f"/proc/{pid}/stat").read_text() for pid in _tree(self.process.pid)]
        ticks = (text.rpartition(")")[2].split()[11:13] for text in fields)
        return sum(int(user) + int(system) for user, system in ticks) / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = next(line for line in lines if line.startswith("VmRSS:"))
    return int(found.split()[1]) * 1.024


def _command(name: str, place: Place, ports: Sequence[int], *, peer: Path | None) -> list[str]:
    port, metrics = ports
    files = [
        f"--kubeconfig={place.kubeconfig}",
        f"--tls-cert={place.certificates.cert}",
        f"--tls-key={place.certificates.key}",
        f"--port={port}",
    ]
    if name == OURS:
        return [str(Path(sys.executable).parent / "irsa"), "webhook", "--host=127.0.0.1", *files]
    # As the manifest in its repository runs it.
    manifest = ["--in-cluster=false", "--namespace=default", "--logtostderr"]
    return [str(peer), *manifest, f"--metrics-port={metrics}", *files]


@contextmanager
def running(name: str, place: Place, *, peer: Path | None) -> Iterator[Server]:
    """A webhook, started on its core and killed at the end."""

    def prepare() -> None:
        os.sched_setaffinity(0, {place.core})
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)

    ports = free_ports(2)
    command = _command(name, place, ports, peer=peer)
    path = place.directory / f"{name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            command,
            env=_environment(),
            stdout=log,
            stderr=log,
            preexec_fn=prepare,  # noqa: PLW1509 # no threads run when a webhook is started
        )
    context, began = place.certificates.context, time.perf_counter()
    server = Server(name, ports[0], context, process, path, began)
    try:
        yield server
    finally:
        server.forget()
        process.kill()
        process.wait()


def _environment() -> Mapping[str, str]:
    """What a container would have; nothing of the person's own."""
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONUNBUFFERED": "1"}
