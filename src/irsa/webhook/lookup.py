"""
A directory that, on a miss, asks the API server.

A pod often follows its ServiceAccount before the watch has told of it: without the live read such
a pod starts without its role.
Never here: patching.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from irsa.errors import IrsaError, KubeError
from irsa.injection.grants import Defaults, Verdict, grant_of
from irsa.webhook.directory import UNKNOWN, Cache, LookupFailedError, Unknown

READ_TIMEOUT = 10.0
# So many connections to the API server at most, however many pods come with unknown accounts.
MAX_READS = 32
# A read that fails is tried again while somebody waits for it.
MIN_PAUSE = 0.1
MAX_PAUSE = 1.0

# Reads the annotations of a ServiceAccount; None if there is no such ServiceAccount.
Read = Callable[[str, str], Awaitable[Mapping[str, str] | None]]


@dataclass(slots=True, kw_only=True)
class _Reading:
    """A read under way: who waits for it, and why it has failed so far."""

    namespace: str
    name: str
    task: "asyncio.Task[Verdict]" = field(init=False)
    waiting: int = 0
    failure: str = ""


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
        self._reading: dict[tuple[str, str], _Reading] = {}

    def known(self, namespace: str, name: str) -> Verdict | Unknown:
        """What a ServiceAccount grants, if the watch has told of it."""
        if not self._cache.knows(namespace, name):
            return UNKNOWN
        verdict = self._cache.get(namespace, name)
        return self._otherwise(namespace, name) if verdict is None else verdict

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
        deadline = asyncio.get_running_loop().time() + patience
        joined = (namespace, name) in self._reading
        verdict = await self._result(self._begun(namespace, name), deadline)
        if joined and verdict is None:
            # That read may have begun before the ServiceAccount was there.
            verdict = await self._result(self._begun(namespace, name), deadline)
        return verdict

    async def _result(self, reading: _Reading, deadline: float) -> Verdict:
        reading.waiting += 1
        try:
            seconds = deadline - asyncio.get_running_loop().time()
            await asyncio.wait({reading.task}, timeout=seconds)
        finally:
            self._leave(reading)
        try:
            if reading.task.done():
                return reading.task.result()
        except (IrsaError, TimeoutError) as error:
            raise self._failed(reading) from error
        raise self._failed(reading)

    def _failed(self, reading: _Reading) -> LookupFailedError:
        return LookupFailedError(
            f"ServiceAccount {reading.namespace}/{reading.name} could not be read in time"
            + (f": {reading.failure}" if reading.failure else "")
        )

    def _begun(self, namespace: str, name: str) -> _Reading:
        key = (namespace, name)
        if key not in self._reading:
            reading = self._reading[key] = _Reading(namespace=namespace, name=name)
            reading.task = asyncio.create_task(self._read_once(reading))
            reading.task.add_done_callback(lambda _: self._forget(reading))
        return self._reading[key]

    def _leave(self, reading: _Reading) -> None:
        """Nobody reads on for a review that has been answered."""
        reading.waiting -= 1
        if not reading.waiting and not reading.task.done():
            self._forget(reading)
            reading.task.cancel()

    def _forget(self, reading: _Reading) -> None:
        key = (reading.namespace, reading.name)
        if self._reading.get(key) is reading:
            del self._reading[key]

    async def _read_once(self, reading: _Reading) -> Verdict:
        result = "failed"
        try:
            async with asyncio.timeout(READ_TIMEOUT), self._slots:
                annotations = await self._answer(reading)
            result = "missing" if annotations is None else "found"
        finally:
            self._count(result)
        if annotations is None:
            return None
        return grant_of(annotations, self._defaults, namespace=reading.namespace, name=reading.name)

    async def _answer(self, reading: _Reading) -> Mapping[str, str] | None:
        """Ask until there is an answer: the failure of a moment must cost no pod its role."""
        pause = MIN_PAUSE
        while True:
            try:
                return await self._read(reading.namespace, reading.name)
            except IrsaError as error:
                reading.failure = error.message
                asked = (error.retry_after or 0.0) if isinstance(error, KubeError) else 0.0
            await asyncio.sleep(max(pause * random.uniform(0.5, 1.0), asked))  # noqa: S311 # spreads
            pause = min(pause * 2, MAX_PAUSE)
