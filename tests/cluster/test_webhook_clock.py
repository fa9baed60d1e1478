"""The webhook's clock jumps: what is counted in seconds goes on, what is a time of day is right."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from irsa.tls.certs import LeafRequest

from .faults import never
from .placing import HEARD, Place, Setup, set_up
from .rigs import Rig
from .waiting import until

pytestmark = pytest.mark.cluster

EXPIRY = "irsa_webhook_certificate_expiry_timestamp_seconds"
YEAR = 365 * 86400
# Loaded by Python before everything else. The time is what the clock says, and what a file says.
CUSTOM = """
import pathlib
import time

def _time(file=pathlib.Path({file!r}), clock=time.time):
    return clock() + float(file.read_text())

time.time = _time
"""


@dataclass
class Clocked:
    """A webhook whose clock is ours."""

    setup: Setup
    file: Path

    def jump(self, seconds: float) -> None:
        """Set its clock."""
        beside = self.file.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self.file)

    def age(self, seconds: float) -> float:
        """How old its cache is, for whoever has the same clock."""
        return time.time() + seconds - self.setup.webhook.metric(HEARD)


@pytest.fixture(name="clocked")
def _clocked(rig: Rig, place: Place, tmp_path: Path) -> Iterator[Clocked]:
    file, custom = tmp_path / "offset", tmp_path / "custom"
    file.write_text("0")
    custom.mkdir()
    (custom / "sitecustomize.py").write_text(CUSTOM.format(file=str(file)))
    path = os.pathsep.join([str(custom), os.environ.get("PYTHONPATH", "")])
    with set_up(rig, place, tmp_path, PYTHONPATH=path.rstrip(os.pathsep)) as setup:
        yield Clocked(setup, file)


@pytest.mark.parametrize("jump", [YEAR, -YEAR], ids=["ahead", "back"])
def test_jump_of_the_clock_changes_nothing(clocked: Clocked, jump: int) -> None:
    """The watch goes on, reads and answers end in their time, token and certificate are renewed."""
    setup, name = clocked.setup, f"jump-{'ahead' if jump > 0 else 'back'}"
    setup.known(name, role=False)
    expiry = setup.webhook.metric(EXPIRY)
    clocked.jump(jump)
    assert abs(clocked.age(jump)) < 60
    assert setup.webhook.is_ready
    assert setup.webhook.metric(EXPIRY) == expiry
    watches, lists = setup.way.count("watch"), setup.way.count("list")
    setup.changes_are_seen(name)
    setup.way.hold()
    setup.place.account(f"{name}-new")
    assert setup.gives(f"{name}-new")
    lets_go_in_time(setup, f"{name}-hangs")
    setup.way.release()
    takes_a_new_token(setup, name)
    takes_a_new_certificate(setup, expiry)
    assert abs(clocked.age(jump)) < 60
    # The one before the jump, the one with the new token, and perhaps one whose time was over.
    assert setup.way.count("watch") - watches <= 3
    assert setup.way.count("list") == lists


def lets_go_in_time(setup: Setup, name: str) -> None:
    """A live read that hangs ends with the patience of the review."""
    setup.way.fault = lambda asked: never() if asked.path.endswith(name) else None
    reviewed = setup.webhook.review(name, namespace=setup.place.pods, seconds=2)
    assert "could not be read in time" in reviewed.warning
    [line] = until(lambda: [one for one in setup.webhook.reviews if one["serviceAccount"] == name])
    assert 1000 < line["ms"] < 2000


def takes_a_new_token(setup: Setup, name: str) -> None:
    """The next request carries it."""
    token = setup.place.token()
    setup.webhook.token_file.write_text(token)
    setup.way.cut()
    setup.changes_are_seen(name)
    assert setup.way.asked[-1].authorization == token


def takes_a_new_certificate(setup: Setup, expiry: float) -> None:
    """It is served, and its end is shown."""
    webhook, now = setup.webhook, datetime.now(UTC)
    request = LeafRequest(common_name="y", ips=("127.0.0.1",))
    leaf = webhook.authority.issue(request, now=now, days=20)
    directory = webhook.log.parent
    (directory / "tls.key").write_bytes(leaf.private_key_pem)
    (directory / "tls.crt").write_bytes(leaf.certificate_pem)
    until(lambda: webhook.metric(EXPIRY) > expiry)
