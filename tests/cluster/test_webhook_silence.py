"""An API server that says nothing, says it slowly, or has fallen back behind itself."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irsa.tls.certs import Authority

from .conftest import Rig
from .faults import Asked, Way, answer, way_to
from .placing import KNOWN, ROLE, Place, Setup, placed, set_up
from .pods import until
from .serving import PATIENCE, Webhook, start

pytestmark = pytest.mark.cluster


@pytest.fixture(name="place", scope="module")
def _place(rig: Rig) -> Iterator[Place]:
    with placed(rig.kube, "silence") as place:
        yield place


@pytest.fixture(name="way")
def _way(rig: Rig, tmp_path: Path) -> Iterator[tuple[Way, Authority]]:
    with way_to(rig.status["apiServers"][0], tmp_path / "way") as made:
        yield made


@pytest.fixture(name="begin")
def _begin(
    way: tuple[Way, Authority], place: Place, tmp_path: Path
) -> Iterator[Callable[..., Webhook]]:
    """Starts a webhook on the way."""
    begun: list[Webhook] = []

    def begin(**variables: str) -> Webhook:
        directory = tmp_path / f"webhook-{len(begun)}"
        begun.append(start(*way, directory, token=place.token(), **variables))
        return begun[-1]

    yield begin
    for webhook in begun:
        webhook.end()


@pytest.fixture(name="setup")
def _setup(rig: Rig, place: Place, tmp_path: Path) -> Iterator[Setup]:
    with set_up(rig, place, tmp_path) as made:
        yield made


def test_watch_that_swallows_everything_is_noticed(setup: Setup) -> None:
    """A ServiceAccount that is known and changes meanwhile is seen; a new one is read live."""
    setup.known("swallowed", role=False)
    watches = setup.way.count("watch")
    setup.way.swallow()
    setup.place.annotate("swallowed", role=ROLE)
    setup.place.account("swallowed-new")
    assert setup.gives("swallowed-new")
    assert setup.way.count("watch") == watches
    until(lambda: setup.gives("swallowed"), seconds=PATIENCE)
    assert setup.way.count("watch") > watches


def test_slow_list_is_waited_for(
    way: tuple[Way, Authority], place: Place, begin: Callable[..., Webhook]
) -> None:
    """A page may take longer than any answer's time-out, if only something comes."""
    way[0].rate = 2500
    webhook = begin()
    until(lambda: webhook.is_ready, seconds=PATIENCE)
    assert [one.status for one in way[0].asked if one.kind == "list"].count(200) == 1
    way[0].rate = None
    place.account("slow")
    until(lambda: webhook.gives_role("slow", namespace=place.pods))


def test_version_that_the_api_server_has_not_reached(
    way: tuple[Way, Authority], place: Place, begin: Callable[..., Webhook]
) -> None:
    """As after etcd was restored: such a watch is silent for ever, and everything is listed."""
    place.account("restored")
    restored = {"metadata": {"resourceVersion": "99999999"}, "items": []}
    told = [answer(200, json.dumps(restored).encode(), Content_Type="application/json")]

    def fault(asked: Asked) -> bytes | None:
        return told.pop() if asked.kind == "list" and told else None

    way[0].fault = fault
    webhook = begin()
    until(lambda: webhook.is_ready)
    assert webhook.metric(KNOWN) == 0
    until(lambda: webhook.metric(KNOWN) > 0, seconds=PATIENCE)
    assert webhook.gives_role("restored", namespace=place.pods)
