"""
Kube: the verbs of the Kubernetes API over plain JSON objects.

Never here: knowledge of IRSA.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from irsa.errors import KubeError
from irsa.kube import locate
from irsa.kube.connection import Connection
from irsa.kube.listing import list_all
from irsa.kube.objects import Object, Propagation, Ref, collection_path
from irsa.kube.transport import Observer, Request, Transport
from irsa.kube.watching import Event, Watch

TIMEOUT = 10.0

PatchKind = Literal["merge", "json", "strategic"]

_PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
_APPLY_TYPE = "application/apply-patch+yaml"
# Answers to these POSTs are computed; nothing stays in the cluster.
_QUESTIONS = (
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
    "TokenReview",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A ServiceAccount token, and when it expires."""

    token: str = field(repr=False)
    expires: datetime


class Kube:
    """
    A cluster, reached through one API server; safe to share between threads.

    Every method raises KubeError: with a `status` if the API server refused, without if it gave
    no answer.

    Args:
        transport: Where the requests go.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @classmethod
    def open(
        cls,
        *,
        kubeconfig: str | None = None,
        context: str | None = None,
        timeout: float = TIMEOUT,
        observer: Observer | None = None,
    ) -> Self:
        """
        The cluster of a kubeconfig's context, or the one that we run in.

        Nothing is sent yet.

        Args:
            kubeconfig: Files joined as in PATH; None for what kubectl would take.
            context: The context's name; None for the current one.
            timeout: Seconds for each of connect and read.
            observer: Told before and after each request that changes something.

        Raises:
            InputError: There is no kubeconfig, no such context, or it cannot be used.
        """
        connection = locate.connection(kubeconfig, context, environment=os.environ)
        return cls.connect(connection, timeout=timeout, observer=observer)

    @classmethod
    def connect(
        cls,
        connection: Connection,
        *,
        timeout: float = TIMEOUT,
        observer: Observer | None = None,
    ) -> Self:
        """The cluster behind a connection; nothing is sent yet."""
        return cls(Transport(connection, timeout=timeout, observer=observer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._transport.connection.server

    def now(self) -> datetime | None:
        """The API server's time, by its last answer; None before the first."""
        return self._transport.clock.now()

    def at(self, server_url: str, *, tls_server_name: str | None = None) -> "Kube":
        """
        The same cluster and credentials, through another API server; to be closed on its own.

        Args:
            server_url: The other API server.
            tls_server_name: The name in its certificate, where that is not the URL's.
        """
        return Kube(self._transport.at(server_url, tls_server_name=tls_server_name))

    def get(self, ref: Ref) -> Object | None:
        """One object; None if it does not exist."""
        try:
            return self._object(Request(path=ref.path))
        except KubeError as error:
            if _is_absent(error):
                return None
            raise

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Object]:
        """Every object of a kind, of one namespace or of all, read in pages."""
        path = collection_path(api_version, kind, namespace)
        request = Request(path=path, params=_selectors(label_selector, field_selector))
        return list_all(self._transport, request).items

    def watch(  # noqa: PLR0913 - each is a filter of the API
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        timeout: float | None = None,
    ) -> Iterator[Event]:
        """
        Every object of a kind as ADDED, then what happens to them; closing the iterator ends it.

        Lost connections are resumed, and after an expired version the differences to a new list
        are reported: no change is missed, no object reported twice unchanged. After `timeout`
        seconds the iteration ends; None means never.
        """
        path = collection_path(api_version, kind, namespace)
        request = Request(path=path, params=_selectors(label_selector, field_selector))
        return Watch(self._transport, request, timeout=timeout).events()

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = "irsa",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """
        Server-side apply: make the object's fields what is given, and ours.

        A field of another manager is a conflict (409; the error names fields and managers),
        unless `force` takes it over. With `dry_run` the server checks and answers, and changes
        nothing.
        """
        params = {"fieldManager": field_manager} | ({"force": "true"} if force else {})
        return self._object(
            Request(
                method="PATCH",
                path=Ref.of(dict(obj)).path,
                params=params | _dry(dry_run),
                body=msgspec.json.encode(obj),
                content_type=_APPLY_TYPE,
                changes=not dry_run,
            )
        )

    def create(self, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Create an object; 409 AlreadyExists if there is one. `generateName` is fine."""
        metadata = obj.get("metadata") or {}
        path = collection_path(obj["apiVersion"], obj["kind"], metadata.get("namespace"))
        return self._object(
            Request(
                method="POST",
                path=path,
                params={"fieldManager": "irsa"} | _dry(dry_run),
                body=msgspec.json.encode(obj),
                changes=not dry_run and obj["kind"] not in _QUESTIONS,
            )
        )

    def replace(self, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Replace a whole object; with its resourceVersion, 409 Conflict if it has changed."""
        return self._object(
            Request(
                method="PUT",
                path=Ref.of(dict(obj)).path,
                params={"fieldManager": "irsa"} | _dry(dry_run),
                body=msgspec.json.encode(obj),
                changes=not dry_run,
            )
        )

    def patch(
        self,
        ref: Ref,
        patch: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        kind: PatchKind = "merge",
        subresource: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Patch an object, or one of its subresources such as `status`."""
        return self._object(
            Request(
                method="PATCH",
                path=ref.path + (f"/{subresource}" if subresource else ""),
                params={"fieldManager": "irsa"} | _dry(dry_run),
                body=msgspec.json.encode(patch),
                content_type=_PATCH_TYPES[kind],
                changes=not dry_run,
            )
        )

    def delete(
        self, ref: Ref, *, uid: str | None = None, propagation: Propagation = "Background"
    ) -> bool:
        """
        Delete an object; False if it does not exist.

        With `uid` only that very object: 409 Conflict if another has its name. `propagation` says
        what happens to its dependents.
        """
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        body = msgspec.json.encode(options)
        try:
            self._transport.send(Request(method="DELETE", path=ref.path, body=body, changes=True))
        except KubeError as error:
            if _is_absent(error):
                return False
            raise
        return True

    def raw(self, path: str) -> bytes:
        """The body of a GET, whatever it is: `/version`, `/metrics`, `/openid/v1/jwks`, logs."""
        return self._transport.send(Request(path=path, accept="*/*"))

    def create_token(  # noqa: PLR0913 - each is a field of TokenRequest
        self,
        namespace: str,
        name: str,
        *,
        audiences: Sequence[str],
        expiration_seconds: int = 3600,
        bound_to: Ref | None = None,
        bound_uid: str | None = None,
    ) -> IssuedToken:
        """
        A token of a ServiceAccount, as kubelet would get it.

        No audience means the API server itself. A life below 600 seconds is refused. It dies with
        the Pod, Secret or Node that it is bound to, and with that very uid.
        """
        spec: dict[str, Any] = {"expirationSeconds": expiration_seconds}
        if audiences:
            spec["audiences"] = list(audiences)
        if bound_to is not None:
            bound = {"apiVersion": bound_to.api_version, "kind": bound_to.kind}
            uid = {"uid": bound_uid} if bound_uid else {}
            spec["boundObjectRef"] = bound | {"name": bound_to.name} | uid
        path = Ref("v1", "ServiceAccount", name, namespace).path + "/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        request = Request(method="POST", path=path, body=msgspec.json.encode(body))
        status = self._object(request)["status"]
        expires = datetime.fromisoformat(status["expirationTimestamp"])
        return IssuedToken(token=status["token"], expires=expires)

    def cluster_uid(self) -> str:
        """What tells this cluster from every other: the uid of the namespace kube-system."""
        return str(self._object(Request(path="/api/v1/namespaces/kube-system"))["metadata"]["uid"])

    def version(self) -> dict[str, Any]:
        """The API server's version: `major`, `minor`, `gitVersion` and more."""
        return self._object(Request(path="/version"))

    def _object(self, request: Request) -> Object:
        body = self._transport.send(request)
        try:
            return msgspec.json.decode(body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise KubeError(
                f"{self.server} answers {request.path} with something else than an object",
                hint="is it the URL of a Kubernetes API server?",
            ) from error


def _dry(dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {name: value for name, value in selectors.items() if value}


def _is_absent(error: KubeError) -> bool:
    """Whether the API server itself says that the object does not exist."""
    return error.status == 404 and error.reason == "NotFound"
