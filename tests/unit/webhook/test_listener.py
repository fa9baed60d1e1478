"""Accepting connections, apart from what is said on them."""

import asyncio
import socket
import ssl
from typing import Any

import uvloop

from irsa.webhook.limits import Limits
from irsa.webhook.listener import Listener
from irsa.webhook.server import listen, serving_context


def test_connection_that_the_kernel_has_taken_is_not_reset(files: Any, until: Any) -> None:
    """Who came just before the socket is closed still gets through the handshake."""

    async def test() -> None:
        listening = listen(0, host="127.0.0.1")
        context = serving_context(files.cert, files.key)
        listener = Listener(listening, context, factory=asyncio.Protocol, limits=Limits())
        listening.setblocking(False)
        plain = socket.create_connection(listening.getsockname(), timeout=30)
        listener.drain()
        listening.close()
        encrypted = await asyncio.to_thread(handshake, files.client(), plain)
        encrypted.close()
        await until(lambda: not listener.shaking_hands)

    def handshake(context: ssl.SSLContext, plain: socket.socket) -> ssl.SSLSocket:
        return context.wrap_socket(plain, server_hostname="localhost")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test())
