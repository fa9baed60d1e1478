"""
A watch that goes on: list, then changes, through lost connections and expired versions.

Never here: what the objects mean.
"""

import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec

from irsa.errors import KubeError
from irsa.kube import failures
from irsa.kube.listing import list_all
from irsa.kube.objects import Object
from irsa.kube.transport import Request, Transport

logger = logging.getLogger(__name__)

EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Event = tuple[EventType, Object]
Key = tuple[str, str]

# Seconds that the server is asked to keep one watch open, and what it may be late by.
SPELL = 60
LATE = 15
LONGEST_PAUSE = 5.0
# Seconds for which 401 and 403 are taken for the confusion of an API server that just started.
GRACE = 60.0


@dataclass(slots=True)
class Seen:
    """The objects that were reported, so that a new list can be turned into changes."""

    objects: dict[Key, Object] = field(default_factory=dict)

    def relisted(self, items: list[Object]) -> Iterator[Event]:
        """What has changed between what was reported and a new list."""
        current = {_key(item): item for item in items}
        for key, before in list(self.objects.items()):
            now = current.get(key)
            if now is None or _uid(now) != _uid(before):
                yield self.happened("DELETED", before)
        for key, now in current.items():
            known = self.objects.get(key)
            if known is None:
                yield self.happened("ADDED", now)
            elif _version(known) != _version(now):
                yield self.happened("MODIFIED", now)

    def happened(self, kind: EventType, item: Object) -> Event:
        """Note one change, and return it as an event."""
        if kind == "DELETED":
            self.objects.pop(_key(item), None)
        else:
            self.objects[_key(item)] = item
        return kind, item


def _key(item: Object) -> Key:
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _uid(item: Object) -> Any:
    return item["metadata"].get("uid")


def _version(item: Object) -> Any:
    return item["metadata"].get("resourceVersion")


class _Event(msgspec.Struct, frozen=True):
    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]
    object: Object


class _ExpiredError(Exception):
    """The server no longer knows our resource version."""


class Watch:
    """
    One watch over a collection.

    Args:
        transport: Where to ask.
        request: The list's path and parameters.
        timeout: Seconds after which the watch ends; None for never.
    """

    def __init__(self, transport: Transport, request: Request, *, timeout: float | None) -> None:
        self._transport = transport
        self._request = request
        self._deadline = math.inf if timeout is None else time.monotonic() + timeout
        self._seen = Seen()
        self._version = ""
        self._pause = 0.0
        self._alive = time.monotonic()

    def events(self) -> Iterator[Event]:
        """
        Every object as ADDED, then what happens to them.

        Raises:
            KubeError: The first list failed, or a later request was refused for good.
        """
        yield from self._relist()
        while self._left() > 0 and not self._transport.is_closed():
            try:
                if not self._version:
                    yield from self._relist()
                yield from self._spell()
            except _ExpiredError:
                self._version = ""
            except KubeError as error:
                if self._transport.is_closed():
                    return
                if self._is_final(error):
                    raise
                self._wait(error)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _is_final(self, error: KubeError) -> bool:
        """Whether trying again cannot help."""
        if error.status is None or error.status >= 500 or error.status == 429:
            return False
        return error.status not in (401, 403) or time.monotonic() > self._alive + GRACE

    def _wait(self, error: KubeError) -> None:
        logger.warning("watch of %s interrupted, trying again: %s", self._request.path, error)
        self._pause = min(max(2 * self._pause, 0.2), LONGEST_PAUSE)
        time.sleep(max(0.0, min(self._pause, self._left())))

    def _is_alive(self) -> None:
        self._pause, self._alive = 0.0, time.monotonic()

    def _relist(self) -> Iterator[Event]:
        listed = list_all(self._transport, self._request)
        yield from self._seen.relisted(listed.items)
        self._version = listed.resource_version
        self._is_alive()

    def _spell(self) -> Iterator[Event]:
        """The changes until the server ends this request."""
        seconds = max(1, math.ceil(min(SPELL, self._left())))
        params = {
            **self._request.params,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(seconds),
        }
        request = replace(self._request, params=params)
        try:
            with self._transport.stream(request, silence=seconds + LATE) as lines:
                self._is_alive()
                for line in lines:
                    yield from self._understood(line)
        except KubeError as error:
            if error.status == 410:
                raise _ExpiredError from error
            raise

    def _understood(self, line: bytes) -> Iterator[Event]:
        if not line.strip():
            return
        try:
            event = msgspec.json.decode(line, type=_Event)
        except msgspec.DecodeError as error:
            server = self._transport.connection.server
            raise KubeError(f"{server} sends something else than events") from error
        kind, item = event.type, event.object
        if kind == "ERROR":
            raise self._told(item)
        self._version = item["metadata"]["resourceVersion"]
        if kind != "BOOKMARK":
            yield self._seen.happened(kind, item)

    def _told(self, status: Object) -> Exception:
        """The error in the stream: the request itself was answered 200."""
        code = status.get("code", 500)
        if code == 410:
            return _ExpiredError()
        connection, key = self._transport.connection, self._request.key
        return failures.refused(connection, key, code=code, body=msgspec.json.encode(status))
