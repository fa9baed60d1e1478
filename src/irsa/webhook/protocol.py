"""
One connection: bytes to requests, answers to bytes, within limits.

HTTP itself is parsed by httptools. Answers go out in the order of their requests; most are ready at
once, and then no task is made for them.
Never here: TLS, what is answered.
"""

import asyncio
import enum
import logging
import math
import ssl
from collections import deque
from collections.abc import Coroutine
from typing import Any, cast

import httptools

from irsa.webhook.application import Application
from irsa.webhook.connections import Connections
from irsa.webhook.exchange import Answer, Request, rendered

logger = logging.getLogger(__name__)

# After the last answer: until a client must have taken it, and ended its side, too.
LINGER = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FAULT = Answer(status=500, body=b"a fault in irsa\n", close=True)


class Reading(enum.Enum):
    """How much of the next request is here."""

    nothing = enum.auto()
    head = enum.auto()
    body = enum.auto()


class Protocol(asyncio.BufferedProtocol):
    """
    A client's connection, after the handshake.

    Args:
        application: What answers.
        connections: All connections, of which it becomes one.
    """

    def __init__(self, application: Application, connections: Connections) -> None:
        self._application = application
        self._connections = connections
        self._limits = connections.limits
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport = cast("asyncio.Transport", None)
        self._client: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[Request] = deque()
        self._reading = Reading.nothing
        self._target = b""
        self._chunks: list[bytes] = []
        self._size = 0
        self._wants_continue = False
        self._keeps_alive = True
        # The client does not take its answers.
        self._is_stuck = False
        # The last answer is sent; what the client still sends is not looked at.
        self._is_over = False
        self.used_at = connections.clock()
        self.due = math.inf
        self.held = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come; its certificate, if it has one, was verified."""
        self._transport = cast("asyncio.Transport", transport)
        self._client = _client_name(transport.get_extra_info("ssl_object"))
        self._wait(self._limits.idle_seconds)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 # asyncio's name for it
        """Nothing more will come; an answer that is still being made goes nowhere."""
        self._is_over = True
        self._waiting.clear()
        self._connections.remove(self)
        # Two that know each other would wait for the garbage collector.
        self._parser = None

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 # asyncio's name for it
        """Where to put what arrives: one place for all, because it is looked at at once."""
        return self._connections.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has arrived."""
        if self._is_over:
            return
        self.used_at = self._connections.clock()
        try:
            self._parser.feed_data(self._connections.buffer[:nbytes])
        except httptools.HttpParserUpgrade:
            pass  # that request is answered as any other, and as the last one
        except httptools.HttpParserError as error:
            self._not_understood(error)
        if self._reading is not Reading.nothing or self.held:
            self._account(nbytes)

    def _account(self, received: int) -> None:
        """Note what an incomplete request takes."""
        if self._is_over:
            return
        if self._reading is Reading.head:
            self._size += received
            if self._size > self._limits.head:
                self.abort()
        self._connections.hold(self, self._size if self._reading is Reading.body else 0)

    def pause_writing(self) -> None:
        """The client does not take its answers: take nothing from it either."""
        self._wait(self._limits.write_seconds)
        self._is_stuck = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It took them."""
        self._is_stuck = False
        self._rest()

    # What httptools calls

    def on_message_begin(self) -> None:
        """A head begins."""
        self._reading = Reading.head
        self._target, self._chunks, self._size = b"", [], 0
        self._wants_continue = False
        self._wait(self._limits.head_seconds)

    def on_url(self, url: bytes) -> None:
        """The target, or a part of it."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """The few headers that matter; their length tells most others apart."""
        if len(name) == 14 and name.lower() == b"content-length":
            self._check(int(value))
        elif len(name) == 6 and name.lower() == b"expect":
            self._wants_continue = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._reading, self._size = Reading.body, 0
        self._keeps_alive = self._parser.should_keep_alive() and not self._parser.should_upgrade()
        self._wait(self._limits.body_seconds)
        if self._wants_continue and not self._is_over:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._size += len(body)
        self._check(self._size)
        if not self._is_over:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """The request is complete."""
        self._reading = Reading.nothing
        if self._is_over:
            return
        request = Request(
            method=self._parser.get_method(),
            target=self._target,
            body=self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks),
            client=self._client,
            keeps_alive=self._keeps_alive,
        )
        self._chunks = []
        if self._task is None:
            self._answer(request)
        else:
            self._waiting.append(request)

    def _check(self, size: int) -> None:
        if size > self._limits.body:
            self.refuse(413, f"the body is over {self._limits.body} bytes")

    def _not_understood(self, error: Exception) -> None:
        if isinstance(error, httptools.HttpParserCallbackError):
            logger.error("a fault in irsa", exc_info=error)
        self.refuse(400, "not a request that HTTP allows")

    # Answers

    def _answer(self, request: Request) -> None:
        try:
            coming = self._application.answer(request)
        except Exception:
            logger.exception("a fault in irsa")
            coming = _FAULT
        if isinstance(coming, Answer):
            self._send(request, coming)
        else:
            self._wait(math.inf)
            self._transport.pause_reading()
            self._task = asyncio.ensure_future(self._answer_later(request, coming))

    async def _answer_later(self, request: Request, coming: Coroutine[Any, Any, Answer]) -> None:
        try:
            answer = await coming
        except Exception:
            logger.exception("a fault in irsa")
            answer = _FAULT
        self._task = None
        self._send(request, answer)
        while self._waiting and self._task is None:
            self._answer(self._waiting.popleft())
        self._rest()

    def _send(self, request: Request, answer: Answer) -> None:
        if self._is_over:
            return
        self._wait(self._limits.idle_seconds)
        last = answer.close or not request.keeps_alive or self._application.draining
        self._write(answer, last=last, bodiless=request.method == b"HEAD")
        if last:
            self._end()

    def _write(self, answer: Answer, *, last: bool, bodiless: bool = False) -> None:
        date = self._connections.date
        self._transport.write(rendered(answer, date=date, last=last, bodiless=bodiless))

    def _rest(self) -> None:
        """Go on with what the client sends next, if nothing stands in the way."""
        if self._is_over or self._is_stuck or self._task is not None:
            return
        self._transport.resume_reading()
        if self._reading is Reading.nothing:
            self._wait(self._limits.idle_seconds)
        else:
            self._wait(self._limits.body_seconds)

    def _wait(self, seconds: float) -> None:
        """What is waited for next; nothing else while an answer is made, or not taken."""
        if self._task is None and not self._is_stuck:
            self.due = self._connections.clock() + seconds

    # The end

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._reading is Reading.nothing and self._task is None and not self._is_stuck

    def expire(self) -> None:
        """Its time is over: answer if there is somebody to hear it, and end."""
        if self._transport.is_closing() or self._is_stuck:
            self.abort()
        elif self.is_idle:
            self._end()
        elif self._reading is Reading.body:
            self.refuse(408, f"the body did not come within {self._limits.body_seconds:.0f} s")
        else:
            self.abort()

    def close(self) -> None:
        """Close it if it is idle; otherwise its answer is the last one."""
        if self.is_idle:
            self._end()

    def abort(self) -> None:
        """Close it at once, whatever is under way."""
        self._is_over = True
        self._transport.abort()

    def refuse(self, status: int, reason: str) -> None:
        """Answer a request that is not complete, and end; what still comes is thrown away."""
        if self._is_over:
            return
        if self._task is not None:
            self.abort()  # answers go out in order
            return
        self._write(Answer(status=status, body=f"{reason}\n".encode()), last=True)
        self._chunks = []
        self._end()
        self._connections.hold(self, 0)

    def _end(self) -> None:
        self._is_over = True
        self.due = self._connections.clock() + LINGER
        self._transport.close()


def _client_name(connection: ssl.SSLObject | None) -> str | None:
    """The common name of a client's certificate; None if it showed none."""
    certificate = connection.getpeercert() if connection else None
    if not certificate:
        return None
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", certificate.get("subject", ()))
    return next((value for part in subject for key, value in part if key == "commonName"), "")
