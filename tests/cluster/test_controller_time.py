"""Certificates that have run out, and clocks that jump, seen by the real controller."""

import textwrap
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from irsa.controller import secrets
from irsa.injection.settings import CA_SECRET, TLS_SECRET, service_names
from irsa.tls.certs import Authority, LeafRequest

from .controlling import Installation
from .gate import Gate
from .history import History
from .running import Process
from .trusting import now
from .waiting import until

pytestmark = pytest.mark.cluster

# The wall clock of a process, moved by what a file says; its monotonic clock goes on.
CLOCK = """
import datetime, os, time

_path, _time = os.environ["TEST_CLOCK"], time.time


def _moved():
    with open(_path) as file:
        return _time() + float(file.read() or 0)


class _Moved(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(_moved(), tz)


time.time, datetime.datetime = _moved, _Moved
"""
YEAR = 365 * 86_400


def put(
    installed: Installation, *, began: datetime, ca_days: int = 3650, leaf_days: int = 90
) -> Authority:
    """Certificates of another day, as an earlier controller left them."""
    authority = Authority.generate("irsa webhook CA", now=began, days=ca_days)
    names = service_names(installed.own)
    request = LeafRequest(common_name=names[0], dns_names=names)
    leaf = authority.issue(request, now=began, days=leaf_days)
    for name, data in (
        (CA_SECRET, secrets.trust_data(authority, ())),
        (TLS_SECRET, secrets.serving_data(leaf, authority)),
    ):
        metadata = {"name": name, "namespace": installed.own}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        installed.kube.create(secret | {"type": "kubernetes.io/tls"})
    installed.put_bundle(authority.certificate_pem)
    return authority


def test_expired_certificate_is_renewed_at_once(installed: Installation, tmp_path: Path) -> None:
    """The controller was away for months: the CA stays, and signs a new one."""
    authority = put(installed, began=now() - timedelta(days=200))
    process = installed.start(tmp_path)
    until(lambda: installed.holds, "a certificate that is valid")
    assert [secrets.bundle([one]) for one in installed.bundle] == [authority.certificate_pem]
    until(lambda: process.is_ready, "there is rest")
    assert process.metric('actions_total{action="NewServing"}') == 1
    assert process.metric('actions_total{action="NewAuthority"}') is None


def test_expired_ca_is_replaced_at_once_and_not_trusted_any_more(
    installed: Installation, tmp_path: Path
) -> None:
    """Years away: everything is made anew, and nothing that has run out stays in `caBundle`."""
    put(installed, began=now() - timedelta(days=4000))
    process = installed.start(tmp_path)
    until(lambda: installed.holds, "a new pair")
    assert len(installed.bundle) == 1
    until(lambda: process.metric('certificate_expiry_timestamp_seconds{certificate="ca"}'))
    assert process.metric('actions_total{action="NewAuthority"}') == 1
    assert process.metric('actions_total{action="NewServing"}') == 1


def test_certificates_of_the_future_are_replaced_once(
    installed: Installation, tmp_path: Path
) -> None:
    """Made by a controller whose clock was wrong: no API server accepts them yet."""
    put(installed, began=now() + timedelta(days=30))
    process = installed.start(tmp_path)
    until(lambda: installed.holds, "a pair that is valid now")
    process.rest(5)
    assert process.metric('actions_total{action="NewAuthority"}') == 1
    assert process.metric('actions_total{action="NewServing"}') == 1


@dataclass
class Jumping:
    """A controller whose wall clock is moved."""

    process: Process
    file: Path

    def jump(self, seconds: float) -> None:
        """Move its clock, and wait until it sees how far it is off."""
        self.file.write_text(str(seconds))

        def seen() -> bool:
            skew = self.process.metric("clock_skew_seconds")
            return skew is not None and abs(skew + seconds) < 60

        until(seen, "it sees the difference")


@pytest.fixture(name="variables")
def _variables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(textwrap.dedent(CLOCK))
    (tmp_path / "clock").write_text("0")
    return {"PYTHONPATH": str(tmp_path / "site"), "TEST_CLOCK": str(tmp_path / "clock")}


def test_jumps_of_its_own_clock_change_nothing(
    installed: Installation, tmp_path: Path, variables: dict[str, str]
) -> None:
    """Forth by years and back: not a write, and its work goes on; the difference is told."""
    jumping = Jumping(installed.start(tmp_path, **variables), tmp_path / "clock")
    process = jumping.process
    until(lambda: installed.holds and process.is_ready, "everything is made")
    with History(installed) as history:
        history.catch_up()
        for years in (1, 20, -1, -20, 0):
            jumping.jump(years * YEAR)
            process.rest()
            assert process.is_ready
            assert process.get("/healthz")[0] == 200
        assert history.gaps() == []
        assert history.news == 0
    assert process.said("differ") >= 1
    survey = process.metric("last_survey_timestamp_seconds")
    assert survey is not None
    assert abs(survey - time.time()) < 120


def test_without_the_time_of_the_api_server_a_jump_costs_one_certificate_each_way(
    installed: Installation,
    tmp_path: Path,
    variables: dict[str, str],
    gate: Gate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A proxy spoils the `Date`: forth it renews, back it renews what is not valid yet; no more."""
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: "some day")
    process = installed.start(tmp_path, gate=gate, **variables)
    until(lambda: installed.holds and process.is_ready, "everything is made")
    assert process.metric("clock_skew_seconds") is None
    issued = 'actions_total{action="NewServing"}'
    for count, days in ((2, 80), (3, 0)):
        (tmp_path / "clock").write_text(str(days * 86_400))
        until(lambda count=count: process.metric(issued) == count, "it is renewed")
        process.rest(5)
        assert process.metric(issued) == count
    assert installed.holds
    assert process.metric('actions_total{action="NewAuthority"}') == 1
