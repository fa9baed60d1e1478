"""The cache follows the API server, through every kind of interruption."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from irsa.errors import KubeError
from irsa.injection.grants import Defaults, Grant, Refusal
from irsa.kube.pages import Item
from irsa.kube.stream import PAGE, Event, Metadata, PartialObject, Piece
from irsa.webhook.directory import Cache
from irsa.webhook.watch import GROWTH, MAX_LIMIT, MAX_REFUSALS, Watch, read_annotations

ROLE = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/web"}


def account(name: str, *, version: str = "1", **annotations: str) -> PartialObject:
    """A ServiceAccount in the namespace shop."""
    metadata = Metadata(
        name=name, namespace="shop", resource_version=version, annotations=annotations or None
    )
    return PartialObject(metadata)


def event(kind: Any, name: str, *, version: str, **annotations: str) -> Event:
    """A change of a ServiceAccount in the namespace shop."""
    return Event(kind, account(name, version=version, **annotations))


class FakeSource:
    """Lists and spells of a watch, in the order in which they are given; then it stays quiet."""

    def __init__(self, lists: list[Any], spells: list[Any]) -> None:
        self.lists = lists
        self.spells = spells
        self.versions: list[str] = []
        self.current = "1"
        self.limits: list[int] = []
        self.times: list[float] = []
        self.quiet = asyncio.Event()

    @property
    def listed(self) -> int:
        return len(self.limits)

    async def version(self, _path: str) -> str:
        return self.current

    async def list_pieces(self, _path: str, *, prefix: str, limit: int) -> AsyncIterator[Piece]:
        assert prefix == "eks.amazonaws.com/"
        self.limits.append(limit)
        for item in self.lists.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item

    async def watch(self, _path: str, version: str) -> AsyncIterator[Event]:
        self.versions.append(version)
        self.times.append(asyncio.get_running_loop().time())
        if not self.spells:
            self.quiet.set()
            await asyncio.Event().wait()
        for item in self.spells.pop(0):
            if isinstance(item, Exception):
                raise item
            yield item

    async def get_metadata(self, path: str) -> PartialObject | None:
        self.versions.append(path)
        return account("web", **ROLE) if path.endswith("/web") else None


def piece(version: str, *accounts: PartialObject) -> Piece:
    """Some of a list."""
    items = [
        Item(each.name, each.namespace, each.annotations)
        for each in (one.metadata for one in accounts)
    ]
    return Piece(version, items)


def follow(
    lists: list[Any],
    spells: list[Any],
    check: Callable[[Cache, FakeSource], None],
    *,
    min_pause: float = 0.0,
) -> None:
    """Let the watch run until the source has nothing more to tell, then look."""

    async def main() -> None:
        source, cache = FakeSource(lists, spells), Cache()
        watch = Watch(source, cache, defaults=Defaults(), min_pause=min_pause)
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(30):
            await source.quiet.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        check(cache, source)

    asyncio.run(main())


def test_every_piece_of_the_list_is_taken() -> None:
    """The cache is synced when the last piece is in it."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert cache.synced
        assert isinstance(cache.get("shop", "web"), Grant)
        assert cache.knows("shop", "plain")
        assert cache.get("shop", "plain") is None
        assert source.versions == ["7"]

    follow([[piece("7", account("web", **ROLE)), piece("7", account("plain"))]], [], check)


def test_changes_are_followed() -> None:
    """What is added, annotated, and deleted is seen as such."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert isinstance(cache.get("shop", "new"), Grant)
        assert isinstance(cache.get("shop", "web"), Refusal)
        assert not cache.knows("shop", "gone")
        assert source.versions == ["1", "11"]

    spell = [
        event("ADDED", "new", version="8", **ROLE),
        event("MODIFIED", "web", version="9", **{"eks.amazonaws.com/role-arn": "nonsense"}),
        event("DELETED", "gone", version="10"),
        event("BOOKMARK", "", version="11"),
    ]
    follow([[piece("1", account("web", **ROLE), account("gone"))]], [spell], check)


def test_bookmark_adds_no_service_account() -> None:
    """A bookmark is a version and nothing else."""

    def check(cache: Cache, _source: FakeSource) -> None:
        assert len(cache) == 0

    follow([[piece("1")]], [[event("BOOKMARK", "", version="11")]], check)


@pytest.mark.parametrize(
    ("failure", "lists"),
    [
        (KubeError("connection reset"), 1),
        (KubeError("too old", status=410, reason="Expired"), 2),
        (KubeError("forbidden", status=403, reason="Forbidden"), 1),
        (KubeError("busy", status=429), 1),
        (KubeError("ill", status=500), 1),
        (RuntimeError("bug"), 2),
    ],
    ids=["lost", "gone", "forbidden", "busy", "ill", "bug"],
)
def test_interruption_is_survived(failure: Exception, lists: int) -> None:
    """A watch is resumed where it ended; everything is listed anew only where it must be."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert source.listed == lists
        assert cache.knows("shop", "web")
        assert cache.knows("shop", "new") is (lists == 1)

    spell = [event("ADDED", "new", version="5"), failure]
    follow([[piece("1", account("web"))], [piece("9", account("web"))]], [spell], check)


def test_cache_stays_while_it_is_listed_anew() -> None:
    """What was known is forgotten only when the whole new list is there."""
    half = [piece("9"), KubeError("connection reset")]

    def check(cache: Cache, source: FakeSource) -> None:
        assert source.listed == 3
        assert cache.knows("shop", "web")

    whole = [piece("9", account("web"))]
    gone = KubeError("too old", status=410)
    follow([[piece("1", account("web"))], half, whole], [[gone]], check)


def test_trouble_is_told_until_it_is_over() -> None:
    """Whoever asks why the webhook is not ready gets the reason."""
    told: list[str] = []

    class Listening(FakeSource):
        async def list_pieces(self, path: str, **options: Any) -> AsyncIterator[Piece]:
            told.append(cache.trouble)
            async for one in super().list_pieces(path, **options):
                yield one

    cache = Cache()

    async def main() -> None:
        source = Listening([[KubeError("connection refused")], [piece("1")]], [])
        watch = Watch(source, cache, defaults=Defaults(), min_pause=0.0)
        task = asyncio.create_task(watch.run())
        async with asyncio.timeout(30):
            await source.quiet.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert told == ["", "connection refused"]
    assert cache.trouble == ""


@pytest.mark.parametrize(("status", "lists"), [(504, 2), (429, 1)], ids=["refused", "busy"])
def test_version_that_is_refused_again_and_again_is_given_up(status: int, lists: int) -> None:
    """After etcd was restored the version may be one of the future; being busy says nothing."""

    def check(_cache: Cache, source: FakeSource) -> None:
        assert source.listed == lists

    spells = [[KubeError("no", status=status)]] * MAX_REFUSALS
    follow([[piece("9")], [piece("1")]], spells, check)


def test_list_that_expires_is_begun_anew_with_larger_pages() -> None:
    """However slow the way is, one day the list is quicker than the server's memory."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert cache.knows("shop", "web")
        growing = [min(PAGE * GROWTH**n, MAX_LIMIT) for n in range(6)]
        assert source.limits == [*growing, PAGE]
        assert growing[-2:] == [MAX_LIMIT, MAX_LIMIT]

    gone = KubeError("too old", status=410)
    half, whole = [piece("1"), gone], [piece("9", account("web"))]
    follow([*[half] * 5, whole, whole], [[gone]], check)


def test_version_of_the_future_is_given_up() -> None:
    """After etcd was restored a watch may wait for what never comes, in silence."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert source.listed == 2
        assert cache.knows("shop", "web")

    follow([[piece("5")], [piece("1", account("web"))]], [[]], check)


def test_silent_watch_is_no_reason_to_list() -> None:
    """In a quiet cluster nothing is told for long, not even a bookmark; it was heard of anyway."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert source.listed == 1
        assert cache.heard_at is not None

    follow([[piece("1")]], [[], []], check)


def test_watch_that_ends_at_once_is_not_begun_without_a_pause() -> None:
    """A server that answers and hangs up must not be asked in a loop."""

    def check(_cache: Cache, source: FakeSource) -> None:
        assert source.times[-1] - source.times[0] >= 0.5 * (0.02 + 0.04 + 0.08)

    bookmark = [event("BOOKMARK", "", version="1")]
    follow([[piece("1")]], [[], bookmark, []], check, min_pause=0.02)


def test_server_that_is_busy_is_left_alone_for_as_long_as_it_asks() -> None:
    """Retry-After goes before our own pause."""

    def check(_cache: Cache, source: FakeSource) -> None:
        assert source.times[-1] - source.times[0] >= 0.3

    busy = KubeError("busy", status=429, retry_after=0.3)
    follow([[piece("1")]], [[busy]], check)


def test_first_list_is_tried_until_it_comes() -> None:
    """A webhook that starts before its permissions gets there."""

    def check(cache: Cache, source: FakeSource) -> None:
        assert cache.synced
        assert source.listed == 3

    refusal = KubeError("forbidden", status=403)
    follow([[refusal], [refusal], [piece("1")]], [], check)


@pytest.mark.parametrize(("name", "annotations"), [("web", ROLE), ("ghost", None)])
def test_annotations_are_read_live(name: str, annotations: dict | None) -> None:
    """One ServiceAccount is read by its name; None if there is none."""

    async def main() -> None:
        source = FakeSource([], [])
        assert await read_annotations(source, "shop", name) == annotations

    asyncio.run(main())


def test_names_never_leave_their_place_in_the_path() -> None:
    """A name with slashes is a name, not a path."""

    async def main() -> None:
        source = FakeSource([], [])
        await read_annotations(source, "a/b", "../c?d")
        assert source.versions == ["/api/v1/namespaces/a%2Fb/serviceaccounts/..%2Fc%3Fd"]

    asyncio.run(main())
