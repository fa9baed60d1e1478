"""
Accept connections and bring them through their handshake, so that nobody holds up anybody.

Never here: what is said on a connection.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from irsa.webhook.limits import Limits

logger = logging.getLogger(__name__)

# The process or the machine has no more of something; the next moment it may have.
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
PAUSE = 0.1


class Listener:
    """
    One listening socket.

    Args:
        listening: The socket.
        context: The TLS context.
        factory: Makes the protocol of a connection after its handshake.
        limits: How many handshakes at a time, and for how long.
    """

    def __init__(
        self,
        listening: socket.socket,
        context: ssl.SSLContext,
        *,
        factory: Callable[[], asyncio.BaseProtocol],
        limits: Limits,
    ) -> None:
        self._socket = listening
        self._context = context
        self._factory = factory
        self._limits = limits
        # In the order in which they came.
        self._handshakes: dict[asyncio.Task[None], None] = {}

    @property
    def shaking_hands(self) -> int:
        """How many connections are not through their handshake yet."""
        return len(self._handshakes)

    async def run(self) -> None:
        """Accept until cancelled."""
        loop = asyncio.get_running_loop()
        self._socket.setblocking(False)
        while True:
            try:
                client, _ = await loop.sock_accept(self._socket)
            except OSError as error:
                # Anything else is about one client that has gone again.
                if error.errno in _EXHAUSTED:
                    await self._pause(error)
                continue
            self._welcome(client)

    def drain(self) -> None:
        """Take those in that the kernel has accepted already: closing would reset them."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                client.setblocking(False)
                self._welcome(client)

    async def _pause(self, error: OSError) -> None:
        """Wait a little, instead of trying again and again what cannot be done."""
        logger.error("no new connection can be taken now: %s", error.strerror)
        await asyncio.sleep(PAUSE)

    def _welcome(self, client: socket.socket) -> None:
        task = asyncio.ensure_future(self._shake_hands(client))
        self._handshakes[task] = None
        task.add_done_callback(lambda done: self._handshakes.pop(done, None))
        if len(self._handshakes) > self._limits.handshakes:
            # An honest client is through in milliseconds: it is hardly ever the oldest.
            oldest = next(iter(self._handshakes))
            del self._handshakes[oldest]
            oldest.cancel()

    async def _shake_hands(self, client: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory,
                client,
                ssl=self._context,
                ssl_handshake_timeout=self._limits.handshake_seconds,
            )
        except OSError as error:
            # ssl.SSLError and TimeoutError, too: somebody who does not speak TLS, or not ours.
            logger.debug("a handshake failed: %s", error)
