"""
The public web as AWS's own services see it: nothing of it is there but the local S3, anonymously.

Never here: judging what was read.
"""

from urllib.parse import urlsplit

from irsa.errors import excerpt
from irsa.local.aws import access
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError
from irsa.local.aws.hosts import target_of
from irsa.local.aws.request import Request, Response
from irsa.local.aws.s3 import objects, permissions, routes
from irsa.local.aws.world import World


class UnreachableError(Exception):
    """A document could not be read, and why."""


def fetch(world: World, url: str) -> bytes:
    """
    Read a document anonymously, by the rules that hold for everybody.

    Raises:
        UnreachableError: It is not in the local S3, or not readable.
    """
    parts = urlsplit(url)
    target = target_of(parts.netloc.lower()) if parts.scheme == "https" else None
    if target is None or target.service != "s3" or "." in (target.bucket or ""):
        raise UnreachableError(
            f"{excerpt(url)} is not an HTTPS address that the local AWS can reach"
        )
    request = Request(
        method="GET", host=parts.netloc, path=parts.path or "/", query_text=parts.query
    )
    bucket, key = routes.place_of(request, target)
    call = Call(
        world=world,
        request=request,
        target=target,
        operation="GetObject",
        request_id="",
        bucket=bucket,
        key=key,
    )
    return _read(call, url)


def remembered(world: World, url: str) -> bytes:
    """
    Read a document as STS does, which keeps it for a while where the settings say so.

    Raises:
        UnreachableError: It is neither kept nor readable; a failure is not kept.
    """
    now = world.clock()
    read_at, body = world.documents.get(url, (now, b""))
    if (now - read_at).total_seconds() < world.delays().jwks and body:
        return body
    body = fetch(world, url)
    world.documents[url] = (now, body)
    return body


def _read(call: Call, url: str) -> bytes:
    try:
        for action, resource in permissions.on_object("s3:GetObject")(call):
            access.require(call, action, resource)
        answer: Response = objects.read(call)
    except ApiError as error:
        raise UnreachableError(f"{excerpt(url)} answers {error.status} {error.code}") from error
    if answer.status != 200:
        raise UnreachableError(f"{excerpt(url)} answers {answer.status}")
    return answer.body
