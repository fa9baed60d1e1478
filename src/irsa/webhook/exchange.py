"""
One HTTP request and its answer, as values.

Never here: sockets, what is answered.
"""

from collections.abc import Coroutine
from typing import Any

from msgspec import Struct

TEXT = b"text/plain; charset=utf-8"
JSON = b"application/json"


class Request(Struct, frozen=True, kw_only=True, gc=False):
    """
    A request, its body complete.

    Args:
        client: The common name of the client's verified certificate; None if it showed none.
        keeps_alive: Whether the client may send another one on its connection.
    """

    method: bytes
    target: bytes
    body: bytes = b""
    client: str | None = None
    keeps_alive: bool = True


class Answer(Struct, frozen=True, kw_only=True, gc=False):
    """An answer; with `close` it is the last one on its connection."""

    status: int = 200
    body: bytes
    content_type: bytes = TEXT
    close: bool = False


# What the application gives: at once if it can, because most reviews need no waiting.
Coming = Answer | Coroutine[Any, Any, Answer]

_STATUS = {
    200: b"200 OK",
    400: b"400 Bad Request",
    403: b"403 Forbidden",
    404: b"404 Not Found",
    405: b"405 Method Not Allowed",
    408: b"408 Request Timeout",
    413: b"413 Content Too Large",
    500: b"500 Internal Server Error",
    503: b"503 Service Unavailable",
}
_CLOSE = b"connection: close\r\n"


def rendered(answer: Answer, *, date: bytes, last: bool, bodiless: bool) -> bytes:
    """
    The bytes of an answer.

    Args:
        answer: The answer.
        date: The time, as HTTP writes it.
        last: Whether the connection ends with it.
        bodiless: Whether only the head is sent, as for HEAD.
    """
    return b"HTTP/1.1 %b\r\ndate: %b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b\r\n%b" % (
        _STATUS[answer.status],
        date,
        answer.content_type,
        len(answer.body),
        _CLOSE if last else b"",
        b"" if bodiless else answer.body,
    )
