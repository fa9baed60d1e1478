"""
One request to the API server at a time: credentials, time-outs, retries, errors translated.

Never here: objects, paths of kinds.
"""

import contextlib
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from irsa import __version__
from irsa.errors import InputError, KubeError, excerpt
from irsa.kube import failures, proxies, tls
from irsa.kube.clock import ServerClock
from irsa.kube.connection import ClientCertificate, Connection
from irsa.kube.credentials import Credentials, Presented

# Pauses between tries: after a connection that failed (GET only), or as Retry-After says.
PAUSES = (0.2, 1.0, 2.0)
LONGEST_PAUSE = 10.0
# The API server waits up to 30 s for each admission webhook before it answers a write.
WRITE_TIMEOUT = 40.0


class Observer(Protocol):
    """Told of each request that changes something, before it is sent and after it succeeded."""

    def before(self, method: str, path: str) -> None:
        """The request is about to be sent."""
        ...

    def after(self, method: str, path: str) -> None:
        """The request succeeded."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    One request.

    Args:
        path: Path in the API; may hold a query.
        changes: Whether it changes something that stays, so that the observer is told.
    """

    method: str = "GET"
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = field(default=None, repr=False)
    content_type: str = "application/json"
    accept: str = "application/json"
    changes: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Method and path, for messages."""
        return self.method, self.path


class Transport:
    """
    Requests over one connection.

    Args:
        connection: The API server.
        timeout: Seconds for each of connect, read and write.
        observer: Told of each request that changes something.
        credentials: Those of another transport, to share what a plug-in issued.
        sleep: Waits between tries.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: float,
        observer: Observer | None = None,
        credentials: Credentials | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.connection = connection
        self.clock = ServerClock()
        self._timeout = timeout
        self._observer = observer
        self._credentials = credentials or Credentials(connection)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._clients: list[tuple[ClientCertificate | None, httpx.Client]] = []
        self._streams: set[httpx.Response] = set()
        self._proxy = connection.proxy_url or _proxy_of_environment(connection.server)
        self._closed = False

    def at(self, server: str, *, tls_server_name: str | None) -> "Transport":
        """The same credentials and settings for another API server."""
        name = tls_server_name or self.connection.tls_server_name
        return Transport(
            replace(self.connection, server=server.rstrip("/"), tls_server_name=name),
            timeout=self._timeout,
            observer=self._observer,
            credentials=self._credentials,
            sleep=self._sleep,
        )

    def close(self) -> None:
        """Close the connections; a stream that another thread reads comes to its end."""
        with self._lock:
            self._closed = True
            streams, clients = list(self._streams), [client for _, client in self._clients]
        for stream in streams:
            _hang_up(stream)
        for client in clients:
            client.close()

    def is_closed(self) -> bool:
        """Whether `close` was called, maybe by another thread."""
        return self._closed

    def send(self, request: Request) -> bytes:
        """
        Send a request and return the body of its answer.

        Raises:
            KubeError: It was refused, or got no answer.
        """
        observer = self._observer if request.changes else None
        if observer:
            observer.before(*request.key)
        answer = self._answer(request)
        if not answer.is_success:
            raise self._refused(request, answer)
        if observer:
            observer.after(*request.key)
        return answer.content

    @contextlib.contextmanager
    def stream(self, request: Request, *, silence: float) -> Iterator[Iterator[bytes]]:
        """
        Send a request and read its answer line by line while it comes.

        Args:
            request: A GET.
            silence: Seconds without a byte after which the connection is given up.

        Raises:
            KubeError: It was refused, got no answer, or broke off.
        """
        try:
            with self._opened(request, silence) as answer:
                if not answer.is_success:
                    answer.read()
                    raise self._refused(request, answer)
                yield _lines(answer.iter_bytes())
        except httpx.RequestError as error:
            raise self._unanswered(request, error) from error

    @contextlib.contextmanager
    def _opened(self, request: Request, silence: float) -> Iterator[httpx.Response]:
        timeout = httpx.Timeout(self._timeout, read=silence)
        answer = self._once(request, timeout, stream=True)
        try:
            if answer.status_code == 401 and self._credentials.renew():
                answer.close()
                answer = self._once(request, timeout, stream=True)
            self._streams.add(answer)
            if self._closed:
                _hang_up(answer)
            yield answer
        finally:
            self._streams.discard(answer)
            answer.close()

    def _answer(self, request: Request) -> httpx.Response:
        answer = self._tried(request)
        if answer.status_code == 401 and self._credentials.renew():
            answer = self._tried(request)
        return answer

    def _tried(self, request: Request) -> httpx.Response:
        """The answer, after as many tries as it is sensible to make."""
        read = self._timeout if request.method == "GET" else max(self._timeout, WRITE_TIMEOUT)
        timeout = httpx.Timeout(self._timeout, read=read)
        for pause in PAUSES:
            try:
                answer = self._once(request, timeout)
            except httpx.RequestError as error:
                if not _is_worth_another_try(request, error):
                    raise self._unanswered(request, error) from error
                self._sleep(pause)
                continue
            wait = _retry_after(answer)
            if wait is None:
                return answer
            self._sleep(min(wait, LONGEST_PAUSE))
        try:
            return self._once(request, timeout)
        except httpx.RequestError as error:
            raise self._unanswered(request, error) from error

    def _once(
        self, request: Request, timeout: httpx.Timeout, *, stream: bool = False
    ) -> httpx.Response:
        client, message = self._prepared(request, timeout)
        answer = client.send(message, stream=stream)
        self.clock.hear(answer.headers.get("date"))
        return answer

    def _prepared(
        self, request: Request, timeout: httpx.Timeout
    ) -> tuple[httpx.Client, httpx.Request]:
        encrypted = self.connection.server.startswith("https://")
        # Nothing is presented in the clear; kubectl does the same.
        presented = self._credentials.present() if encrypted else Presented()
        headers = {"User-Agent": f"irsa/{__version__}", "Accept": request.accept}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        client = self._client(presented.certificate)
        url = self.connection.server + request.path
        try:
            message = client.build_request(
                request.method,
                url,
                params=request.params or None,
                content=request.body,
                headers=[*headers.items(), *presented.headers],
                timeout=timeout,
            )
        except httpx.InvalidURL as error:
            raise InputError(f"{excerpt(url)!r} is not a URL: {excerpt(str(error))}") from error
        return client, message

    def _client(self, certificate: ClientCertificate | None) -> httpx.Client:
        with self._lock:
            if self._closed:
                raise KubeError(f"the connection to {self.connection.server} was closed")
            for known, client in self._clients:
                if known == certificate:
                    return client
            client = self._new_client(certificate)
            self._clients.append((certificate, client))
            return client

    def _new_client(self, certificate: ClientCertificate | None) -> httpx.Client:
        return httpx.Client(
            verify=tls.client_context(self.connection, certificate),
            proxy=_proxy(self._proxy) if self._proxy else None,
            # The environment's proxies are known already, by kubectl's rules; .netrc is not for us.
            trust_env=False,
        )

    def _refused(self, request: Request, answer: httpx.Response) -> KubeError:
        return failures.refused(
            self.connection, request.key, code=answer.status_code, body=answer.content
        )

    def _unanswered(self, request: Request, error: httpx.RequestError) -> KubeError:
        via = ""
        if self._proxy:
            parts = urlsplit(self._proxy)
            via = f" through the proxy {parts.scheme}://{parts.hostname}:{parts.port}"
        return failures.unanswered(self.connection, request.key, error, via=via)


def _proxy_of_environment(server: str) -> str | None:
    try:
        return proxies.proxy_for(server, os.environ)
    except ValueError as error:
        raise InputError(f"{excerpt(server)!r} is not the URL of an API server") from error


def _proxy(url: str) -> httpx.Proxy:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise InputError(
            f"the proxy {parts.scheme}://{parts.hostname} is not an HTTP proxy",
            hint="name an http:// proxy in HTTPS_PROXY, or the API server in NO_PROXY",
        )
    context = ssl.create_default_context() if parts.scheme == "https" else None
    return httpx.Proxy(url, ssl_context=context)


def _hang_up(stream: httpx.Response) -> None:
    """Wake whoever reads from a stream: closing alone would not."""
    connection = stream.extensions["network_stream"].get_extra_info("socket")
    with contextlib.suppress(OSError):
        # The plain socket's method: that of a TLS socket would touch what the reader is using.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _is_worth_another_try(request: Request, error: httpx.RequestError) -> bool:
    lost = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError)
    return request.method == "GET" and lost and not failures.is_about_tls(error)


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks us to wait before trying again; None if it does not."""
    seconds = answer.headers.get("retry-after", "")
    if answer.status_code not in (429, 503) or not seconds.isdigit():
        return None
    return float(seconds)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
