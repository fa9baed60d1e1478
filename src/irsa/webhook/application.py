"""
The four routes: `/mutate /healthz /readyz /metrics`.

Never here: sockets, HTTP's syntax, TLS.
"""

import re
import time
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from irsa.injection.grants import DEFAULT_PREFIX
from irsa.webhook.directory import Cache, Directory
from irsa.webhook.exchange import JSON, TEXT, Answer, Coming, Request
from irsa.webhook.handler import PATIENCE, Handler, Question, Reply
from irsa.webhook.journal import Journal
from irsa.webhook.metrics import CONTENT_TYPE, Metrics, State

# No API server waits for longer: timeoutSeconds of a webhook is 30 at most.
LONGEST = 30.0
_MUTATE = b"/mutate"
_TIMEOUT = re.compile(rb"(?:^|&)timeout=(\d{1,3})s(?:&|$)")
_LOOKING = (b"GET", b"HEAD")
_NOT_FOUND = b"there are /mutate, /healthz, /readyz and /metrics\n"
_WRONG_METHOD = b"an AdmissionReview is POSTed, everything else is read\n"
_NOT_YOURS = b"reviews are answered to the API servers' certificate only\n"


class Clients(Struct, frozen=True, kw_only=True):
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
        journal: Told of every review.
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
        journal: Journal | None = None,
    ) -> None:
        self._handler = Handler(directory, prefix=prefix)
        self._cache = cache
        self._metrics = metrics
        self._certificate_expiry = certificate_expiry
        self._others_ready = ready
        self._clients = clients
        self._journal = journal or Journal()
        self._views: Mapping[bytes, Callable[[], Answer]] = {
            b"/healthz": lambda: Answer(body=b"ok\n"),
            b"/readyz": self._ready,
            b"/metrics": self._shown,
        }
        self.draining = False

    def answer(self, request: Request) -> Coming:
        """The answer to one request, or what becomes it where something must be asked first."""
        path, _, query = request.target.partition(b"?")
        if path == _MUTATE and request.method == b"POST":
            return self._mutate(request, query)
        return self._view(request, unquote_to_bytes(_without_authority(path)), query)

    def _view(self, request: Request, path: bytes, query: bytes) -> Coming:
        view = self._views.get(path)
        if path == _MUTATE and request.method == b"POST":
            return self._mutate(request, query)
        if view is None and path != _MUTATE:
            return Answer(status=404, body=_NOT_FOUND)
        if view is None or request.method not in _LOOKING:
            return Answer(status=405, body=_WRONG_METHOD)
        return view()

    def _mutate(self, request: Request, query: bytes) -> Coming:
        if not self._clients.admit(request.client):
            self._metrics.unauthorized()
            return Answer(status=403, body=_NOT_YOURS, close=True)
        began = time.perf_counter()
        reply = self._handler.answer(request.body)
        if isinstance(reply, Question):
            return self._settled(reply, query, began)
        return self._noted(reply, began)

    async def _settled(self, question: Question, query: bytes, began: float) -> Answer:
        reply = await self._handler.settle(question, patience=_patience(query))
        return self._noted(reply, began)

    def _noted(self, reply: Reply, began: float) -> Answer:
        seconds = time.perf_counter() - began
        self._metrics.review(reply.outcome, seconds)
        self._journal.note(reply, seconds)
        content_type = JSON if reply.status == 200 else TEXT
        return Answer(status=reply.status, body=reply.body, content_type=content_type)

    def _shown(self) -> Answer:
        return Answer(body=self._metrics.render(self._state()).encode(), content_type=CONTENT_TYPE)

    def _ready(self) -> Answer:
        if self.draining:
            return Answer(status=503, body=b"stopping\n")
        if not self._cache.synced:
            trouble = f": {self._cache.trouble}" if self._cache.trouble else ""
            body = f"the ServiceAccounts have not been listed yet{trouble}\n".encode()
            return Answer(status=503, body=body)
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


def _without_authority(path: bytes) -> bytes:
    """A proxy may be sent the whole URL, and every server must understand it (RFC 9112, 3.2.2)."""
    scheme, separator, rest = path.partition(b"://")
    return b"/" + rest.partition(b"/")[2] if separator and b"/" not in scheme else path


def _patience(query: bytes) -> float:
    """A little less than the API server's own time-out, which it sends along."""
    found = _TIMEOUT.search(query)
    return min(float(found[1]), LONGEST) * 0.9 if found else PATIENCE
