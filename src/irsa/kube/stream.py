"""
List, watch and get over asyncio, for the webhook's process: small, and light to import.

Objects come as metadata only (PartialObjectMetadata), which is all that is needed there.
Never here: decisions, retrying, proxies, exec plug-ins.
"""

import asyncio
import contextlib
import dataclasses
import os
import ssl
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlencode

import msgspec

from irsa import __version__, files
from irsa.errors import InputError, KubeError
from irsa.kube import failures, tls
from irsa.kube.connection import (
    SERVICE_ACCOUNT_DIRECTORY,
    Connection,
    bearer,
    in_cluster,
    pod_server,
)
from irsa.kube.http1 import Channel, Endpoint
from irsa.kube.pages import ACCEPT, Item, PageReader

TIMEOUT = 10.0
# Seconds until a page of a list must begin; the API server itself gives none more than 60.
LIST_TIMEOUT = 30.0
# Each page costs the API server some time of its own, and ours is the same for any size
# (docs/benchmarks.md).
PAGE = 10_000
# Seconds that the server is asked to keep one watch open, and what it may be late by.
SPELL = 30
LATE = 10
# Connections that are kept, and for how many seconds they may be idle.
MAX_IDLE = 4
KEEP_IDLE = 60.0
# A kept connection may be dead without our knowing: it gets less time, and then a new one is tried.
KEPT_TIMEOUT = 1.5

T = TypeVar("T")

JSON = "application/json"
_PARTIAL = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class Metadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The metadata of an object, as far as it is looked at."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class PartialObject(msgspec.Struct, frozen=True):
    """An object of which only the metadata is known."""

    metadata: Metadata


class _ListMetadata(msgspec.Struct, frozen=True, rename="camel"):
    resource_version: str = ""


class _List(msgspec.Struct, frozen=True):
    metadata: _ListMetadata


class Piece(msgspec.Struct, frozen=True):
    """
    Some of the objects of a list, as they come.

    Args:
        resource_version: The version of the whole list, from which to watch.
        items: The objects; to be taken before the next piece.
    """

    resource_version: str
    items: Iterable[Item]


class Event(msgspec.Struct, frozen=True):
    """One change. A BOOKMARK carries nothing but a resource version to go on from."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: PartialObject

    @property
    def resource_version(self) -> str:
        """The version to go on from after this event."""
        return self.object.metadata.resource_version


class _RawEvent(msgspec.Struct, frozen=True):
    type: str
    object: msgspec.Raw


_list = msgspec.json.Decoder(_List)
_event = msgspec.json.Decoder(Event)
_raw_event = msgspec.json.Decoder(_RawEvent)


class Stream:
    """
    GET requests to one API server.

    Every method raises KubeError: with a `status` if the API server refused (410 when a version
    is too old), without if it gave no answer.

    Args:
        connection: The API server; with a token, a token file or a client certificate.
        timeout: Seconds to connect, and for each answer.

    Raises:
        InputError: The connection wants a proxy, a plug-in or a password.
    """

    def __init__(self, connection: Connection, *, timeout: float = TIMEOUT) -> None:
        auth = connection.auth
        if connection.proxy_url or auth.plugin or auth.username:
            raise InputError(
                f"{connection.origin} needs a proxy, an exec plug-in or a password",
                hint="in a pod, use the pod's own ServiceAccount; elsewhere a token or certificate",
            )
        self._connection = connection
        self._timeout = timeout
        encrypted = connection.server.startswith("https://")
        context = tls.client_context(connection, auth.certificate) if encrypted else None
        self._endpoint = Endpoint.of(connection.server, context)
        self._prefix = "/" + connection.server.partition("://")[2].partition("/")[2]
        self._idle: list[Channel] = []

    @classmethod
    def in_cluster(
        cls,
        *,
        environment: Mapping[str, str] = os.environ,
        directory: str = SERVICE_ACCOUNT_DIRECTORY,
        timeout: float = TIMEOUT,
    ) -> "Stream":
        """
        The API server of the pod that we run in.

        Raises:
            InputError: Not in a pod, or its ServiceAccount is not mounted.
        """
        server = pod_server(environment)
        ca_pem = files.read_bytes(Path(directory, "ca.crt"))
        return cls(in_cluster(server, ca_pem, directory=directory), timeout=timeout)

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()

    async def get(self, path: str, *, accept: str = JSON) -> bytes:
        """The body at a path, over a connection that is kept for the next."""
        return await self._answered(path, accept, kept=min(self._timeout, KEPT_TIMEOUT))

    async def get_metadata(self, path: str) -> PartialObject | None:
        """The metadata of one object; None if it does not exist."""
        try:
            body = await self.get(path, accept=_PARTIAL.format(""))
        except KubeError as error:
            if error.status == 404 and error.reason == "NotFound":
                return None
            raise
        return self._decoded(msgspec.json.Decoder(PartialObject), body, path=path)

    async def version(self, path: str) -> str:
        """The version of a collection as it is now."""
        target = _target(path, {"limit": "1"})
        body = await self.get(target, accept=_PARTIAL.format("List"))
        return self._decoded(_list, body, path=path).metadata.resource_version

    async def list_pieces(
        self, path: str, *, prefix: str, limit: int = PAGE
    ) -> AsyncGenerator[Piece, None]:
        """
        A collection, in pieces as they come; the next page is made while one is read.

        A 410 in the middle means that it took too long: begin anew. Close the iterator
        (`contextlib.aclosing`) to end it earlier.

        Args:
            path: The collection's path, such as `/api/v1/serviceaccounts`.
            prefix: What wanted annotations begin with; objects that do not mention it come without.
            limit: Objects per page.
        """
        # Never resourceVersion=0: the API server's cache would ignore the limit.
        params = {"limit": str(limit)}
        coming: asyncio.Task[Channel] | None = self._coming(path, params)
        try:
            while coming is not None:
                channel, coming, reader = await coming, None, PageReader(prefix)
                async with contextlib.aclosing(self._chunks(channel)) as chunks:
                    async for chunk in chunks:
                        items = tuple(reader.feed(chunk))
                        if reader.following and coming is None:
                            coming = self._coming(path, {**params, "continue": reader.following})
                        yield Piece(reader.resource_version, items)
                reader.end()
        except (OSError, EOFError) as error:
            raise failures.unanswered(self._connection, ("GET", path), error) from error
        except (ValueError, IndexError) as error:
            raise self._nonsense(path) from error
        finally:
            if coming is not None:
                await _abandon(coming)

    async def watch(
        self, path: str, resource_version: str, *, spell: int = SPELL
    ) -> AsyncGenerator[Event, None]:
        """
        The changes of a collection since a version, until the server ends the watch.

        Ending is normal: go on from the last event's version. Close the iterator
        (`contextlib.aclosing`) to end it earlier.

        Args:
            path: The collection's path.
            resource_version: That of a list's piece, or of the last event.
            spell: Seconds that the server keeps the watch open.
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(spell),
        }
        request = ("GET", path)
        try:
            channel = await self._begun(path, params, accept=_PARTIAL.format(""))
            try:
                lines = channel.lines(silence=spell + LATE)
                async with contextlib.aclosing(lines):
                    async for line in lines:
                        if line:
                            yield self._understood(line, path)
            finally:
                await channel.close()
        except (OSError, EOFError) as error:
            raise failures.unanswered(self._connection, request, error) from error

    def _coming(self, path: str, params: Mapping[str, str]) -> asyncio.Task[Channel]:
        begun = self._begun(path, params, accept=ACCEPT, within=LIST_TIMEOUT)
        return asyncio.ensure_future(begun)

    async def _begun(
        self, path: str, params: Mapping[str, str], *, accept: str, within: float | None = None
    ) -> Channel:
        """A connection of its own, on which the body comes next."""
        channel = await self._opened()
        try:
            target = self._full(_target(path, params))
            status = await channel.ask(
                target, self._headers(accept), within=within or self._timeout
            )
            if status != 200:
                body = await channel.body(silence=self._timeout)
                raise self._refusal(("GET", path), channel, code=status, body=body)
        except BaseException:
            await channel.close()
            raise
        return channel

    async def _chunks(self, channel: Channel) -> AsyncGenerator[bytes, None]:
        """The body, and then the end of the connection."""
        try:
            async for chunk in channel.chunks(silence=self._timeout):
                yield chunk
        finally:
            await channel.close()

    async def _answered(self, path: str, accept: str, *, kept: float) -> bytes:
        try:
            return await self._get(path, accept, kept=kept)
        except (OSError, EOFError) as error:
            raise failures.unanswered(self._connection, ("GET", path), error) from error

    async def _get(self, path: str, accept: str, *, kept: float) -> bytes:
        """Over a kept connection if that answers within `kept`, and otherwise over a new one."""
        while self._idle:
            channel = self._idle.pop()
            if channel.is_reusable and channel.idle_for < KEEP_IDLE:
                try:
                    return await self._asked(channel, path, accept=accept, within=kept)
                except OSError:
                    # It ended, or had died, while it was idle: nothing is lost by asking again.
                    # The others are as old.
                    await self.close()
                    break
            await channel.close()
        return await self._asked(await self._opened(), path, accept=accept, within=self._timeout)

    async def _asked(self, channel: Channel, path: str, *, accept: str, within: float) -> bytes:
        try:
            status = await channel.ask(self._full(path), self._headers(accept), within=within)
            body = await channel.body(silence=self._timeout)
        except BaseException:
            await channel.close()
            raise
        if channel.is_reusable and len(self._idle) < MAX_IDLE:
            self._idle.append(channel)
        else:
            await channel.close()
        if status != 200:
            raise self._refusal(("GET", path), channel, code=status, body=body)
        return body

    def _refusal(
        self, request: tuple[str, str], channel: Channel, *, code: int, body: bytes
    ) -> KubeError:
        after = channel.retry_after
        return failures.refused(self._connection, request, code=code, body=body, retry_after=after)

    async def _opened(self) -> Channel:
        try:
            return await Channel.open(self._endpoint, within=self._timeout)
        except ssl.SSLCertVerificationError:
            if not self._trusts_anew():
                raise
        return await Channel.open(self._endpoint, within=self._timeout)

    def _trusts_anew(self) -> bool:
        """Whether others lie in the file of the authorities now; they are trusted from now on."""
        connection = self._connection
        ca_pem = files.read_bytes(Path(connection.ca_file)) if connection.ca_file else None
        if ca_pem in (None, connection.ca_pem):
            return False
        connection = dataclasses.replace(connection, ca_pem=ca_pem)
        context = tls.client_context(connection, connection.auth.certificate)
        self._connection, self._endpoint = connection, Endpoint.of(connection.server, context)
        return True

    def _full(self, target: str) -> str:
        return self._prefix.rstrip("/") + target

    def _headers(self, accept: str) -> list[tuple[str, str]]:
        headers = [("User-Agent", f"irsa-webhook/{__version__}"), ("Accept", accept)]
        auth = self._connection.auth
        token = auth.token
        if auth.token_file:
            # Read each time: kubelet renews it, and a request is far dearer than a small file.
            token = files.read_text(Path(auth.token_file)).strip()
        if token is not None and self._endpoint.tls is not None:
            headers.append(("Authorization", bearer(token, self._connection.origin)))
        return [*headers, *auth.impersonation]

    def _decoded(self, decoder: msgspec.json.Decoder[T], body: bytes, *, path: str) -> T:
        try:
            return decoder.decode(body)
        except msgspec.DecodeError as error:
            raise self._nonsense(path) from error

    def _understood(self, line: bytes, path: str) -> Event:
        try:
            return _event.decode(line)
        except msgspec.ValidationError:
            # An ERROR event holds a Status, though the request itself was answered 200.
            raw = self._decoded(_raw_event, line, path=path)
        except msgspec.DecodeError as error:
            raise self._nonsense(path) from error
        status = failures.status_of(bytes(raw.object))
        if raw.type != "ERROR" or status is None:
            raise self._nonsense(path)
        code = status.code or 500
        body = bytes(raw.object)
        raise failures.refused(self._connection, ("GET", path), code=code, body=body)

    def _nonsense(self, path: str) -> KubeError:
        return KubeError(
            f"{self._connection.server} answers {path} with something else than was asked for",
            hint="is it the URL of a Kubernetes API server?",
        )


async def _abandon(coming: asyncio.Task[Channel]) -> None:
    """End a request that nobody waits for any more."""
    coming.cancel()
    [ended] = await asyncio.gather(coming, return_exceptions=True)
    if isinstance(ended, Channel):
        await ended.close()


def _target(path: str, params: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(params)}"
