"""
`/metrics` and `/healthz` of the controller, over plain HTTP: neither tells a secret.

Never here: what they say.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

logger = logging.getLogger(__name__)

TIMEOUT = 10
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@contextlib.contextmanager
def serving(
    port: int | None, *, metrics: Callable[[], str], healthy: Callable[[], bool]
) -> Iterator[int | None]:
    """
    Serve in the background while the block runs, and say on which port.

    A port that is taken is logged and does not keep the controller from its work.

    Args:
        port: The port; 0 takes a free one, None serves nothing.
        metrics: The text of `/metrics`.
        healthy: Whether `/healthz` is 200; else 503.
    """
    try:
        server = (
            None if port is None else ThreadingHTTPServer(("", port), _handler(metrics, healthy))
        )
    except (OSError, OverflowError) as error:
        logger.error("no metrics: cannot listen on port %s: %s", port, error)
        server = None
    if server is None:
        yield None
        return
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(
    metrics: Callable[[], str], healthy: Callable[[], bool]
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = TIMEOUT

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, metrics(), _METRICS)
            elif self.path == "/healthz":
                good = healthy()
                self._answer(200 if good else 503, "ok\n" if good else "stuck\n", "text/plain")
            else:
                self._answer(404, "there are /metrics and /healthz\n", "text/plain")

        def _answer(self, status: int, text: str, content_type: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line."""

    return Handler
