"""The door to Kubernetes, on a real API server."""

import pytest
from tests.fakes.kube_cases import CASES

from irsa.kube.objects import Ref

pytestmark = pytest.mark.cluster


@pytest.fixture(name="namespace")
def _namespace(rig):
    metadata = {"generateName": "kube-door-"}
    created = rig.kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield created["metadata"]["name"]
    rig.kube.delete(Ref.of(created))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_cluster_behaves_as_promised(case, rig, namespace):
    """Every promise of Kube holds on a real API server."""
    case(rig.kube, namespace)
