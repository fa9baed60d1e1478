"""A real control plane and a strict AWS for the tests here, and what is installed on them."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from irsa.tls.certs import Authority

from .controlling import Installation, installation
from .faults import Way, way_to
from .gate import Gate, gate_to
from .placing import Place, Setup, placed, set_up
from .rigs import Rig, rig_up
from .serving import Webhook, start
from .traces import told, traces

# Files import them from here, too.
__all__ = ["Rig", "rig_up"]


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One rig with one API server, for tests that leave the API server as it is."""
    with rig_up("shared", tmp_path_factory.mktemp("rig")) as up:
        yield up


@pytest.fixture(scope="module", autouse=True)
def _leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    What a file makes on the shared rig is gone at its end.

    Or else the next file would fail, and which one that is, is left to chance. As the first fixture
    of the file this is finalized after all of its own.
    """
    mine = [item for item in request.session.items if item.path == request.path]
    if not any("rig" in getattr(item, "fixturenames", ()) for item in mine):
        yield
        return
    rig = request.getfixturevalue("rig")
    before = traces(rig)
    yield
    left = {name: remark for name, remark in traces(rig).items() if name not in before}
    if left:
        pytest.fail(f"{request.path.name} left on the shared rig: {told(left)}", pytrace=False)


@pytest.fixture
def make_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Rig]]:
    """Rigs for tests that change the API server, or need several: `make_rig(api_servers=3)`."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, api_servers: int = 1) -> Rig:
            home = tmp_path_factory.mktemp("rig")
            wanted = ("--api-servers", str(api_servers), *options)
            return stack.enter_context(rig_up("own", home, *wanted))

        yield make


@pytest.fixture(name="there", scope="module")
def _there(rig: Rig) -> Rig:
    """The rig for what is installed below; a file that needs one of its own has another fixture."""
    return rig


@pytest.fixture(name="stem", scope="module")
def _stem(request: pytest.FixtureRequest) -> str:
    """What things of a file are named after."""
    return request.path.stem.removeprefix("test_").replace("_", "-")


# For tests of the controller


@pytest.fixture(name="installation", scope="module")
def _installation(there: Rig, stem: str) -> Iterator[Installation]:
    with installation(there, f"irsa-{stem}") as made:
        yield made


@pytest.fixture(name="installed")
def _installed(installation: Installation) -> Iterator[Installation]:
    """An installation in which no controller has been yet."""
    yield installation
    installation.clean()


@pytest.fixture(name="gate")
def _gate(there: Rig, tmp_path: Path) -> Iterator[Gate]:
    with gate_to(there.status["apiServers"][0], tmp_path / "gate") as gate:
        yield gate


# For tests of the webhook


@pytest.fixture(name="place", scope="module")
def _place(there: Rig, stem: str) -> Iterator[Place]:
    with placed(there.kube, stem) as place:
        yield place


@pytest.fixture(name="setup")
def _setup(there: Rig, place: Place, tmp_path: Path) -> Iterator[Setup]:
    with set_up(there, place, tmp_path) as made:
        yield made


@pytest.fixture(name="way")
def _way(there: Rig, tmp_path: Path) -> Iterator[tuple[Way, Authority]]:
    with way_to(there.status["apiServers"][0], tmp_path / "way") as made:
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
