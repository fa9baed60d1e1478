"""Where the history is kept."""

from datetime import UTC, datetime

import pytest
from tests.fakes.kube import FakeKube

from irsa.apiserver import archive
from irsa.apiserver.history import Event, Flags, Record
from irsa.apiserver.stages import Stage
from irsa.errors import KubeError
from irsa.kube.objects import Ref

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "irsa-system"}}


def _record(day):
    return Record(
        time=datetime(2026, 1, day, tzinfo=UTC),
        server="cp-1",
        event=Event.done,
        stage=Stage.accept,
        issuer="https://new",
        before=Flags(issuers=("https://old",)),
        after=Flags(issuers=("https://old", "https://new")),
        version="1",
    )


def test_records_add_up():
    """Nothing that was kept is lost."""
    kube = FakeKube()
    archive.append(kube, _record(1))
    archive.append(kube, _record(2))
    assert archive.read(kube) == (_record(1), _record(2))


def test_what_was_kept_before_the_namespace_existed_still_counts():
    """The tool's namespace may come between two stages."""
    kube = FakeKube()
    archive.append(kube, _record(1))
    kube.create(NAMESPACE)
    archive.append(kube, _record(2))
    assert archive.read(kube) == (_record(1), _record(2))
    assert kube.get(Ref("v1", "ConfigMap", "irsa-history", "irsa-system"))


def test_a_conflict_is_tried_again():
    """Two nodes may write at the same moment."""
    kube = FakeKube()
    archive.append(kube, _record(1))
    conflicts = [KubeError("conflict", status=409)]
    kube.refuse = lambda verb, _path: conflicts.pop() if verb == "update" and conflicts else None
    archive.append(kube, _record(2))
    assert len(archive.read(kube)) == 2


def test_a_refusal_is_told():
    """What cannot be recorded must not be done silently."""
    kube = FakeKube()
    kube.refuse = lambda verb, _path: KubeError("forbidden", status=403) if verb != "get" else None
    with pytest.raises(KubeError, match="forbidden"):
        archive.append(kube, _record(1))
