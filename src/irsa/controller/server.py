"""
`/metrics`, `/healthz` and `/readyz` of the controller, over plain HTTP: none tells a secret.

Never here: what they say.
"""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

logger = logging.getLogger(__name__)

TIMEOUT = 10
# Scrapes and probes come one by one: whoever opens more is made to wait.
MAX_CONNECTIONS = 16
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """
    What is shown.

    Args:
        metrics: The text of `/metrics`.
        healthy: Whether `/healthz` is 200; else 503, and the process should be replaced.
        unready: What does not work now; `/readyz` is 200 if that is nothing.
    """

    metrics: Callable[[], str]
    healthy: Callable[[], bool] = lambda: True
    unready: Callable[[], str] = str


@contextlib.contextmanager
def serving(port: int | None, pages: Pages) -> Iterator[int | None]:
    """
    Serve in the background while the block runs, and say on which port.

    A port that is taken is logged and does not keep the controller from its work.

    Args:
        port: The port; 0 takes a free one, None serves nothing.
        pages: What is shown.
    """
    try:
        server = None if port is None else _Server(port, _handler(pages))
    except (OSError, OverflowError) as error:
        logger.error("no metrics: cannot listen on port %s: %s", port, error)
        server = None
    if server is None:
        yield None
        return
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    """On every address of both families, as kubelet and Prometheus may use either."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._slots = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._both = socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if self._both else socket.AF_INET
        super().__init__(("", port), handler)

    def server_bind(self) -> None:
        if self._both:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(timeout=TIMEOUT):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away; that is not worth a traceback."""


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(200, pages.metrics(), _METRICS)
                case "/healthz":
                    good = pages.healthy()
                    self._answer(200 if good else 503, "ok\n" if good else "stuck\n")
                case "/readyz":
                    complaints = pages.unready()
                    self._answer(503 if complaints else 200, complaints or "ok\n")
                case _:
                    self._answer(404, "there are /metrics, /healthz and /readyz\n")

        def _answer(self, status: int, text: str, content_type: str = "text/plain") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line."""

    return Handler
