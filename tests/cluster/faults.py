"""
A way to an API server that can be made bad, for the webhook's process.

It ends TLS with an authority of its own, knows one request from another, and passes on what
comes: a real API server answers, unless a test says otherwise.
"""

import asyncio
import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from irsa.tls.certs import Authority, LeafRequest

COLLECTION = "/api/v1/serviceaccounts"
LINE = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")
LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n", re.IGNORECASE)


@dataclass
class Asked:
    """A request that came by, and the status of its answer once there is one."""

    path: str
    at: float
    status: int | None = None
    authorization: str = ""
    method: str = "GET"

    @property
    def kind(self) -> str:
        """`watch`, `list`, or `get`; `change` for everything else."""
        if self.method != "GET":
            return "change"
        if not self.path.startswith(COLLECTION + "?"):
            return "get"
        return "watch" if "watch=true" in self.path else "list"


@dataclass(eq=False)
class Link:
    """One connection of the webhook, and its other half to the API server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: asyncio.StreamWriter | None = None
    asked: list[Asked] = field(default_factory=list)
    swallowed: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def watches(self) -> bool:
        return bool(self.asked) and self.asked[-1].kind == "watch"


# What a test does with a request: an answer of its own, a coroutine to wait for before the request
# is passed on (it may wait for ever), or nothing.
Fault = Callable[[Asked], "bytes | Coroutine[Any, Any, None] | None"]


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer, as a server sends it."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in named.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    return head.encode() + body


async def never() -> None:
    """Hang."""
    await asyncio.Event().wait()


class Way:
    """
    The way to an API server, on a loopback port of its own; a context manager.

    Args:
        server: The API server's URL and the file of its authority.
        context: The way's own side of TLS.

    Attributes:
        asked: Every request so far.
        fault: What is done with a request.
        rate: Bytes a second that come back; None for all that there are.
    """

    def __init__(self, server: dict[str, Any], context: ssl.SSLContext) -> None:
        host, _, port = server["url"].removeprefix("https://").partition(":")
        self._server = (host, int(port), ssl.create_default_context(cafile=server["ca"]))
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._listener: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.asked: list[Asked] = []
        self.fault: Fault = lambda _asked: None
        self.rate: int | None = None
        self._free = asyncio.Event()
        self._free.set()

    def __enter__(self) -> "Way":
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self) -> None:
        """Listen, on the same port as before."""
        self._run(self._listen())

    def close(self) -> None:
        """Listen no more, and reset what is open: nobody is there."""
        self._run(self._close())

    def cut(self) -> None:
        """Reset every connection."""
        self._run(self._cut())

    def swallow(self) -> None:
        """Every connection that is open stays so, and nothing passes on it any more."""
        for link in list(self._links):
            link.swallowed = True

    def hold(self) -> None:
        """From now on nothing comes back on a watch; it is not lost."""
        self.call(self._free.clear)

    def release(self) -> None:
        """Let come what was held."""
        self.call(self._free.set)

    def call(self, function: Callable[[], object]) -> None:
        """Do something where the connections live."""
        self._loop.call_soon_threadsafe(function)

    def count(self, kind: str, path: str = "") -> int:
        """How many requests of a kind came so far, for this path if one is given."""
        return sum(one.kind == kind and path in one.path for one in list(self.asked))

    @property
    def open_gets(self) -> int:
        """How many requests for one object have no answer yet."""
        links = [link for link in list(self._links) if link.asked]
        last = [link.asked[-1] for link in links]
        return sum(one.kind == "get" and one.status is None for one in last)

    @property
    def links(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(
            self._accepted, "127.0.0.1", self.port, ssl=self._context, reuse_address=True
        )
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = None
        await self._cut()

    async def _cut(self) -> None:
        links = list(self._links)
        for link in links:
            reset(link.writer)
            if link.upstream is not None:
                link.upstream.transport.abort()
        await asyncio.gather(*(link.ended.wait() for link in links))

    async def _end(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(Link(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, link: Link) -> None:
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as group:
                await self._requests(link, group)
        except* (OSError, EOFError):
            pass
        finally:
            self._links.discard(link)
            link.ended.set()
            for writer in filter(None, (link.writer, link.upstream)):
                writer.transport.abort()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _requests(self, link: Link, group: asyncio.TaskGroup) -> None:
        while True:
            head = await link.reader.readuntil(b"\r\n\r\n")
            length = LENGTH.search(head)
            body = await link.reader.readexactly(int(length[1])) if length else b""
            asked = seen(head)
            link.asked.append(asked)
            self.asked.append(asked)
            fault = self.fault(asked)
            if isinstance(fault, bytes):
                asked.status = int(fault.split()[1])
                link.writer.write(fault)
                continue
            if fault is not None:
                await gone_or(link.reader, fault)
            if link.upstream is None:
                host, port, context = self._server
                back, link.upstream = await asyncio.open_connection(host, port, ssl=context)
                group.create_task(self._pass_back(link, back))
            if not link.swallowed:
                link.upstream.write(head + body)

    async def _pass_back(self, link: Link, back: asyncio.StreamReader) -> None:
        while data := await back.read(self.rate or 65536):
            if link.watches:
                await self._free.wait()
            if link.swallowed:
                continue
            if data.startswith(b"HTTP/1.1 ") and link.asked[-1].status is None:
                link.asked[-1].status = int(data[9:12])
            link.writer.write(data)
            await link.writer.drain()
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)
        if link.swallowed:
            await never()
        link.writer.close()


def seen(head: bytes) -> Asked:
    """A request by its head."""
    found = LINE.match(head)
    assert found is not None, head[:200]
    bearer = re.search(rb"Authorization: Bearer (\S+)", head)
    return Asked(
        path=found[2].decode(),
        at=time.monotonic(),
        authorization=bearer[1].decode() if bearer else "",
        method=found[1].decode(),
    )


async def gone_or(reader: asyncio.StreamReader, fault: Coroutine[Any, Any, None]) -> None:
    """Wait for a fault to be over, or for the webhook to hang up."""
    waits = asyncio.ensure_future(fault)
    more = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({waits, more}, return_when=asyncio.FIRST_COMPLETED)
        if more.done():
            raise ConnectionError("the webhook has hung up")
        more.cancel()
        await asyncio.gather(more, return_exceptions=True)
    finally:
        waits.cancel()
        more.cancel()
        await asyncio.gather(waits, more, return_exceptions=True)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection as a machine does that has lost it: RST instead of FIN."""
    with contextlib.suppress(OSError):
        plain = writer.get_extra_info("socket")
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def authority_in(directory: Path) -> tuple[Authority, Path, Path]:
    """An authority, and the files of a certificate and key for this machine."""
    now = datetime.now(UTC)
    authority = Authority.generate("faults", now=now, days=30)
    leaf = authority.issue(LeafRequest(common_name="x", ips=("127.0.0.1",)), now=now, days=10)
    cert, key = directory / "tls.crt", directory / "tls.key"
    cert.write_bytes(leaf.certificate_pem)
    key.write_bytes(leaf.private_key_pem)
    return authority, cert, key


@contextlib.contextmanager
def way_to(server: dict[str, Any], directory: Path) -> Iterator[tuple[Way, Authority]]:
    """A way to an API server, and the authority that is to be trusted on it."""
    directory.mkdir()
    authority, cert, key = authority_in(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Way(server, context) as way:
        yield way, authority
