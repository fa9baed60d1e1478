"""
The four routes as a bare ASGI application: `/mutate /healthz /readyz /metrics`.

Never here: listening, TLS.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from irsa.injection.grants import DEFAULT_PREFIX
from irsa.webhook.directory import Cache, Directory
from irsa.webhook.handler import PATIENCE, Outcome, Reply, handle
from irsa.webhook.metrics import CONTENT_TYPE, Metrics, State

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A request to the API server may have 3 MiB; the review around it repeats a little of it.
MAX_BODY = 8 * 1024 * 1024
BODY_TIMEOUT = 10.0
# The key of the connection's verified client in the ASGI scope: its common name, or None.
CLIENT_NAME = "irsa.client"
_TIMEOUT = re.compile(rb"(?:^|&)timeout=(\d{1,3})s(?:&|$)")
_JSON = b"application/json"
_TEXT = b"text/plain; charset=utf-8"
_LEVELS = {
    Outcome.failed: logging.ERROR,
    Outcome.refused: logging.WARNING,
    Outcome.malformed: logging.WARNING,
}


class RequestError(Exception):
    """A request that is answered with an HTTP status before anybody looks at its body."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer."""

    status: int = 200
    body: bytes
    content_type: bytes = _TEXT
    close: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """
    Whose reviews are answered.

    Args:
        verified: Only of clients with a certificate of the client CA.
        names: And of these only those with one of these common names; empty takes every one.
    """

    verified: bool = False
    names: frozenset[str] = frozenset()

    def admit(self, name: str | None) -> bool:
        """Whether a client may ask, by the common name of its certificate; None if it has none."""
        if not self.verified:
            return True
        return name is not None and (not self.names or name in self.names)


EVERYBODY = Clients()


class Application:
    """
    The webhook behind its socket.

    Args:
        directory: Knows what a ServiceAccount grants.
        cache: Decides readiness: a webhook that knows nothing yet is not asked.
        prefix: What annotations begin with.
        certificate_expiry: When the serving certificate ends, in seconds since 1970.
        ready: Whether everything besides the cache is ready.
        clients: Whose reviews are answered.
    """

    def __init__(  # noqa: PLR0913 # each is a part that a test replaces
        self,
        directory: Directory,
        cache: Cache,
        *,
        metrics: Metrics,
        prefix: str = DEFAULT_PREFIX,
        certificate_expiry: Callable[[], float | None] = lambda: None,
        ready: Callable[[], bool] = lambda: True,
        clients: Clients = EVERYBODY,
    ) -> None:
        self._directory = directory
        self._cache = cache
        self._metrics = metrics
        self._prefix = prefix
        self._certificate_expiry = certificate_expiry
        self._others_ready = ready
        self._clients = clients
        self.draining = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._route(scope, receive)
        except RequestError as error:
            body = f"{error.reason}\n".encode()
            answer = Answer(status=error.status, body=body, close=True)
        headers = [
            (b"content-type", answer.content_type),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        if self.draining or answer.close:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _route(self, scope: Message, receive: Receive) -> Answer:
        match scope["path"], scope["method"]:
            case "/mutate", "POST":
                return await self._mutate(scope, receive)
            case "/mutate", _:
                raise RequestError(405, "an AdmissionReview is POSTed")
            case "/healthz", "GET" | "HEAD":
                return Answer(body=b"ok\n")
            case "/readyz", "GET" | "HEAD":
                return self._ready()
            case "/metrics", "GET" | "HEAD":
                body = self._metrics.render(self._state()).encode()
                return Answer(body=body, content_type=CONTENT_TYPE)
        raise RequestError(404, "there are /mutate, /healthz, /readyz and /metrics")

    async def _mutate(self, scope: Message, receive: Receive) -> Answer:
        if not self._clients.admit(scope.get(CLIENT_NAME)):
            self._metrics.unauthorized()
            raise RequestError(403, "reviews are answered to the API servers' certificate only")
        body = await _read_body(scope, receive)
        began = time.perf_counter()
        reply = await handle(body, self._directory, patience=_patience(scope), prefix=self._prefix)
        seconds = time.perf_counter() - began
        self._metrics.review(reply.outcome, seconds)
        _log(reply, seconds)
        content_type = _JSON if reply.status == 200 else _TEXT
        return Answer(status=reply.status, body=reply.body, content_type=content_type)

    def _ready(self) -> Answer:
        if self.draining:
            return Answer(status=503, body=b"stopping\n")
        if not self._cache.synced:
            return Answer(status=503, body=b"the ServiceAccounts have not been listed yet\n")
        if not self._others_ready():
            return Answer(status=503, body=b"the ConfigMap of roles has not been read yet\n")
        return Answer(body=b"ok\n")

    def _state(self) -> State:
        heard_at = self._cache.heard_at
        return State(
            service_accounts=len(self._cache),
            synced=self._cache.synced,
            # By the time of day as it is now: its jumps do not change how long ago it was.
            heard_at=heard_at and time.time() - (time.monotonic() - heard_at),
            certificate_expiry=self._certificate_expiry(),
        )


async def _read_body(scope: Message, receive: Receive) -> bytes:
    _refuse_oversized(_content_length(scope))
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestError(400, "the client went away")
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                _refuse_oversized(size)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise RequestError(408, f"the body did not come within {BODY_TIMEOUT:.0f} s") from error


def _content_length(scope: Message) -> int:
    # The parser has refused what is not a number before.
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


def _refuse_oversized(size: int) -> None:
    if size > MAX_BODY:
        raise RequestError(413, f"the body is over {MAX_BODY} bytes")


def _patience(scope: Message) -> float:
    """A little less than the API server's own time-out, which it sends along."""
    found = _TIMEOUT.search(scope["query_string"])
    return float(found[1]) * 0.9 if found else PATIENCE


def _log(reply: Reply, seconds: float) -> None:
    fields = {
        "uid": reply.uid,
        "namespace": reply.namespace,
        "serviceAccount": reply.service_account,
        "pod": reply.pod,
        "outcome": reply.outcome.value,
        "ms": round(seconds * 1000, 3),
    }
    if reply.reason:
        fields["reason"] = reply.reason
    logger.log(_LEVELS.get(reply.outcome, logging.INFO), "review", extra=fields)
