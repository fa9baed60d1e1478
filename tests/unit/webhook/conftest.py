"""A serving certificate, reviews, and the server on a real loopback socket."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import settings

from irsa.injection.grants import Grant, Verdict
from irsa.tls.certs import Authority, LeafRequest
from irsa.webhook.application import Application, Clients
from irsa.webhook.directory import UNKNOWN, Cache, LookupFailedError, Unknown
from irsa.webhook.journal import Journal
from irsa.webhook.limits import Limits
from irsa.webhook.metrics import Metrics
from irsa.webhook.server import Server, listen, serving_context

# Property tests count examples, not milliseconds: the machine may be busy.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

GRANT = Grant(
    role_arn="arn:aws:iam::111122223333:role/web", audience="sts.amazonaws.com", expiration=86400
)


class FakeDirectory:
    """Grants what it is told to; an exception is raised. What it is `slow` at has to be asked."""

    def __init__(self, verdict: Verdict | Exception = GRANT) -> None:
        self.verdict = verdict
        self.asked: list[tuple[str, str]] = []
        self.patience = 0.0
        self.slow: bool | set[str] = False
        self.release: asyncio.Event | None = None

    def known(self, namespace: str, name: str) -> Verdict | Unknown:
        if self.slow is True or (self.slow and name in self.slow):
            return UNKNOWN
        self.asked.append((namespace, name))
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def find(self, namespace: str, name: str, *, patience: float) -> Verdict:
        self.asked.append((namespace, name))
        self.patience = patience
        if self.release is not None:
            await self.release.wait()
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


def review(**request: Any) -> bytes:
    """An AdmissionReview for the creation of a small pod, changed as told."""
    whole = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "admin"},
        "object": {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "web-"},
            "spec": {"serviceAccountName": "web", "containers": [{"name": "app", "image": "x"}]},
        },
        "oldObject": None,
        "dryRun": False,
    } | request
    return json.dumps(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": whole}
    ).encode()


@pytest.fixture(autouse=True)
def _logger() -> Iterator[None]:
    """A command that sets up logging does it for its own test only."""
    logger = logging.getLogger("irsa")
    before = (logger.handlers[:], logger.propagate, logger.level)
    logger.handlers[:], logger.propagate = [], True
    yield
    logger.handlers[:], logger.propagate, logger.level = before


@pytest.fixture(name="directory")
def _directory() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture(name="review", scope="session")
def _review() -> Callable[..., bytes]:
    return review


@pytest.fixture(name="until", scope="session")
def _until() -> Callable[..., Coroutine[Any, Any, None]]:
    return until


@pytest.fixture(name="failed", scope="session")
def _failed() -> LookupFailedError:
    return LookupFailedError("ServiceAccount shop/web could not be read")


@dataclass
class Files:
    """A serving certificate on disk, and the CA that clients trust."""

    directory: Path
    authority: Authority

    @property
    def cert(self) -> Path:
        return self.directory / "tls.crt"

    @property
    def key(self) -> Path:
        return self.directory / "tls.key"

    def issue(self, *, now: datetime | None = None) -> None:
        """Put a new pair in place, valid for a month."""
        request = LeafRequest(common_name="localhost", dns_names=("localhost",))
        leaf = self.authority.issue(request, now=now or datetime.now(UTC), days=30)
        self.cert.write_bytes(leaf.certificate_pem)
        self.key.write_bytes(leaf.private_key_pem)

    def client(self, name: str | None = None) -> ssl.SSLContext:
        """A client's context that trusts the CA only; with a certificate of this name, if any."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.certificate_pem.decode())
        if name is not None:
            request = LeafRequest(common_name=name, dns_names=("client",), client=True)
            leaf = self.authority.issue(request, now=datetime.now(UTC), days=1)
            pair = self.directory / "client.pem"
            pair.write_bytes(leaf.certificate_pem + leaf.private_key_pem)
            context.load_cert_chain(pair)
        return context

    @property
    def client_ca(self) -> Path:
        """The CA as a file."""
        path = self.directory / "client-ca.pem"
        path.write_bytes(self.authority.certificate_pem)
        return path


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> Files:
    authority = Authority.generate("test CA", now=datetime.now(UTC), days=60)
    files = Files(tmp_path, authority)
    files.issue()
    return files


class Client:
    """One keep-alive connection, as the API server holds it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(
        self, path: str = "/healthz", body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request and read its answer."""
        method = "GET" if body is None else "POST"
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body or b'')}"
        self.writer.write(head.encode() + b"\r\n\r\n" + (body or b""))
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer; EOFError if there is none."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


@dataclass
class Running:
    """A server on a port of this machine."""

    server: Server
    application: Application
    cache: Cache
    metrics: Metrics
    context: ssl.SSLContext
    port: int
    files: Files
    lines: list[bytes]
    task: "asyncio.Task[None]"

    async def connect(self, name: str | None = None) -> Client:
        """A new connection, certificate and name verified; our own shown, if we have a name."""
        context = self.files.client(name)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname="localhost"
        )
        return Client(reader, writer)

    async def ping(self) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own."""
        client = await self.connect()
        try:
            return await client.ask()
        finally:
            await client.close()


async def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it did not come true")


@asynccontextmanager
async def running(files: Files, directory: FakeDirectory, **options: Any) -> AsyncIterator[Running]:
    """The server, listening; stopped at the end."""
    cache, metrics = Cache(), Metrics()
    clients = options.pop("clients", Clients())
    lines: list[bytes] = []
    journal = Journal(lines.append)
    application = Application(directory, cache, metrics=metrics, clients=clients, journal=journal)
    client_ca = files.client_ca if clients.verified else None
    context = serving_context(files.cert, files.key, client_ca=client_ca)
    listener = listen(0, host="127.0.0.1")
    server = Server(application, context, **({"limits": Limits()} | options))
    port = listener.getsockname()[1]
    task = asyncio.create_task(server.serve(listener))
    try:
        await until(lambda: server.is_accepting)
        yield Running(server, application, cache, metrics, context, port, files, lines, task)
    finally:
        server.stop()
        await task
        listener.close()


@pytest.fixture(name="serving")
def _serving(files: Files, directory: FakeDirectory) -> Callable[..., None]:
    """Runs a test's coroutine against a server."""

    def run(test: Callable[[Running], Coroutine[Any, Any, None]], **options: Any) -> None:
        async def main() -> None:
            async with asyncio.timeout(60), running(files, directory, **options) as server:
                await test(server)

        # On the loop that the process has.
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    return run
