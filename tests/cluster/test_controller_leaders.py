"""Two controllers at once: one acts, and who is late changes nothing."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irsa.controller.certificates import REGISTRATION
from irsa.controller.lease import DURATION, lease_ref
from irsa.errors import KubeError
from irsa.injection.settings import CA_SECRET, CONTROLLER, TLS_SECRET
from irsa.kube.client import Kube

from .controlling import Installation
from .gate import Gate, Passed
from .history import History
from .running import Process
from .waiting import until

pytestmark = pytest.mark.cluster


class Holders:
    """Every version of the Lease, from its beginning."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed
        self._stack = ExitStack()
        self.specs: list[dict[str, Any]] = []

    def __enter__(self) -> "Holders":
        kube = self._stack.enter_context(Kube.open(kubeconfig=str(self._installed.rig.kubeconfig)))
        version = lease_ref("", "").api_version
        watch = kube.watch(version, "Lease", namespace=self._installed.own)
        self._thread = threading.Thread(target=self._read, args=(watch,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        self._thread.join()

    def _read(self, watch: Iterator[tuple[str, dict[str, Any]]]) -> None:
        with suppress(KubeError):
            for _, item in watch:
                self.specs.append(item.get("spec") or {})

    def wait(self, text: str) -> dict[str, Any]:
        """The first version that says that this one holds it, once there is one."""

        def found() -> dict[str, Any] | None:
            named = (one for one in self.specs if text in str(one.get("holderIdentity")))
            return next(named, None)

        return until(found, f"{text!r} holds the Lease")

    def before(self, spec: dict[str, Any]) -> dict[str, Any]:
        return self.specs[self.specs.index(spec) - 1]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def leading(installed: Installation, tmp_path: Path, **options: Any) -> tuple[Process, Process]:
    """The one that leads, and the one that waits."""
    first = installed.start(tmp_path, **options)
    until(lambda: first.leads and installed.holds, "the first acts")
    second = installed.start(tmp_path)
    until(lambda: second.is_ready, "the second waits")
    assert not second.leads
    return first, second


def new_holder(installed: Installation, old: str) -> str:
    """Who has the Lease after this one."""

    def other() -> str | None:
        holder = str(installed.lease().get("holderIdentity") or "")
        return holder if holder not in ("", old) else None

    return until(other, "another has the Lease")


def test_killed_leader_is_followed_after_the_leases_time(
    installed: Installation, tmp_path: Path
) -> None:
    """Not earlier, for it might live; and what was damaged meanwhile heals."""
    with Holders(installed) as holders:
        first, second = leading(installed, tmp_path)
        first.kill()
        old = installed.lease()["holderIdentity"]
        installed.lose(TLS_SECRET)
        taken = holders.wait(new_holder(installed, old))
        until(lambda: second.leads and installed.holds, "the second acts")
        passed = at(taken["acquireTime"]) - at(holders.before(taken)["renewTime"])
    # Times in a Lease are the API server's, to a second.
    assert passed >= DURATION - timedelta(seconds=1)
    assert taken["leaseTransitions"] == 1


def test_stopped_leader_gives_the_lease_back(installed: Installation, tmp_path: Path) -> None:
    """SIGTERM is an ordinary end: the other one need not wait."""
    with Holders(installed) as holders:
        first, second = leading(installed, tmp_path)
        assert first.end() == 0
        until(lambda: second.leads, "the second acts")
        until(lambda: {"holderIdentity": ""}.items() <= holders.specs[-2].items())
    assert "Traceback" not in first.text


def test_leader_that_slept_does_nothing_when_it_wakes(
    installed: Installation, tmp_path: Path, gate: Gate
) -> None:
    """SIGSTOP for longer than the Lease: another acts; on SIGCONT not one write comes."""
    first, second = leading(installed, tmp_path, gate=gate)
    old = installed.lease()["holderIdentity"]
    first.signal(signal.SIGSTOP)
    installed.lose(CA_SECRET)
    new_holder(installed, old)
    until(lambda: second.leads and installed.holds, "the second acts")
    installed.lose(TLS_SECRET)
    woken = len(gate.passed)
    first.signal(signal.SIGCONT)
    until(lambda: first.metric("leader") == 0, "it sees that it does not lead")
    until(lambda: installed.holds and second.is_ready, "the second goes on")
    until(lambda: len(gate.passed) > woken + 3, "it goes on looking")
    assert [one for one in gate.passed[woken:] if one.changes] == []
    assert first.is_ready


NOTHING = {"tls.crt": "", "tls.key": ""}


def unbundled(installed: Installation) -> None:
    """Take `caBundle` out."""
    installed.put_bundle(None)


WRITES: dict[str, tuple[str, str, Callable[[Installation], object]]] = {
    "ca": ("PUT", CA_SECRET, lambda installed: installed.change(CA_SECRET, data=NOTHING)),
    "certificate": (
        "POST",
        "/secrets",
        lambda installed: installed.lose(TLS_SECRET),
    ),
    "bundle": ("PATCH", REGISTRATION.name, unbundled),
}


@pytest.mark.parametrize(("method", "path", "damage"), WRITES.values(), ids=WRITES)
def test_write_that_comes_too_late_is_refused(
    installed: Installation,
    tmp_path: Path,
    gate: Gate,
    *,
    method: str,
    path: str,
    damage: Callable[[Installation], object],
) -> None:
    """Sent by a leader that lost its Lease on the way: the API server takes it for what it is."""
    first, second = leading(installed, tmp_path, gate=gate)
    old = installed.lease()["holderIdentity"]
    caught, release = threading.Event(), threading.Event()

    def hold(passed: Passed) -> None:
        if passed.method == method and path in passed.path:
            caught.set()
            release.wait(120)

    gate.fault = hold
    try:
        damage(installed)
        assert caught.wait(120)
        first.signal(signal.SIGSTOP)
        new_holder(installed, old)
        until(lambda: second.leads and installed.holds, "the second has mended it")
        second.rest()
        with History(installed) as history:
            history.catch_up()
            late = next(one for one in gate.passed if one.method == method and one.status is None)
            release.set()
            until(lambda: late.status is not None, "it has come through")
            assert late.status == 409
            first.signal(signal.SIGCONT)
            until(lambda: first.metric("leader") == 0, "it sees that it does not lead")
            assert history.gaps() == []
            assert history.news == 0
    finally:
        release.set()
        first.signal(signal.SIGCONT)
    assert installed.holds


def test_lease_of_a_stranger_holds_nobody_up_for_ever(
    installed: Installation, tmp_path: Path
) -> None:
    """However long it says that it lasts, and whatever else is in it."""
    ref = lease_ref(installed.own, CONTROLLER)
    metadata = {"name": ref.name, "namespace": ref.namespace}
    spec = {
        "holderIdentity": "a stranger",
        "renewTime": "2999-01-01T00:00:00.000000Z",
        "leaseDurationSeconds": 2**31 - 1,
        "leaseTransitions": 2**31 - 1,
    }
    lease = {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}
    installed.kube.create(lease | {"spec": spec})
    process = installed.start(tmp_path)
    until(lambda: process.metric("leader") == 0, "it waits")
    until(lambda: process.leads and installed.holds, "it acts")
