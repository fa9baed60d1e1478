"""
HTTP/1.1 to one API server over asyncio streams: one request at a time on a connection.

Light to import: asyncio, ssl, httptools.
Never here: credentials, objects, retrying.
"""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

# More than any page or object may have: a Kubernetes object has at most about 3 MB.
MAX_BODY = 128 << 20
CHUNK = 1 << 18


class BrokenError(ConnectionError):
    """The connection ended in the middle of an answer, or the answer is not HTTP."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where to connect, the name to send, and how to verify it (None: in the clear)."""

    host: str
    port: int
    authority: str
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, url: str, tls: ssl.SSLContext | None) -> "Endpoint":
        """The endpoint of an API server's URL."""
        parts = urlsplit(url)
        port = parts.port or (80 if tls is None else 443)
        authority = parts.netloc.rpartition("@")[2]
        return cls(host=parts.hostname or "", port=port, authority=authority, tls=tls)


class _Parsed:
    """What httptools has understood of one answer so far."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.chunks: list[bytes] = []
        self.status: int | None = None
        self.retry_after: float | None = None
        self.keeps_alive = False
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        # The other form, a date, no API server sends.
        if name.lower() == b"retry-after" and value.isdigit():
            self.retry_after = float(value)

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.keeps_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.is_complete = True


class Channel:
    """
    One connection.

    Args:
        endpoint: Where it leads.
        reader: Its receiving side.
        writer: Its sending side.
    """

    def __init__(
        self, endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._endpoint = endpoint
        self._reader = reader
        self._writer = writer
        self._parsed = _Parsed()
        self._used_at = time.monotonic()

    @classmethod
    async def open(cls, endpoint: Endpoint, *, within: float) -> "Channel":
        """
        Connect; the certificate is verified.

        Raises:
            OSError: Unreachable, not to be trusted, or too slow (TimeoutError).
        """
        async with asyncio.timeout(within):
            reader, writer = await asyncio.open_connection(
                endpoint.host,
                endpoint.port,
                ssl=endpoint.tls,
                server_hostname=endpoint.host if endpoint.tls else None,
                limit=CHUNK,
            )
        return cls(endpoint, reader, writer)

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow: the last answer is whole, and nothing was said."""
        whole = self._parsed.is_complete and self._parsed.keeps_alive
        return whole and not self._reader.at_eof() and not self._writer.is_closing()

    @property
    def idle_for(self) -> float:
        """For how many seconds nothing has come."""
        return time.monotonic() - self._used_at

    @property
    def retry_after(self) -> float | None:
        """For how many seconds the server wants to be left alone, by its last answer."""
        return self._parsed.retry_after

    async def ask(self, target: str, headers: list[tuple[str, str]], *, within: float) -> int:
        """
        Send a GET, and return the status of its answer.

        Args:
            target: Path and query.
            headers: Besides Host.
            within: Seconds until the headers of the answer must be here.
        """
        self._parsed = _Parsed()
        lines = [f"GET {target} HTTP/1.1", f"Host: {self._endpoint.authority}"]
        lines += [f"{name}: {value}" for name, value in headers]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        async with asyncio.timeout(within):
            await self._writer.drain()
            while self._parsed.status is None:
                await self._receive()
        return self._parsed.status

    async def body(self, *, silence: float) -> bytes:
        """The whole body of the answer, however slow; `silence` seconds without a byte are not."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks(silence=silence):
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_BODY:
                raise BrokenError(f"an answer of more than {MAX_BODY} bytes")
        return b"".join(parts)

    async def lines(self, *, silence: float) -> AsyncGenerator[bytes, None]:
        """The body line by line while it comes; `silence` seconds without a byte are too many."""
        rest: list[bytes] = []
        async for chunk in self.chunks(silence=silence):
            head, separator, tail = chunk.partition(b"\n")
            rest.append(head)
            if not separator:
                continue
            yield b"".join(rest)
            *whole, last = tail.split(b"\n")
            for line in whole:
                yield line
            rest = [last]

    async def close(self) -> None:
        """End the connection without waiting for the other side."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def chunks(self, *, silence: float) -> AsyncGenerator[bytes, None]:
        """The body as it comes; `silence` seconds without a byte are too many."""
        while True:
            chunks, self._parsed.chunks = self._parsed.chunks, []
            for chunk in chunks:
                yield chunk
            if self._parsed.is_complete:
                return
            async with asyncio.timeout(silence):
                await self._receive()

    async def _receive(self) -> None:
        data = await self._reader.read(CHUNK)
        self._used_at = time.monotonic()
        if not data:
            # An answer without a length ends with the connection; the API server never sends one.
            raise BrokenError("the connection was closed in the middle")
        try:
            self._parsed.parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise BrokenError(f"not an HTTP answer: {error}") from error
