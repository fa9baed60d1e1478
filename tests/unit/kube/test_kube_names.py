"""What a kubeconfig calls a context and its cluster."""

import pytest

from irsa.errors import InputError
from irsa.kube.locate import names


@pytest.fixture(name="kubeconfig")
def _kubeconfig(tmp_path):
    path = tmp_path / "config"
    path.write_text(
        "current-context: one\n"
        "clusters: [{name: prod, cluster: {server: 'https://prod'}}]\n"
        "contexts:\n"
        "- {name: one, context: {cluster: prod}}\n"
        "- {name: two, context: {}}\n"
    )
    return str(path)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [(None, ("one", "prod")), ("two", ("two", None)), ("three", (None, None))],
    ids=["current", "chosen", "absent"],
)
def test_context_and_cluster_are_named(kubeconfig, chosen, expected):
    """Those that the connection takes."""
    assert names(kubeconfig, chosen, environment={}) == expected


def test_a_pod_has_neither(tmp_path):
    """It has no kubeconfig."""
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    assert names(None, None, environment=environment) == (None, None)


def test_a_missing_kubeconfig_is_an_error(tmp_path):
    """Named by its path."""
    with pytest.raises(InputError, match="no kubeconfig"):
        names(str(tmp_path / "nothing"), None, environment={})
