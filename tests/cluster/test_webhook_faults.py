"""Whatever happens between the webhook and the API server, its cache comes to be true again."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irsa.errors import KubeError
from irsa.tls.certs import Authority

from .conftest import Rig, rig_up
from .faults import Way, way_to
from .pods import until
from .serving import PATIENCE, Place, Webhook, placed, start

pytestmark = pytest.mark.cluster

HEARD = "irsa_webhook_cache_heard_timestamp_seconds"


@pytest.fixture(name="own", scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig whose API server may be killed."""
    with rig_up("faults", tmp_path_factory.mktemp("rig")) as up:
        yield up


@pytest.fixture(name="place", scope="module")
def _place(own: Rig) -> Iterator[Place]:
    with placed(own.kube, "faults") as place:
        yield place


@pytest.fixture(name="way")
def _way(own: Rig, tmp_path: Path) -> Iterator[tuple[Way, Authority]]:
    with way_to(own.status["apiServers"][0], tmp_path / "way") as made:
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
def _setup(way: tuple[Way, Authority], place: Place, begin: Callable[..., Webhook]) -> "Setup":
    webhook = begin()
    until(lambda: webhook.is_ready and way[0].count("watch"), seconds=PATIENCE)
    return Setup(way[0], place, webhook)


class Setup:
    """A webhook that is ready, the way that it takes, and a place for ServiceAccounts."""

    def __init__(self, way: Way, place: Place, webhook: Webhook) -> None:
        self.way = way
        self.place = place
        self.webhook = webhook

    def gives(self, name: str) -> bool:
        return self.webhook.gives_role(name, namespace=self.place.pods)

    def known(self, name: str, *, role: bool = True) -> None:
        """Make a ServiceAccount, and wait until the watch has told of it."""
        before = self.webhook.metric("irsa_webhook_cache_service_accounts")
        if role:
            self.place.account(name)
        else:
            self.place.account(name, role=None)
        until(lambda: self.webhook.metric("irsa_webhook_cache_service_accounts") > before)

    def changes_are_seen(self, name: str) -> None:
        """What only the watch can tell: a known ServiceAccount gets a role, and loses it."""
        self.place.annotate(name, role="arn:aws:iam::111122223333:role/web")
        until(lambda: self.gives(name), seconds=PATIENCE)
        self.place.annotate(name, role=None)
        until(lambda: not self.gives(name), seconds=PATIENCE)


def kill_api_server(rig: Rig) -> None:
    """Kill it, and wait until another one answers; its node starts it again."""
    pid = rig.status["apiServers"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: rig.status["apiServers"][0]["pid"] not in (None, pid), seconds=PATIENCE)
    until(lambda: answers(rig), seconds=PATIENCE)


def answers(rig: Rig) -> bool:
    """Whether the API server is ready."""
    try:
        return rig.kube.raw("/readyz") == b"ok"
    except KubeError:
        return False


def test_cut_watch_goes_on_where_it_was(setup: Setup) -> None:
    """A connection that is reset costs no list, and no change."""
    setup.known("cut", role=False)
    lists = setup.way.count("list")
    setup.way.cut()
    setup.changes_are_seen("cut")
    assert setup.way.count("list") == lists


def test_watch_that_swallows_everything_is_noticed(setup: Setup) -> None:
    """A ServiceAccount that is known and changes meanwhile is seen; a new one is read live."""
    setup.known("swallowed", role=False)
    watches = setup.way.count("watch")
    setup.way.swallow()
    setup.place.annotate("swallowed", role="arn:aws:iam::111122223333:role/web")
    setup.place.account("swallowed-new")
    assert setup.gives("swallowed-new")
    assert setup.way.count("watch") == watches
    until(lambda: setup.gives("swallowed"), seconds=PATIENCE)
    assert setup.way.count("watch") > watches
