"""One change of issuer at a time."""

import os
import socket
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.kube import FakeKube

from irsa.apiserver.lock import Lock
from irsa.errors import KubeError, RefusedError
from irsa.kube.objects import Ref

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = Ref("coordination.k8s.io/v1", "Lease", "irsa-issuer", "kube-system")


def _lock(kube, holder):
    lock = Lock(kube)
    lock.holder = holder
    return lock


@pytest.fixture(name="kube")
def _kube():
    return FakeKube()


def _holder(kube):
    return kube.get(REF)["spec"]["holderIdentity"]


def test_a_free_lock_is_taken_and_given_back(kube):
    """Afterwards the next one may have it."""
    lock = Lock(kube)
    lock.acquire(NOW)
    assert _holder(kube) == f"{socket.gethostname()}/{os.getpid()}"
    lock.release(NOW)
    _lock(kube, "elsewhere/1").acquire(NOW)
    assert _holder(kube) == "elsewhere/1"


def test_it_lives_in_the_tools_namespace_once_there_is_one(kube):
    """Before the first apply there is only kube-system."""
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "irsa-system"}})
    Lock(kube).acquire(NOW)
    assert kube.get(Ref("coordination.k8s.io/v1", "Lease", "irsa-issuer", "irsa-system"))


def test_a_held_lock_is_refused_by_name(kube):
    """Somebody else is at it."""
    _lock(kube, "elsewhere/1").acquire(NOW)
    with pytest.raises(RefusedError, match="elsewhere/1"):
        Lock(kube).acquire(NOW + timedelta(seconds=30))


def test_an_expired_lock_is_taken(kube):
    """Whoever stopped renewing it is gone."""
    _lock(kube, "elsewhere/1").acquire(NOW)
    Lock(kube).acquire(NOW + timedelta(seconds=61))
    assert _holder(kube) != "elsewhere/1"


def test_the_lock_of_a_dead_process_here_is_taken(kube):
    """A killed run does not make the next one wait."""
    _lock(kube, f"{socket.gethostname()}/999999999").acquire(NOW)
    Lock(kube).acquire(NOW)
    assert _holder(kube).endswith(f"/{os.getpid()}")


def test_renewing_notices_another_holder(kube):
    """Losing it to somebody else is told."""
    lock = Lock(kube)
    lock.acquire(NOW)
    _lock(kube, "elsewhere/1").acquire(NOW + timedelta(seconds=61))
    with pytest.raises(RefusedError, match="elsewhere/1"):
        lock.renew(NOW + timedelta(seconds=62))


def test_renewing_survives_a_restart(kube):
    """The lock lives in the very API that is being restarted."""
    lock = Lock(kube)
    lock.acquire(NOW)
    kube.refuse = lambda _verb, _path: KubeError("cannot reach it")
    lock.renew(NOW + timedelta(seconds=20))
    lock.release(NOW)


def test_a_renewed_lock_does_not_expire(kube):
    """As long as somebody works, nobody else may."""
    lock = _lock(kube, "elsewhere/1")
    lock.acquire(NOW)
    lock.renew(NOW + timedelta(seconds=50))
    with pytest.raises(RefusedError):
        Lock(kube).acquire(NOW + timedelta(seconds=70))
