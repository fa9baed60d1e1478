"""Clients that are slow, greedy or many, on real TLS sockets: nobody holds up anybody."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Any

import pytest

from irsa.webhook.limits import Limits

Serving = Callable[..., None]


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that says nothing, not even its part of the handshake."""
    return await asyncio.open_connection("127.0.0.1", port)


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server ends the connection; whatever it still says is read."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(1 << 16):
            pass
    return True


async def hung_up(writer: asyncio.StreamWriter) -> None:
    """End our side."""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


def test_silent_handshake_is_given_up_and_holds_up_nobody(serving: Serving) -> None:
    """Who connects and says nothing goes; the others are served meanwhile."""

    async def test(server: Any) -> None:
        reader, writer = await opened(server.port)
        client = await server.connect()
        assert (await client.ask())[0] == 200
        assert await ended(reader)
        assert (await client.ask())[0] == 200
        await client.close()
        await hung_up(writer)

    serving(test, limits=Limits(handshake_seconds=0.5))


def test_crowd_that_never_shakes_hands_keeps_nobody_out(serving: Serving) -> None:
    """The oldest of too many handshakes goes, and an honest one is through."""

    async def test(server: Any) -> None:
        crowd = [await opened(server.port) for _ in range(20)]
        client = await server.connect()
        assert (await client.ask())[0] == 200
        for reader, _ in crowd[:16]:
            assert await ended(reader)
        await client.close()
        for _, writer in crowd:
            await hung_up(writer)

    serving(test, limits=Limits(handshakes=4, handshake_seconds=500))


def test_handshake_that_fails_is_no_noise(
    serving: Serving, caplog: pytest.LogCaptureFixture
) -> None:
    """Scanners and health checks that speak no TLS do not fill the log."""

    async def test(server: Any) -> None:
        for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""):
            reader, writer = await opened(server.port)
            writer.write(garbage)
            if not garbage:
                writer.write_eof()
            assert await ended(reader)
            await hung_up(writer)
        client = await server.connect()
        assert (await client.ask())[0] == 200
        await client.close()

    serving(test)
    assert not [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]


def test_client_that_reads_nothing_is_given_up(serving: Serving, until: Any) -> None:
    """Answers that nobody takes do not pile up, and the others are served meanwhile."""

    async def test(server: Any) -> None:
        greedy, client = await server.connect(), await server.connect()
        greedy.writer.transport.pause_reading()
        with pytest.raises(TimeoutError):
            await flood(greedy)
        assert (await client.ask())[0] == 200
        await until(lambda: len(server.server.connections) == 1)
        greedy.writer.transport.resume_reading()
        assert await ended(greedy.reader)
        assert (await client.ask())[0] == 200
        await client.close()
        await greedy.close()

    async def flood(client: Any) -> None:
        while True:
            client.writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
            async with asyncio.timeout(1):
                await client.writer.drain()

    serving(test, limits=Limits(write_seconds=2, head_seconds=500, body_seconds=500))


def test_slow_answer_of_one_is_not_the_others_wait(
    serving: Serving, directory: Any, review: Callable[..., bytes], until: Any
) -> None:
    """A review that waits for the API server holds up none that is known."""
    directory.slow, directory.release = True, asyncio.Event()

    async def test(server: Any) -> None:
        waiting, other = await server.connect(), await server.connect()
        asked = asyncio.create_task(waiting.ask("/mutate", review()))
        await until(lambda: bool(directory.asked))
        directory.slow = False
        assert (await other.ask("/mutate", review()))[0] == 200
        assert not asked.done()
        directory.release.set()
        assert (await asked)[0] == 200
        await waiting.close()
        await other.close()

    serving(test)


def test_answers_keep_the_order_of_their_requests(
    serving: Serving, directory: Any, review: Callable[..., bytes], until: Any
) -> None:
    """Also where the first of several on one connection has to wait."""
    directory.slow, directory.release = {"web"}, asyncio.Event()

    async def test(server: Any) -> None:
        client = await server.connect()
        spec = {"serviceAccountName": "known", "containers": []}
        second = review(uid="second", object={"metadata": {}, "spec": spec})
        for body in (review(uid="first"), second):
            head = b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
            client.writer.write(head + body)
        await until(lambda: ("shop", "web") in directory.asked)
        directory.release.set()
        assert b'"uid":"first"' in (await client.answer())[2]
        assert b'"uid":"second"' in (await client.answer())[2]
        assert (await client.ask())[0] == 200
        await client.close()

    serving(test)


def test_half_bodies_of_a_crowd_do_not_fill_the_memory(serving: Serving) -> None:
    """Of too many bodies that are not complete the oldest is refused, and says so."""

    async def test(server: Any) -> None:
        crowd = [await server.connect() for _ in range(3)]
        for client in crowd:
            head = b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n"
            client.writer.write(head + b"x" * 40_000)
            await client.writer.drain()
            assert (await server.ping())[0] == 200
        status, headers, _ = await crowd[0].answer()
        assert (status, headers["connection"]) == (503, "close")
        crowd[2].writer.write(b"x" * 10_000)
        assert (await crowd[2].answer())[0] == 400
        for client in crowd:
            await client.close()

    serving(test, limits=Limits(held=100_000))


def test_refusal_reaches_a_client_that_still_sends(serving: Serving) -> None:
    """The answer to a body that is too big is not lost in a reset connection."""

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
        for _ in range(64):
            client.writer.write(b"x" * 65536)
        assert (await client.answer())[0] == 413
        await client.close()

    serving(test)


@pytest.mark.parametrize(
    ("files", "connections"), [(1024, 720), (256, 144), (64, 4), (1 << 20, 800)]
)
def test_limits_fit_the_process(files: int, connections: int) -> None:
    """There are never more connections and handshakes than files for them."""
    limits = Limits().within(files)
    assert limits.connections == connections
    assert limits.connections + limits.handshakes <= max(files - 64, 8)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    ],
    ids=["http-1.0", "close", "upgrade"],
)
def test_last_request_ends_the_connection(serving: Serving, head: bytes) -> None:
    """Answered, with the word that it was the last."""

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(head)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert await ended(client.reader)
        await client.close()

    serving(test)


def test_bodies_of_every_framing_are_read(serving: Serving, review: Callable[..., bytes]) -> None:
    """In chunks, after 100-continue, and byte by byte."""
    body = review()

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(
            b"POST /mutate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (100, body[:100], len(body) - 100, body[100:])
        )
        assert (await client.answer())[0] == 200
        head = b"POST /mutate HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d"
        client.writer.write(head % len(body) + b"\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(body)
        assert (await client.answer())[0] == 200
        head = b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        for byte in (head + body)[:400]:
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        client.writer.write((head + body)[400:])
        assert (await client.answer())[0] == 200
        await client.close()

    serving(test)


def test_listening_socket_answers_after_a_client_was_reset(serving: Serving) -> None:
    """A client that is gone before it was accepted costs nobody else anything."""

    async def test(server: Any) -> None:
        for _ in range(20):
            gone = socket.create_connection(("127.0.0.1", server.port))
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            gone.close()
        client = await server.connect()
        assert (await client.ask())[0] == 200
        await client.close()

    serving(test)
