"""Static pods are the files of a directory."""

import os
from pathlib import Path

import pytest

from irsa.local.node.manifests import HASH, MIRROR, Directory, mirror_of, static_pod

POD = b"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\nspec: {containers: [{}]}\n"


def names(directory: Directory) -> set[str]:
    return {pod["metadata"]["name"] for pod in directory.pods().values()}


def test_every_file_counts_but_hidden_ones(tmp_path: Path) -> None:
    """As the kubelet does it, a back-up left in the directory is run, too."""
    (tmp_path / "a.yaml").write_bytes(POD)
    (tmp_path / "b.yaml.bak").write_bytes(POD.replace(b"name: a", b"name: b"))
    (tmp_path / ".c.yaml").write_bytes(POD.replace(b"name: a", b"name: c"))
    assert names(Directory(tmp_path, "cp-1")) == {"a-cp-1", "b-cp-1"}


def test_changed_file_is_another_pod(tmp_path: Path) -> None:
    """Other bytes make another uid; the same bytes written again do not."""
    file = tmp_path / "a.yaml"
    file.write_bytes(POD)
    directory = Directory(tmp_path, "cp-1")
    first = set(directory.pods())
    os.utime(file, (1, 1))
    assert set(directory.pods()) == first
    file.write_bytes(POD + b"# comment\n")
    assert set(directory.pods()).isdisjoint(first)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"kind: Service", b"kind: Pod", b"kind: Pod\nkind: Pod", b"\xff"]
)
def test_what_is_no_pod_is_not_run(tmp_path: Path, data: bytes) -> None:
    """A broken file ends its pod, and hurts no other."""
    (tmp_path / "a.yaml").write_bytes(POD)
    directory = Directory(tmp_path, "cp-1")
    assert names(directory) == {"a-cp-1"}
    (tmp_path / "a.yaml").write_bytes(data)
    (tmp_path / "b.yaml").write_bytes(POD.replace(b"name: a", b"name: b"))
    assert names(directory) == {"b-cp-1"}


def test_removed_file_removes_the_pod(tmp_path: Path) -> None:
    """No file, no pod; no directory, no pods."""
    (tmp_path / "a.yaml").write_bytes(POD)
    directory = Directory(tmp_path, "cp-1")
    assert directory.pods()
    (tmp_path / "a.yaml").unlink()
    assert not directory.pods()
    assert not Directory(tmp_path / "none", "cp-1").pods()


def test_mirror_names_its_node_and_its_source() -> None:
    """A mirror carries the hash of its manifest and is owned by the Node."""
    pod = static_pod(POD, "cp-1")
    mirror = mirror_of(pod, {"metadata": {"name": "cp-1", "uid": "u"}})
    metadata = mirror["metadata"]
    assert metadata["annotations"][MIRROR] == pod["metadata"]["annotations"][HASH]
    assert metadata["ownerReferences"][0]["uid"] == "u"
    assert "uid" not in metadata
