"""
List and watch the ServiceAccounts of the cluster into the cache.

Never here: decisions about pods.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Protocol
from urllib.parse import quote

from irsa.errors import IrsaError, KubeError
from irsa.injection.grants import Defaults, Verdict, grant_of
from irsa.kube.pages import Item
from irsa.kube.stream import PAGE, Event, Metadata, PartialObject, Piece
from irsa.webhook.directory import Cache, key

logger = logging.getLogger(__name__)

PATH = "/api/v1/serviceaccounts"
MIN_PAUSE = 0.2
MAX_PAUSE = 15.0
# A spell of the watch that is shorter counts as a failure.
MIN_SPELL = 1.0
# So long may a server that is busy keep us away.
MAX_RETRY_AFTER = 60.0
# A list that expired before its end is begun anew with pages so many times as large.
GROWTH = 4
MAX_LIMIT = 160_000
# After so many refusals in a row the version itself may be what is refused.
MAX_REFUSALS = 3
_GONE = 410
# ServiceAccounts that are judged at a time, while no review is answered.
SLICE = 100
_BUSY = 429


class Source(Protocol):
    """What of the API server is read: `irsa.kube.stream.Stream`."""

    def list_pieces(self, path: str, *, prefix: str, limit: int) -> AsyncGenerator[Piece, None]:
        """A collection, in pieces as they come; annotations only where one begins so."""
        ...

    async def version(self, path: str) -> str:
        """The version of a collection as it is now."""
        ...

    def watch(self, path: str, resource_version: str) -> AsyncGenerator[Event, None]:
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
        clock: Seconds that pass, whatever happens to the time of day.
    """

    def __init__(
        self,
        source: Source,
        cache: Cache,
        *,
        defaults: Defaults,
        min_pause: float = MIN_PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._cache = cache
        self._defaults = defaults
        self._min_pause = min_pause
        self._clock = clock
        self._pause = min_pause
        self._retry_after = 0.0
        self._refusals = 0
        self._limit = PAGE
        self._watching_since: float | None = None
        self._version: str | None = None

    async def run(self) -> None:
        """List, watch, and go on after every failure; ends when it is cancelled."""
        while True:
            self._watching_since = None
            try:
                await self._spell()
                if self._held() >= MIN_SPELL:
                    self._pause = self._min_pause
                    continue
            except KubeError as error:
                self._failed(error)
            except IrsaError as error:
                self._failed(KubeError(error.message))
            except Exception:
                logger.exception("the watch of ServiceAccounts failed by a fault in irsa")
                self._version = None
            await self._rest()

    async def _rest(self) -> None:
        """
        Pause, twice as long each time, and at least as long as was asked for.

        A watch that is ended at once has failed, too: the server would be asked without a pause.
        """
        if self._held() >= max(self._pause, MIN_SPELL):
            self._pause = self._min_pause
        pause = max(self._pause * random.uniform(0.5, 1.0), self._retry_after)  # noqa: S311 # spreads
        self._retry_after = 0.0
        self._pause = min(self._pause * 2, MAX_PAUSE)
        await asyncio.sleep(pause)

    def _held(self) -> float:
        """For how many seconds the last watch has held."""
        return 0.0 if self._watching_since is None else self._clock() - self._watching_since

    async def _spell(self) -> None:
        if self._version is None:
            self._version = await self._list()
        self._watching_since = self._clock()
        version = self._version
        async with contextlib.aclosing(self._source.watch(PATH, version)) as events:
            async for event in events:
                self._note(event)
                self._heard()
                self._version = event.resource_version or self._version
        self._heard()
        if self._version == version and await self._is_ahead(version):
            logger.warning("the API server is behind what it was: listing ServiceAccounts anew")
            self._version = None

    def _heard(self) -> None:
        self._cache.heard_at = self._clock()
        self._cache.trouble = ""
        self._refusals = 0

    async def _is_ahead(self, version: str) -> bool:
        """
        Whether a version is one that the API server has not reached yet.

        So it is after etcd was restored. A watch from there on is accepted, and never tells of
        anything.
        """
        now = await self._source.version(PATH)
        return version.isdecimal() and now.isdecimal() and int(version) > int(now)

    async def _list(self) -> str:
        try:
            return await self._listed()
        except KubeError as error:
            if error.status == _GONE:
                # It took longer than the server remembers its beginning: fewer, larger pages.
                self._limit = min(self._limit * GROWTH, MAX_LIMIT)
            raise

    async def _listed(self) -> str:
        verdicts: dict[str, Verdict] = {}
        version = ""
        prefix = f"{self._defaults.prefix}/"
        pieces = self._source.list_pieces(PATH, prefix=prefix, limit=self._limit)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                version = piece.resource_version
                for number, item in enumerate(piece.items):
                    verdicts[key(item.namespace, item.name)] = self._verdict(item)
                    if number % SLICE == 0:
                        await asyncio.sleep(0)  # reviews are answered meanwhile
        self._cache.replace(verdicts)
        self._heard()
        self._limit = PAGE
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
        if error.status is not None and error.status != _BUSY:
            self._refusals += 1
        if error.status == _GONE or self._refusals >= MAX_REFUSALS:
            # A list says what now holds. It is dear: a server that is busy or ill is not asked for
            # it before it is clear that the version is what it does not take.
            self._version, self._refusals = None, 0
        self._cache.trouble = error.message
        self._retry_after = min(error.retry_after or 0.0, MAX_RETRY_AFTER)
        level = logging.INFO if error.status == _GONE else logging.WARNING
        logger.log(level, "the watch of ServiceAccounts ended: %s", error.message)

    def _verdict(self, metadata: Metadata | Item) -> Verdict:
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
