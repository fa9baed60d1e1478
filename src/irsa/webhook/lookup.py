"""
A directory that, on a miss, asks the API server once.

A pod often follows its ServiceAccount before the watch has told of it: without the live read such
a pod starts without its role.
Never here: patching.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from irsa.errors import IrsaError
from irsa.injection.grants import Defaults, Verdict, grant_of
from irsa.webhook.directory import Cache, LookupFailedError

logger = logging.getLogger(__name__)

READ_TIMEOUT = 10.0
# So many connections to the API server at most, however many pods come with unknown accounts.
MAX_READS = 32

# Reads the annotations of a ServiceAccount; None if there is no such ServiceAccount.
Read = Callable[[str, str], Awaitable[Mapping[str, str] | None]]


class Lookup:
    """
    The cache first, and a live read for what it has not seen.

    Args:
        cache: What the watch has seen.
        read: Reads the annotations of one ServiceAccount from the API server.
        defaults: What applies where a ServiceAccount says nothing.
        count: Told the result of each live read: `found`, `missing` or `failed`.
        otherwise: What is granted to a ServiceAccount that carries no role itself.
    """

    def __init__(
        self,
        cache: Cache,
        read: Read,
        *,
        defaults: Defaults,
        count: Callable[[str], None] = lambda _: None,
        otherwise: Callable[[str, str], Verdict] = lambda _namespace, _name: None,
    ) -> None:
        self._cache = cache
        self._read = read
        self._defaults = defaults
        self._count = count
        self._otherwise = otherwise
        self._slots = asyncio.Semaphore(MAX_READS)
        self._reading: dict[tuple[str, str], asyncio.Task[Verdict]] = {}

    async def find(self, namespace: str, name: str, *, patience: float) -> Verdict:
        """
        What a ServiceAccount grants; None if it grants nothing or does not exist.

        Raises:
            LookupFailedError: It was not in the cache and could not be read in time.
        """
        verdict = await self._own(namespace, name, patience=patience)
        return self._otherwise(namespace, name) if verdict is None else verdict

    async def _own(self, namespace: str, name: str, *, patience: float) -> Verdict:
        if self._cache.knows(namespace, name):
            return self._cache.get(namespace, name)
        try:
            async with asyncio.timeout(patience):
                return await self._live(namespace, name)
        except TimeoutError as error:
            raise LookupFailedError(
                f"ServiceAccount {namespace}/{name} could not be read within {patience:.1f} s"
            ) from error
        except IrsaError as error:
            raise LookupFailedError(
                f"ServiceAccount {namespace}/{name} could not be read: {error.message}"
            ) from error

    async def _live(self, namespace: str, name: str) -> Verdict:
        joined = (namespace, name) in self._reading
        verdict = await asyncio.shield(self._task(namespace, name))
        if joined and verdict is None:
            # That read may have begun before the ServiceAccount was there.
            verdict = await asyncio.shield(self._task(namespace, name))
        return verdict

    def _task(self, namespace: str, name: str) -> "asyncio.Task[Verdict]":
        key = (namespace, name)
        if key not in self._reading:
            task = asyncio.create_task(self._read_once(namespace, name))
            self._reading[key] = task
            task.add_done_callback(lambda done: self._finished(key, done))
        return self._reading[key]

    def _finished(self, key: tuple[str, str], task: "asyncio.Task[Verdict]") -> None:
        self._reading.pop(key, None)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("live read of ServiceAccount %s/%s failed: %s", *key, task.exception())

    async def _read_once(self, namespace: str, name: str) -> Verdict:
        result = "failed"
        try:
            async with asyncio.timeout(READ_TIMEOUT), self._slots:
                annotations = await self._read(namespace, name)
            result = "missing" if annotations is None else "found"
        finally:
            self._count(result)
        if annotations is None:
            return None
        return grant_of(annotations, self._defaults, namespace=namespace, name=name)
