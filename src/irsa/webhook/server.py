"""
Listen, and stop without losing a review.

The only importer of the HTTP library. uvicorn's own stop closes idle connections at once, and a
client that is just sending on one loses its request; ours answers `Connection: close` first.
Never here: what is answered.
"""

import asyncio
import contextlib
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from irsa.errors import InputError
from irsa.tls.context import server_context
from irsa.webhook.application import CLIENT_NAME, Application

logger = logging.getLogger(__name__)

# Go's HTTP clients give up an idle connection after 90 s; they do it first, so that we never close
# one on which a request is under way.
KEEP_ALIVE = 120
IDLE_GRACE = 0.5
BUSY_GRACE = 20.0
# Go's own servers allow as much.
MAX_HEAD = 1024 * 1024
HEAD_TIMEOUT = 10.0
# Far above what API servers hold open, and below what a process may have of files.
MAX_CONNECTIONS = 800
_POLL = 0.02
_BACKLOG = 1024


def listen(port: int, *, host: str | None = None) -> socket.socket:
    """
    A listening socket, on every address of both families if no host is given.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        if host is None and socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        family = socket.AF_INET6 if host and ":" in host else socket.AF_INET
        return socket.create_server((host or "", port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        where = f"port {port}" if host is None else f"{host} port {port}"
        raise InputError(f"cannot listen on {where}: {error}") from error


def serving_context(
    cert_file: Path, key_file: Path, *, client_ca: Path | None = None
) -> ssl.SSLContext:
    """
    The TLS context; with a client CA, who shows a certificate must have one of it.

    Nobody has to show one: the kubelet's probes do not.

    Raises:
        InputError: A file cannot be used.
    """
    context = server_context(cert_file, key_file, client_ca=client_ca)
    if client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class Protocol(HttpToolsProtocol):
    """
    uvicorn's protocol with the limits that it has not.

    The size and the time of a head, the time before the first one, and the number of connections:
    where there are too many, the one that has been idle longest goes.
    """

    _unfinished: int | None = None
    _deadline: asyncio.TimerHandle | None = None
    _client: str | None = None
    used_at: float = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client has come; its certificate, if it has one, was verified."""
        super().connection_made(transport)
        self._client = _client_name(transport.get_extra_info("ssl_object"))
        self.used_at = self.loop.time()
        self._set_deadline(self.loop.call_later(KEEP_ALIVE, transport.abort))
        if len(self.connections) > MAX_CONNECTIONS:
            self._make_room()

    def _make_room(self) -> None:
        peers = [peer for peer in self.connections if isinstance(peer, Protocol)]
        idle = [peer for peer in peers if peer.is_idle and peer is not self]
        longest = min(idle, key=lambda peer: peer.used_at, default=self)
        longest.transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        # Before the first request there is none, whatever uvicorn's types say.
        return cast("object | None", self.cycle) is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[CLIENT_NAME] = self._client
        self._unfinished = 0

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._unfinished = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, and give up on a head without an end."""
        self.used_at = self.loop.time()
        super().data_received(data)
        if self._unfinished is None:
            self._set_deadline(None)
            return
        self._unfinished += len(data)
        if self._unfinished > MAX_HEAD:
            self.transport.abort()
        elif self._unfinished == len(data):
            # Only its first bytes set the deadline: more of them do not put it off.
            self._set_deadline(self.loop.call_later(HEAD_TIMEOUT, self.transport.abort))

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._set_deadline(None)
        super().connection_lost(exc)

    def _set_deadline(self, timer: asyncio.TimerHandle | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = timer


def _client_name(connection: ssl.SSLObject | None) -> str | None:
    """The common name of a client's certificate; None if it showed none."""
    certificate = connection.getpeercert() if connection else None
    if not certificate:
        return None
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
    return next((value for part in subject for key, value in part if key == "commonName"), "")


class Server(uvicorn.Server):
    """
    uvicorn with a stop that loses nothing.

    Args:
        application: What answers.
        context: The TLS context; a new certificate is loaded into it while it serves.
        stop_delay: For how many seconds a stopping server still takes new connections, because
            the API servers have not heard of the stop yet.
    """

    def __init__(
        self, application: Application, context: ssl.SSLContext, *, stop_delay: float = 0.0
    ) -> None:
        self._application = application
        self._stop_delay = stop_delay
        super().__init__(_configuration(application, context))

    def stop(self) -> None:
        """Begin to stop: not ready any more, and every answer ends its connection."""
        if not self._application.draining:
            logger.info("stopping")
        self._application.draining = True
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and end with the caller's exit code, not by the signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, answer what is under way, close what stays idle."""
        self.stop()
        await asyncio.sleep(self._stop_delay)
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        await self._without_connections(IDLE_GRACE)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._without_connections(BUSY_GRACE)
        if left := len(self.server_state.connections):
            logger.error("stopped with %d reviews unanswered", left)

    async def _without_connections(self, seconds: float) -> None:
        for _ in range(int(seconds / _POLL)):
            if not self.server_state.connections:
                return
            await asyncio.sleep(_POLL)


def _configuration(application: Application, context: ssl.SSLContext) -> uvicorn.Config:
    factory = cast("Callable[..., ssl.SSLContext]", lambda *_: context)
    return uvicorn.Config(
        application,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        ssl_context_factory=factory,
    )
