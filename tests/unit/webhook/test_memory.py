"""What the process does with its memory."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from irsa.injection.grants import Defaults
from irsa.kube.pages import Item
from irsa.kube.stream import Piece
from irsa.webhook import memory
from irsa.webhook.directory import Cache
from irsa.webhook.watch import SLICE, Watch


@pytest.fixture(autouse=True)
def _collector() -> Iterator[None]:
    """The collector of the tests' own process is as it was, afterwards."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_is_kept_is_not_looked_at_again() -> None:
    """A cache of 100,000 would cost every collection."""
    gc.unfreeze()
    memory.prepare()
    kept = [[] for _ in range(1000)]
    memory.settle()
    assert gc.get_freeze_count() >= len(kept)
    assert gc.get_threshold()[0] >= 10_000


def test_complete_list_is_told_of() -> None:
    """That is when the process can give memory back."""
    told: list[int] = []
    cache = Cache(replaced=lambda: told.append(len(cache)))
    cache.put("shop", "web", None)
    assert told == []
    cache.replace({"shop/web": None, "shop/db": None})
    assert told == [2]


class OnePiece:
    """An API server with all its ServiceAccounts in one piece, and nothing more to say."""

    async def list_pieces(self, _path: str, **_options: object):
        yield Piece("1", [Item(f"a{n}", "x") for n in range(10 * SLICE)])


def test_reviews_are_answered_while_a_piece_is_judged() -> None:
    """Not even a piece of thousands keeps the loop busy as a whole."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def test() -> None:
        counting = asyncio.create_task(count())
        cache = Cache()
        await Watch(OnePiece(), cache, defaults=Defaults())._list()
        counting.cancel()
        assert len(cache) == 10 * SLICE

    asyncio.run(test())
    assert turns >= 10
