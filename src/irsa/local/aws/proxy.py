"""
The HTTPS proxy: answers CONNECT for AWS's host names, ends TLS itself, and speaks HTTP/1.1 inside.

Never here: what a request means.
"""

import socket
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from irsa.local.aws.authority import HostCertificates
from irsa.local.aws.hosts import target_of
from irsa.local.aws.request import Request, Response

MAX_BODY = 256 << 20
IDLE_SECONDS = 120
Answer = Callable[[Request], Response]


class Proxy(ThreadingHTTPServer):
    """
    The listening proxy; `serve_forever` and `shutdown` as of the standard library.

    Args:
        address: Where to listen; port 0 takes a free one.
        certificates: What the hosts show.
        answer: Answers one request; called from many threads.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], certificates: HostCertificates, *, answer: Answer
    ) -> None:
        super().__init__(address, _Entry)
        self.certificates = certificates
        self.answer = answer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is not worth a word."""


class _Entry(BaseHTTPRequestHandler):
    """What a client says before the tunnel."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server: Proxy

    def do_CONNECT(self) -> None:
        """Open a tunnel to a host name of AWS, which ends right here."""
        host, _, port = self.path.rpartition(":")
        target = target_of(host.lower())
        if target is None or port != "443":
            self._refuse(f"{self.path} is not a host name of AWS that is served here")
            return
        context = self.server.certificates.context(host.lower(), target)
        self.send_response_only(200, "Connection established")
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        try:
            with context.wrap_socket(self.connection, server_side=True) as connection:
                _Tunnel(connection, self.client_address, self.server, host=host.lower())
        except (ssl.SSLError, OSError):
            return

    def do_GET(self) -> None:
        """Refuse whatever is not a tunnel."""
        self._refuse("this proxy opens tunnels (CONNECT) to host names of AWS, and nothing else")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Calls are recorded elsewhere."""

    def _refuse(self, sentence: str) -> None:
        body = f"{sentence}\n".encode()
        self.send_response_only(403)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True


class _Tunnel(BaseHTTPRequestHandler):
    """HTTP inside a tunnel, to one host."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    server_version = "irsa-local-aws"
    sys_version = ""
    wbufsize = -1
    server: Proxy

    def __init__(
        self,
        connection: socket.socket,
        client: tuple[str, int],
        server: Proxy,
        *,
        host: str,
    ) -> None:
        self._host = host
        super().__init__(connection, client, server)

    def do_GET(self) -> None:
        """Answer one request, whatever its method."""
        body = self._read_body()
        if body is None:
            self.close_connection = True
            self.send_error(400, "the body has no usable length")
            return
        if self.headers.get("Host", "").lower().removesuffix(":443") != self._host:
            self.send_error(421, "the Host header names another host than the tunnel")
            return
        self._send(self.server.answer(self._request(body)))

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - as above

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Calls are recorded elsewhere."""

    def handle_expect_100(self) -> bool:
        """Ask for the body; answers are buffered, and this one must be out before it comes."""
        more = super().handle_expect_100()
        self.wfile.flush()
        return more

    def _request(self, body: bytes) -> Request:
        path, _, query = self.requestline.split(" ")[1].partition("?")
        headers: dict[str, str] = {}
        for name, text in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{text}" if key in headers else text
        return Request(
            method=self.command,
            host=self._host,
            path=path,
            query_text=query,
            headers=headers,
            body=body,
            source_ip=str(self.client_address[0]),
        )

    def _read_body(self) -> bytes | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._read_chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return None
        body = self.rfile.read(int(length))
        return body if len(body) == int(length) else None

    def _read_chunks(self) -> bytes | None:
        chunks: list[bytes] = []
        size = 0
        while size <= MAX_BODY:
            line = self.rfile.readline(1024).split(b";")[0].strip()
            try:
                length = int(line, 16)
            except ValueError:
                return None
            if length == 0:
                self._skip_trailers()
                return b"".join(chunks)
            chunks.append(self.rfile.read(length))
            size += length
            self.rfile.readline(8)
        return None

    def _skip_trailers(self) -> None:
        """Those of HTTP itself: AWS's are inside the body."""
        while self.rfile.readline(65536).strip():
            continue

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        length = response.headers.get("content-length") if self.command == "HEAD" else None
        for name, text in response.headers.items():
            if name not in ("content-length", "date", "server", "connection"):
                self.send_header(name, text)
        if response.status not in (204, 304):
            self.send_header("Content-Length", length or str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD" and response.status not in (204, 304):
            self.wfile.write(response.body)
        self.wfile.flush()
