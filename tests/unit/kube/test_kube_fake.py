"""The cluster in memory keeps what the real one keeps (the same cases run there)."""

import pytest
from tests.fakes.kube import FakeKube
from tests.fakes.kube_cases import CASES, config_map

from irsa.errors import KubeError
from irsa.kube.objects import Ref


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_fake_behaves_as_a_cluster(case):
    """Every case that holds on a real API server holds in memory."""
    case(FakeKube(), "default")


class _Recorder:
    def __init__(self):
        self.seen = []

    def before(self, method, path):
        self.seen.append(("before", method, path))

    def after(self, method, path):
        self.seen.append(("after", method, path))


def test_observer_sees_changes_only():
    """Reads and dry runs are not reported; changes are, before and after."""
    recorder = _Recorder()
    kube = FakeKube(observer=recorder)
    kube.apply(config_map("default"), dry_run=True)
    kube.apply(config_map("default"))
    path = Ref("v1", "ConfigMap", "x", "default").path
    kube.get(Ref("v1", "ConfigMap", "x", "default"))
    assert recorder.seen == [("before", "PATCH", path), ("after", "PATCH", path)]


def test_refusal_can_be_arranged():
    """A test decides which request fails, and how."""
    kube = FakeKube()
    kube.refuse = lambda verb, _path: KubeError("no", status=403) if verb == "patch" else None
    with pytest.raises(KubeError, match="no"):
        kube.apply(config_map("default"))
    assert kube.list("v1", "ConfigMap") == []


def test_deleted_namespace_takes_its_objects_along():
    """Nothing of a namespace is left after it."""
    kube = FakeKube()
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    kube.create(config_map("shop"))
    kube.delete(Ref("v1", "Namespace", "shop"))
    assert kube.list("v1", "ConfigMap") == []


def test_another_server_shares_the_cluster():
    """What is written through one API server is read through the other."""
    kube = FakeKube()
    other = kube.at("https://other.example:6443")
    other.create(config_map("default"))
    assert kube.get(Ref("v1", "ConfigMap", "x", "default")) is not None
    assert other.server == "https://other.example:6443"
