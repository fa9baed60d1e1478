"""The cache first, and one live read for what it has not seen."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import pytest

from irsa.errors import KubeError
from irsa.injection.grants import Defaults, Grant, Verdict
from irsa.webhook.directory import Cache, LookupFailedError
from irsa.webhook.lookup import MAX_READS, Lookup

ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/web"}


class FakeApi:
    """ServiceAccounts as the API server has them; waits while `hold` is set."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Mapping[str, str]] = {("shop", "web"): ROLE}
        self.reads = 0
        self.failure: Exception | None = None
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, namespace: str, name: str) -> Mapping[str, str] | None:
        self.reads += 1
        found = self.accounts.get((namespace, name))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)
        if self.failure:
            raise self.failure
        return found


class Setup:
    """A lookup with what is behind it."""

    def __init__(self) -> None:
        self.api = FakeApi()
        self.cache = Cache()
        self.results: list[str] = []
        self.lookup = Lookup(
            self.cache, self.api.read, defaults=Defaults(), count=self.results.append
        )

    async def find(self, name: str = "web", *, patience: float = 20.0) -> Verdict:
        return await self.lookup.find("shop", name, patience=patience)


Test = Callable[[Setup], Coroutine[Any, Any, None]]


def run(test: Test) -> None:
    """Run a test's coroutine with a fresh lookup."""

    async def main() -> None:
        async with asyncio.timeout(30):
            await test(Setup())

    asyncio.run(main())


def test_what_the_cache_knows_is_not_read() -> None:
    """A hit costs the API server nothing, even where nothing is granted."""

    async def test(setup: Setup) -> None:
        setup.cache.put("shop", "web", None)
        assert await setup.find() is None
        assert setup.api.reads == 0

    run(test)


def test_miss_is_read_live() -> None:
    """A pod that comes right after its ServiceAccount gets its role."""

    async def test(setup: Setup) -> None:
        assert isinstance(await setup.find(), Grant)
        assert setup.results == ["found"]

    run(test)


def test_missing_service_account_grants_nothing() -> None:
    """What does not exist has no role."""

    async def test(setup: Setup) -> None:
        assert await setup.find("ghost") is None
        assert setup.results == ["missing"]

    run(test)


def test_reads_of_one_service_account_are_shared() -> None:
    """A hundred pods of one Deployment cost one read."""

    async def test(setup: Setup) -> None:
        setup.api.gate.clear()
        finds = [asyncio.create_task(setup.find()) for _ in range(100)]
        await asyncio.sleep(0)
        setup.api.gate.set()
        assert all(isinstance(found, Grant) for found in await asyncio.gather(*finds))
        assert setup.api.reads == 1

    run(test)


def test_joined_read_that_found_nothing_is_repeated() -> None:
    """A read may have begun before the ServiceAccount was there."""

    async def test(setup: Setup) -> None:
        setup.api.accounts.clear()
        setup.api.gate.clear()
        early = asyncio.create_task(setup.find())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        setup.api.accounts[("shop", "web")] = ROLE
        late = asyncio.create_task(setup.find())
        await asyncio.sleep(0)
        setup.api.gate.set()
        assert await early is None
        assert isinstance(await late, Grant)

    run(test)


def test_read_that_fails_until_the_end_is_a_failed_lookup() -> None:
    """The handler is told, with the reason; nobody reads on."""

    async def test(setup: Setup) -> None:
        setup.api.failure = KubeError("connection refused")
        with pytest.raises(LookupFailedError, match="shop/web could not be read in time: conn"):
            await setup.find(patience=0.05)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert setup.results == ["failed"]

    run(test)


def test_read_that_fails_for_a_moment_costs_nothing() -> None:
    """A connection that is cut, or a server that is busy, is asked again."""

    async def test(setup: Setup) -> None:
        setup.api.failures = [KubeError("reset"), KubeError("busy", status=429, retry_after=0.0)]
        assert isinstance(await setup.find(), Grant)
        assert setup.api.reads == 3
        assert setup.results == ["found"]

    run(test)


def test_read_that_nobody_waits_for_any_more_makes_room() -> None:
    """A server that hangs for some does not keep the others waiting."""

    async def test(setup: Setup) -> None:
        setup.api.gate.clear()
        finds = [setup.find(f"hangs-{number}", patience=0.05) for number in range(MAX_READS)]
        failed = await asyncio.gather(*finds, return_exceptions=True)
        assert all(isinstance(one, LookupFailedError) for one in failed)
        setup.api.gate.set()
        assert isinstance(await setup.find(patience=5), Grant)

    run(test)


def test_patience_bounds_the_read_of_one_caller_only() -> None:
    """Who waits longer gets the answer of the same read."""

    async def test(setup: Setup) -> None:
        setup.api.gate.clear()
        patient = asyncio.create_task(setup.find())
        with pytest.raises(LookupFailedError, match="in time"):
            await setup.find(patience=0.01)
        setup.api.gate.set()
        assert isinstance(await patient, Grant)
        assert setup.api.reads == 1

    run(test)


def test_annotation_goes_before_the_config_map() -> None:
    """Only a ServiceAccount without a role of its own is looked up elsewhere, existing or not."""
    mapped = Grant(role_arn="arn:aws:iam::111122223333:role/x", audience="a", expiration=600)

    async def main() -> list[Verdict]:
        api = FakeApi()
        api.accounts["shop", "plain"] = {}
        lookup = Lookup(Cache(), api.read, defaults=Defaults(), otherwise=lambda *_: mapped)
        return [await lookup.find("shop", name, patience=20) for name in ("web", "plain", "ghost")]

    own, plain, ghost = asyncio.run(main())
    assert isinstance(own, Grant)
    assert own.role_arn.endswith("role/web")
    assert plain == ghost == mapped


def test_reads_at_the_same_time_are_bounded() -> None:
    """A thousand unknown ServiceAccounts are not a thousand connections to the API server."""

    async def test(setup: Setup) -> None:
        running = most = 0

        async def read(namespace: str, name: str) -> Mapping[str, str] | None:  # noqa: ARG001
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return ROLE

        lookup = Lookup(Cache(), read, defaults=Defaults(), count=setup.results.append)
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(lookup.find("shop", f"web-{number}", patience=20))
        assert most == MAX_READS
        assert setup.results == ["found"] * 200

    run(test)
