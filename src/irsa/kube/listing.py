"""
Whole collections, page by page.

Never here: what the objects mean.
"""

from dataclasses import dataclass, replace

import msgspec

from irsa.errors import KubeError
from irsa.kube.objects import Object
from irsa.kube.transport import Request, Transport

PAGE = 500
# How often a list is begun anew because the server forgot where it was.
RESTARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A collection at one moment: its objects and the version to watch from."""

    items: list[Object]
    resource_version: str


class _Metadata(msgspec.Struct, frozen=True):
    resource_version: str = msgspec.field(name="resourceVersion", default="")
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    kind: str
    api_version: str
    metadata: _Metadata
    items: list[Object] | None = None


def list_all(transport: Transport, request: Request) -> Listed:
    """
    Every object of a collection, each with its apiVersion and kind.

    A list that takes longer than the server remembers its beginning (410) is begun anew.

    Raises:
        KubeError: Refused, or no answer.
    """
    for _ in range(RESTARTS):
        try:
            return _listed(transport, request)
        except KubeError as error:
            if error.status != 410:
                raise
    return _listed(transport, request)


def _listed(transport: Transport, request: Request) -> Listed:
    items: list[Object] = []
    params = {**request.params, "limit": str(PAGE)}
    while True:
        page = _page(transport, replace(request, params=params))
        items += [_complete(item, page) for item in page.items or ()]
        if not page.metadata.continue_:
            return Listed(items=items, resource_version=page.metadata.resource_version)
        params["continue"] = page.metadata.continue_


def _page(transport: Transport, request: Request) -> _Page:
    try:
        return msgspec.json.decode(transport.send(request), type=_Page)
    except msgspec.DecodeError as error:
        raise KubeError(
            f"{transport.connection.server} answers {request.path} with something else than a list",
            hint="is it the URL of a Kubernetes API server?",
        ) from error


def _complete(item: Object, page: _Page) -> Object:
    """The API server leaves out of a list's items what the list itself says."""
    kind = page.kind.removesuffix("List")
    return {"apiVersion": page.api_version, "kind": kind, **item}
