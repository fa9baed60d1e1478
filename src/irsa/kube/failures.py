"""
What went wrong with a request to the API server, as a KubeError.

A body is believed only if it is a `Status` object of Kubernetes: anything else comes from a proxy
or a login page, and is dropped. Light to import: the webhook's process needs it.
Never here: requests, retrying.
"""

import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from irsa.errors import KubeError, excerpt
from irsa.kube.connection import Connection

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# TLS errors that say no more than that the other side went away.
_LOST = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
_MANAGER = re.compile(r'conflict with "([^"]+)"')
_PATH = re.compile(
    r"/(?:api/[^/]+|apis/[^/]+/[^/]+)(?:/namespaces/(?P<namespace>[^/]+)(?=/))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<subresource>[^/]+))?"
)


class Cause(msgspec.Struct, frozen=True):
    """One of the causes in a Status object."""

    reason: str = ""
    message: str = ""
    field: str = ""


class Details(msgspec.Struct, frozen=True):
    """The details in a Status object."""

    name: str = ""
    kind: str = ""
    causes: tuple[Cause, ...] | None = None
    retry_after: int | None = msgspec.field(default=None, name="retryAfterSeconds")


class Status(msgspec.Struct, frozen=True, tag="Status", tag_field="kind"):
    """The API server's own account of a failure."""

    message: str = ""
    reason: str = ""
    code: int | None = None
    details: Details | None = None

    @property
    def names_something(self) -> bool:
        """Whether it is about one object, and not about a path that means nothing."""
        return self.details is not None and bool(self.details.name)

    @property
    def conflicts(self) -> tuple[Cause, ...]:
        """The fields that another manager holds."""
        causes = (self.details and self.details.causes) or ()
        return tuple(cause for cause in causes if cause.reason == "FieldManagerConflict")


def status_of(body: bytes) -> Status | None:
    """The Status object in a body; None if it is anything else."""
    try:
        return msgspec.json.decode(body, type=Status)
    except msgspec.DecodeError:
        return None


def describe(method: str, path: str) -> str:
    """A request in words, `patch configmaps/x in namespace y`."""
    path = path.partition("?")[0]
    match = _PATH.fullmatch(path)
    if match is None:
        return f"{_VERBS.get(method, 'get')} {path}"
    resource, name, namespace, subresource = match.group(
        "resource", "name", "namespace", "subresource"
    )
    verb = _VERBS.get(method, "get" if name else "list")
    what = f"{resource}/{unquote(name)}" if name else resource
    what += f"/{subresource}" if subresource else ""
    return f"{verb} {what}" + (f" in namespace {namespace}" if namespace else "")


def refused(
    connection: Connection,
    request: tuple[str, str],
    *,
    code: int,
    body: bytes,
    retry_after: float | None = None,
) -> KubeError:
    """
    The error for an answer that is not a success.

    Args:
        connection: Which API server was asked.
        request: Method and path.
        code: The HTTP status.
        body: Whatever came with it.
        retry_after: The header Retry-After, in seconds; the Status object may say it, too.

    The reason is `NotFound` only where an object is missing, not where a whole kind is.
    """
    status = status_of(body)
    what = describe(*request)
    said = f": {excerpt(status.message)}" if status and status.message else ""
    reason: str | None = (status and status.reason) or None
    message, hint = f"cannot {what}{said or f': HTTP {code}'}", None
    if code == 401:
        message = f"{connection.server} does not accept our credentials"
        hint = f"they come from {connection.origin}; log in again, or see whether they expired"
    elif code == 403:
        message = f"not allowed to {what}{said}"
        hint = "grant it to the user (RBAC), or see which admission rule refused it"
    elif code == 404 and (status is None or not status.names_something):
        message = f"cannot {what}: {connection.server} does not serve {request[1]}"
        hint = "is it a Kubernetes API server, and of a version that has this?"
        reason = None
    elif status and status.conflicts:
        message = f"cannot {what}: {excerpt(_conflicts(status))}"
        hint = "take the fields out of the other manager's manifest, or let it give them up"
    if retry_after is None and status and status.details:
        retry_after = status.details.retry_after
    return KubeError(message, hint=hint, status=code, reason=reason, retry_after=retry_after)


def _conflicts(status: Status) -> str:
    def manager(cause: Cause) -> str:
        match = _MANAGER.search(cause.message)
        return match.group(1) if match else "another manager"

    return ", ".join(f"{cause.field} belongs to {manager(cause)}" for cause in status.conflicts)


def unanswered(
    connection: Connection, request: tuple[str, str], error: Exception, *, via: str = ""
) -> KubeError:
    """
    The error for a request that got no answer: unreachable, too slow, or not to be trusted.

    Args:
        connection: Which API server was asked.
        request: Method and path.
        error: What the library raised.
        via: The way there, in words.
    """
    server, hint = connection.server, f"the address comes from {connection.origin}"
    for cause in _chain(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(connection, cause)
        if isinstance(cause, _LOST):
            return KubeError(f"cannot reach {server}{via}: the connection was closed", hint=hint)
        if isinstance(cause, ssl.SSLError):
            reason = (getattr(cause, "reason", "") or str(cause)).lower().replace("_", " ")
            return KubeError(f"no TLS connection to {server}{via}: {excerpt(reason)}", hint=hint)
        if isinstance(cause, TimeoutError):
            what = f"cannot {describe(*request)}: {server} did not answer in time{via}"
            return KubeError(what, hint=hint)
        if isinstance(cause, socket.gaierror):
            return KubeError(f"cannot reach {server}{via}: a name does not resolve", hint=hint)
        if isinstance(cause, OSError) and cause.strerror:
            return KubeError(f"cannot reach {server}{via}: {cause.strerror.lower()}", hint=hint)
    text = excerpt(str(error)) or type(error).__name__
    return KubeError(f"cannot {describe(*request)} at {server}{via}: {text}", hint=hint)


def _untrusted(connection: Connection, error: ssl.SSLCertVerificationError) -> KubeError:
    reason = excerpt(error.verify_message).rstrip(".")
    return KubeError(
        f"the certificate of {connection.server} is not to be trusted: {reason}; "
        f"it was checked against {connection.ca_source}",
        hint="check certificate-authority, server and tls-server-name of the cluster",
    )


def is_about_tls(error: Exception) -> bool:
    """Whether TLS itself failed, so that trying again is of no use."""
    return any(
        isinstance(cause, ssl.SSLError) and not isinstance(cause, _LOST) for cause in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
