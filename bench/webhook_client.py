"""A small HTTPS client that knows which request was sent and never answered."""

import base64
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from webhook_reviews import Review

HOST = "127.0.0.1"
PATIENCE = 10.0


class LostError(Exception):
    """A request went out, and no whole answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer, and how many bytes it took on the wire."""

    status: int
    body: bytes
    size: int
    closing: bool


class Connection:
    """
    One TLS connection that is kept alive.

    Args:
        port: Of the loopback address.
        context: Whom to trust.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection((HOST, port), timeout=PATIENCE)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = context.wrap_socket(plain, server_hostname=HOST)
        except BaseException:
            plain.close()
            raise

    @property
    def certificate(self) -> bytes:
        """What the server shows."""
        return self._socket.getpeercert(binary_form=True) or b""

    def close(self) -> None:
        """Let it go."""
        self._socket.close()

    def gone(self) -> bool:
        """Whether the server has closed it while nothing was under way."""
        if not self._socket.pending() and not select.select([self._socket], [], [], 0)[0]:
            return False
        self._socket.setblocking(False)
        try:
            # A server's session tickets are no data: then there is nothing to read, after all.
            return not self._socket.recv(1)
        except ssl.SSLWantReadError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)

    def ask(self, request: bytes) -> Answer:
        """
        One request and its answer.

        Raises:
            LostError: The request was sent, and no whole answer came.
        """
        try:
            self._socket.sendall(request)
            received = b""
            while (answer := _parse(received)) is None:
                chunk = self._socket.recv(262_144)
                if not chunk:
                    raise LostError("the connection ended before the answer")
                received += chunk
        except OSError as error:
            raise LostError(str(error)) from error
        return answer


def _parse(data: bytes) -> Answer | None:
    """An answer, once it is complete."""
    head, found, rest = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.lower().split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    if b"content-length" in headers:
        body = rest if len(rest) >= int(headers[b"content-length"]) else None
    else:
        body = _unchunked(rest) if rest.endswith(b"0\r\n\r\n") else None
    if body is None:
        return None
    status = int(first.split()[1])
    closing = headers.get(b"connection") == b"close"
    return Answer(status=status, body=body, size=len(data), closing=closing)


def _unchunked(data: bytes) -> bytes:
    parts = []
    while True:
        length, _, data = data.partition(b"\r\n")
        if not (size := int(length, 16)):
            return b"".join(parts)
        parts.append(data[:size])
        data = data[size + 2 :]


def check(review: Review, answer: Answer) -> None:
    """
    See that an answer is right.

    Raises:
        SystemExit: It is not.
    """
    response = json.loads(answer.body)["response"] if answer.status == 200 else {}
    patch = json.loads(base64.b64decode(response.get("patch", "") or "bnVsbA=="))
    role = any(b"AWS_ROLE_ARN" in part for part in (json.dumps(patch).encode(),))
    right = response.get("uid") == review.uid and response.get("allowed") is True
    if not right or role != review.patched:
        raise SystemExit(f"a wrong answer ({answer.status}): {answer.body[:300]!r}")


@dataclass(slots=True)
class Crowd:
    """
    Clients that ask without a pause, each on a connection of its own.

    Args:
        port: Of the loopback address.
        context: Whom to trust.
        reviews: What they ask, in turn.
    """

    port: int
    context: ssl.SSLContext
    reviews: Sequence[Review]
    answered: int = 0
    lost: int = 0
    leaving: threading.Event = field(default_factory=threading.Event)
    staying: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, *, clients: int = 8, seconds: float = 1.0) -> None:
        """Let them begin, and go on for a while."""
        for number in range(clients):
            thread = threading.Thread(target=self._ask, args=(number,), daemon=True)
            self._threads.append(thread)
            thread.start()
        time.sleep(seconds)

    def end(self) -> None:
        """Wait until all have stopped; who has a connection may use it until it ends."""
        self.leaving.set()
        for thread in self._threads:
            thread.join(PATIENCE * 2)

    def stop(self) -> None:
        """Have them stop after the answers they wait for."""
        self.staying.set()
        self.end()

    def _ask(self, number: int) -> None:
        requests = [each.request for each in self.reviews]
        connection: Connection | None = None
        while not self.staying.is_set():
            if connection is None or connection.gone():
                connection = None
                if self.leaving.is_set():
                    break
            number += 1
            try:
                connection = connection or Connection(self.port, self.context)
                answer = connection.ask(requests[number % len(requests)])
            except (LostError, OSError):
                answer = None
            with self._lock:
                good = answer is not None and answer.status == 200
                self.answered += good
                self.lost += not good
            if connection and (answer is None or answer.closing):
                connection.close()
                connection = None
        if connection:
            with suppress(OSError):
                connection.close()
