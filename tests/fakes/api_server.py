"""An API server by script, behind real TLS on loopback, and a proxy that leads to it."""

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from irsa.tls.certs import Authority, LeafRequest


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    peer: str | None
    header_list: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.header_list if key.lower() == name]


@dataclass
class Answer:
    """What to answer. `chunks` is sent piece by piece; `cut` ends it without an end."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None
    cut: bool = False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "ApiServer"

    def _handle(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        certificate = getattr(self.connection, "getpeercert", dict)() or {}
        peer = dict(pair for rdn in certificate.get("subject", ()) for pair in rdn)
        headers = {name.lower(): value for name, value in self.headers.items()}
        seen = Seen(
            self.command, self.path, headers, body, peer.get("commonName"), self.headers.items()
        )
        self.server.seen.append(seen)
        answer = self.server.script(seen)
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunks is None:
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        else:
            self._stream(answer)

    def _stream(self, answer):
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in answer.chunks:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        if answer.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - http.server's names

    def log_message(self, *_):
        pass


class ApiServer(ThreadingHTTPServer):
    """
    Answers by a script, and remembers what was asked.

    Attributes:
        script: From a request to its answer; None closes the connection without one.
        seen: Every request.
        connections: How many connections were accepted.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self, context: ssl.SSLContext | None):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: Callable[[Seen], Answer | None] = lambda _seen: Answer()
        self.seen: list[Seen] = []
        self.connections = 0
        self._context = context
        self._open: set[socket.socket] = set()

    @property
    def url(self) -> str:
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self.server_address[1]}"

    def finish_request(self, request, client_address):
        """In the connection's own thread, so that a slow handshake stops nobody else."""
        if self._context:
            try:
                request = self._context.wrap_socket(request, server_side=True)
            except OSError:
                return
        self.connections += 1
        self._open.add(request)
        try:
            super().finish_request(request, client_address)
        finally:
            self._open.discard(request)
            if self._context:
                request.close()

    def handle_error(self, request, client_address):
        """Clients that go away in the middle are part of the tests."""

    def hang_up(self) -> None:
        """End every connection, as a process that dies does."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def answers(self, *answers: Answer | None) -> None:
        """Give these answers in turn, and the last one for ever."""
        queue = list(answers)
        self.script = lambda _seen: queue.pop(0) if len(queue) > 1 else queue[0]


@dataclass
class Pki:
    """An authority, and files of what it issued."""

    authority: Authority
    directory: Path

    def issue(self, name: str, **request) -> tuple[Path, Path]:
        leaf = self.authority.issue(
            LeafRequest(common_name=name, **request), now=datetime.now(UTC), days=2
        )
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        certificate.write_bytes(leaf.certificate_pem)
        key.write_bytes(leaf.private_key_pem)
        return certificate, key

    @property
    def ca_file(self) -> Path:
        path = self.directory / "ca.pem"
        path.write_bytes(self.authority.certificate_pem)
        return path


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None) -> Iterator[ApiServer]:
    server = ApiServer(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()


def tls_context(pki: Pki, name: str, **request) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.issue(name, **request))
    context.load_verify_locations(pki.ca_file)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def status(code: int, reason: str = "", message: str = "", **details) -> Answer:
    """A refusal of the API server."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
        "details": details,
    }
    return Answer(status=code, body=json.dumps(body).encode())


def base64_of(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


class ConnectProxy:
    """
    An HTTP proxy that does CONNECT.

    Attributes:
        targets: Where it was asked to connect.
        authorizations: What was presented to it.
        refuse: Whether it answers 403.
    """

    def __init__(self):
        self.targets: list[str] = []
        self.authorizations: list[str | None] = []
        self.refuse = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as reader:
            target = reader.readline().split()[1].decode()
            headers = {}
            while line := reader.readline().strip():
                name, _, value = line.decode().partition(": ")
                headers[name.lower()] = value
            self.targets.append(target)
            self.authorizations.append(headers.get("proxy-authorization"))
            if self.refuse:
                connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as upstream:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=_copy, args=(upstream, connection))
                back.start()
                _copy(connection, upstream)
                back.join()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
