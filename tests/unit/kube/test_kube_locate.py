"""Which kubeconfig, or which pod."""

from pathlib import Path

import pytest

from irsa.errors import InputError
from irsa.kube.locate import connection


def _kubeconfig(path: Path, name: str, *, current: bool = True, server: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        (f"current-context: {name}\n" if current else "")
        + f"clusters: [{{name: {name}, cluster: {{server: 'https://{server or name}'}}}}]\n"
        f"contexts: [{{name: {name}, context: {{cluster: {name}}}}}]\n"
    )
    return path


def test_argument_wins_over_the_environment(tmp_path):
    """What was typed counts."""
    typed, ambient = (_kubeconfig(tmp_path / n, n) for n in ("typed", "ambient"))
    found = connection(str(typed), None, environment={"KUBECONFIG": str(ambient)})
    assert found.server == "https://typed"


def test_several_files_are_merged_and_missing_ones_skipped(tmp_path):
    """KUBECONFIG=a:missing::b, with the context of b over the server of b."""
    first = _kubeconfig(tmp_path / "1" / "a", "a", current=False)
    second = _kubeconfig(tmp_path / "2" / "b", "b")
    joined = f"{first}:{tmp_path / 'missing'}::{second}:{first}"
    assert connection(None, None, environment={"KUBECONFIG": joined}).server == "https://b"
    assert connection(None, "a", environment={"KUBECONFIG": joined}).server == "https://a"


def test_first_file_wins(tmp_path):
    """The same name in two files is the first one's."""
    first = _kubeconfig(tmp_path / "1", "a", server="one")
    second = _kubeconfig(tmp_path / "2", "a", server="two")
    found = connection(f"{first}:{second}", None, environment={})
    assert found.server == "https://one"
    assert found.origin == f"context 'a' of {first}"


def test_home_is_the_default(tmp_path):
    """Without a word it is ~/.kube/config."""
    _kubeconfig(tmp_path / ".kube" / "config", "home")
    assert connection(None, None, environment={"HOME": str(tmp_path)}).server == "https://home"


def test_relative_authority_is_read_beside_its_file(tmp_path, monkeypatch):
    """Wherever we run."""
    path = _kubeconfig(tmp_path / "x" / "config", "a")
    path.write_text(path.read_text().replace("server:", "certificate-authority: ca.pem, server:"))
    (tmp_path / "x" / "ca.pem").write_bytes(b"CA")
    monkeypatch.chdir(tmp_path / "x")
    assert connection("config", None, environment={}).ca_pem == b"CA"
    monkeypatch.chdir(tmp_path)
    assert connection("x/config", None, environment={}).ca_pem == b"CA"


def test_pod_without_a_kubeconfig_uses_its_service_account(tmp_path):
    """In a cluster, the mounted token and authority count."""
    (tmp_path / "ca.crt").write_bytes(b"CA")
    environment = {"HOME": "/nowhere", "KUBERNETES_SERVICE_HOST": "fd00::1"}
    found = connection(None, None, environment=environment, directory=str(tmp_path))
    assert found.server == "https://[fd00::1]:443"
    assert found.ca_pem == b"CA"
    assert found.auth.token_file == f"{tmp_path}/token"


def test_named_kubeconfig_that_is_missing_never_means_another_cluster(tmp_path):
    """In a pod, a wrong name must not lead to the pod's own cluster."""
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    with pytest.raises(InputError, match=f"no kubeconfig at {tmp_path}/a or {tmp_path}/b"):
        connection(f"{tmp_path}/a:{tmp_path}/b", None, environment=environment)


def test_kubeconfig_that_cannot_be_read_is_not_missing(tmp_path):
    """A directory in its place is an error, not an absence."""
    with pytest.raises(InputError, match="cannot read"):
        connection(str(tmp_path), None, environment={})
