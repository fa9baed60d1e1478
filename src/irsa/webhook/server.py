"""
Listen, serve, and stop without losing a review.

Never here: what is answered, HTTP.
"""

import asyncio
import contextlib
import functools
import logging
import resource
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from irsa.errors import InputError
from irsa.tls.context import server_context
from irsa.webhook.application import Application
from irsa.webhook.connections import Connections
from irsa.webhook.limits import Limits
from irsa.webhook.listener import Listener
from irsa.webhook.protocol import Protocol

logger = logging.getLogger(__name__)

IDLE_GRACE = 0.5
BUSY_GRACE = 20.0
SWEEP = 0.1
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


def own_limits() -> Limits:
    """The limits of this process: it must never run out of files."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Limits().within(soft)


class Server:
    """
    The webhook behind its socket, from the first connection to the last.

    Args:
        application: What answers.
        context: The TLS context; a new certificate is loaded into it while it serves.
        stop_delay: For how many seconds a stopping server still takes new connections, because
            the API servers have not heard of the stop yet.
        limits: What clients may take.
    """

    def __init__(
        self,
        application: Application,
        context: ssl.SSLContext,
        *,
        stop_delay: float = 0.0,
        limits: Limits | None = None,
    ) -> None:
        self._application = application
        self._context = context
        self._stop_delay = stop_delay
        self._limits = limits or own_limits()
        self.connections = Connections(self._limits, time.monotonic)
        self._stopping = asyncio.Event()
        self.is_accepting = False

    def stop(self) -> None:
        """Begin to stop: not ready any more, and every answer ends its connection."""
        if not self._application.draining:
            logger.info("stopping")
        self._application.draining = True
        self._stopping.set()

    async def serve(self, listening: socket.socket) -> None:
        """Serve until told to stop; then answer what is under way, and close the socket."""
        factory = functools.partial(Protocol, self._application, self.connections)
        listener = Listener(listening, self._context, factory=factory, limits=self._limits)
        with self._signals():
            sweeping = asyncio.ensure_future(_sweep(self.connections))
            try:
                await self._accept(listener, listening)
                await _drained(listener, self.connections)
            finally:
                sweeping.cancel()

    async def _accept(self, listener: Listener, listening: socket.socket) -> None:
        accepting = asyncio.ensure_future(listener.run())
        self.is_accepting = True
        try:
            await self._stopping.wait()
            await asyncio.sleep(self._stop_delay)
        finally:
            accepting.cancel()
            await asyncio.gather(accepting, return_exceptions=True)
            listener.drain()
            listening.close()
            self.is_accepting = False

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
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


async def _sweep(connections: Connections) -> None:
    while True:
        await asyncio.sleep(SWEEP)
        connections.sweep()


async def _drained(listener: Listener, connections: Connections) -> None:
    """Answer what is under way, close what stays idle."""
    await _gone(listener, connections, IDLE_GRACE)
    for connection in connections:
        connection.close()
    await _gone(listener, connections, BUSY_GRACE)
    if left := len(connections):
        logger.error("stopped with %d connections still open", left)
        for connection in connections:
            connection.abort()


async def _gone(listener: Listener, connections: Connections, seconds: float) -> None:
    for _ in range(int(seconds / _POLL)):
        if not (len(connections) or listener.shaking_hands):
            return
        await asyncio.sleep(_POLL)
