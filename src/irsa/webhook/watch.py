"""
List and watch the ServiceAccounts of the cluster into the cache.

Never here: decisions about pods.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Protocol
from urllib.parse import quote

from irsa.errors import IrsaError, KubeError
from irsa.injection.grants import Defaults, Verdict, grant_of
from irsa.kube.stream import Event, Metadata, Page, PartialObject
from irsa.webhook.directory import Cache

logger = logging.getLogger(__name__)

PATH = "/api/v1/serviceaccounts"
MIN_PAUSE = 0.2
MAX_PAUSE = 15.0
_GONE = 410


class Source(Protocol):
    """What of the API server is read: `irsa.kube.stream.Stream`."""

    def list_pages(self, path: str) -> AsyncIterator[Page]:
        """A collection, page by page."""
        ...

    def watch(self, path: str, resource_version: str) -> AsyncIterator[Event]:
        """The changes since a version, until the server ends the watch."""
        ...

    async def get_metadata(self, path: str) -> PartialObject | None:
        """The metadata of one object; None if it does not exist."""
        ...


class Watch:
    """
    Keeps the cache true for as long as it runs.

    Args:
        source: The API server.
        cache: What is kept.
        defaults: What applies where a ServiceAccount says nothing.
        min_pause: Seconds before the first repetition after a failure; it doubles each time.
        clock: The time, in seconds since 1970.
    """

    def __init__(
        self,
        source: Source,
        cache: Cache,
        *,
        defaults: Defaults,
        min_pause: float = MIN_PAUSE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._cache = cache
        self._defaults = defaults
        self._min_pause = min_pause
        self._clock = clock
        self._pause = min_pause
        self._version: str | None = None

    async def run(self) -> None:
        """List, watch, and go on after every failure; ends when it is cancelled."""
        while True:
            try:
                await self._spell()
                continue
            except KubeError as error:
                self._failed(error)
            except IrsaError as error:
                self._failed(KubeError(error.message))
            except Exception:
                logger.exception("the watch of ServiceAccounts failed by a fault in irsa")
                self._version = None
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 # spreads
            self._pause = min(self._pause * 2, MAX_PAUSE)

    async def _spell(self) -> None:
        if self._version is None:
            self._version = await self._list()
        async for event in self._source.watch(PATH, self._version):
            self._note(event)
            self._cache.heard_at = self._clock()
            self._pause = self._min_pause
            self._version = event.resource_version or self._version

    async def _list(self) -> str:
        verdicts: dict[tuple[str, str], Verdict] = {}
        version = ""
        async for page in self._source.list_pages(PATH):
            version = page.resource_version
            for item in page.items or ():
                key = (item.metadata.namespace, item.metadata.name)
                verdicts[key] = self._verdict(item.metadata)
        self._cache.replace(verdicts)
        self._cache.heard_at = self._clock()
        logger.info("listed %d ServiceAccounts", len(verdicts))
        return version

    def _note(self, event: Event) -> None:
        metadata = event.object.metadata
        match event.type:
            case "ADDED" | "MODIFIED":
                self._cache.put(metadata.namespace, metadata.name, self._verdict(metadata))
            case "DELETED":
                self._cache.drop(metadata.namespace, metadata.name)
            case "BOOKMARK":
                pass

    def _failed(self, error: KubeError) -> None:
        if error.status is not None:
            # The server answered, and refused this version (410) or us: a list says what now holds.
            self._version = None
        level = logging.INFO if error.status == _GONE else logging.WARNING
        logger.log(level, "the watch of ServiceAccounts ended: %s", error.message)

    def _verdict(self, metadata: Metadata) -> Verdict:
        return grant_of(
            metadata.annotations or {},
            self._defaults,
            namespace=metadata.namespace,
            name=metadata.name,
        )


async def read_annotations(source: Source, namespace: str, name: str) -> Mapping[str, str] | None:
    """The annotations of one ServiceAccount, from the API server; None if there is none."""
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}"
    found = await source.get_metadata(path)
    return None if found is None else found.metadata.annotations or {}
