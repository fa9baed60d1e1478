"""The programs of the control plane: found, downloaded or built, and never half."""

import contextlib
import hashlib
import io
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from irsa.errors import InputError, RigError
from irsa.local import binaries, build, download
from irsa.local.download import Release

RELEASE = Release(kubernetes="v1.36.3", etcd="v3.6.8", architecture="amd64")
K8S = "https://dl.k8s.io/v1.36.3/bin/linux/amd64"
ETCD = "https://github.com/etcd-io/etcd/releases/download/v3.6.8"


@contextlib.contextmanager
def step(_text: str) -> Iterator[None]:
    yield


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def archive() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("etcd-v3.6.8-linux-amd64/etcd")
        member.size = 4
        tar.addfile(member, io.BytesIO(b"etcd"))
    return stream.getvalue()


def pages() -> dict[str, bytes]:
    found = {}
    for name in ("kube-apiserver", "kube-controller-manager"):
        found[f"{K8S}/{name}"] = name.encode()
        found[f"{K8S}/{name}.sha256"] = sha256(name.encode()).encode()
    data, name = archive(), "etcd-v3.6.8-linux-amd64.tar.gz"
    found[f"{ETCD}/{name}"] = data
    found[f"{ETCD}/SHA256SUMS"] = f"{'0' * 64}  other\n{sha256(data)}  {name}\n".encode()
    return found


def fetch(served: Mapping[str, bytes], directory: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        body = served.get(str(request.url))
        return httpx.Response(404) if body is None else httpx.Response(200, content=body)

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        download.fetch_with(client, RELEASE, directory=directory, step=step)


def test_download_leaves_three_programs(tmp_path: Path) -> None:
    """Every program is there, executable, and nothing else is."""
    fetch(pages(), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(binaries.PROGRAMS)
    assert all(os.access(path, os.X_OK) for path in tmp_path.iterdir())
    assert (tmp_path / "etcd").read_bytes() == b"etcd"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (f"{K8S}/kube-apiserver", b"something else"),
        (f"{K8S}/kube-apiserver.sha256", b"<html>"),
        (f"{ETCD}/SHA256SUMS", b"nothing of ours"),
        (f"{ETCD}/etcd-v3.6.8-linux-amd64.tar.gz", b"not an archive"),
    ],
    ids=["other file", "no checksum", "not listed", "other archive"],
)
def test_what_was_not_published_is_refused(tmp_path: Path, url: str, body: bytes) -> None:
    """A file counts only if its published checksum fits."""
    with pytest.raises(RigError):
        fetch(pages() | {url: body}, tmp_path)


def test_unreachable_download_is_said(tmp_path: Path) -> None:
    """The error names the address."""
    with pytest.raises(RigError, match=r"cannot read https://dl\.k8s\.io"):
        fetch({}, tmp_path)


def assets(directory: Path, version: str) -> Path:
    directory.mkdir()
    for name in binaries.PROGRAMS:
        (directory / name).write_text(f"#!/bin/sh\necho Kubernetes {version}\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_assets_come_before_everything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What KUBEBUILDER_ASSETS holds is taken, whatever version it is."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets(tmp_path / "a", "v1.34.1")))
    found = binaries.find(None, step=step)
    assert found.version == "v1.34.1"
    assert found.programs["etcd"] == tmp_path / "a/etcd"


def test_other_version_is_looked_for_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """With a version asked for, programs of another version do not count."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets(tmp_path / "a", "v1.34.1")))
    monkeypatch.setenv("PATH", f"{assets(tmp_path / 'b', 'v1.35.4')}:/usr/bin:/bin")
    assert binaries.find("1.35.4", step=step).programs["etcd"] == tmp_path / "b/etcd"


def test_cache_is_used(tmp_path: Path) -> None:
    """What was obtained once is not obtained again."""
    cached = binaries.cache_directory(binaries.release_of("v1.36.3"))
    cached.parent.mkdir(parents=True)
    assets(cached, "v1.36.3")
    assert binaries.find(None, step=step).programs["etcd"] == cached / "etcd"
    assert cached.is_relative_to(tmp_path)


def test_when_nothing_works_the_three_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither network nor Go: the hint says what would help, and no partial file is left."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(RigError) as caught:
        binaries.find(None, step=step)
    hint = caught.value.hint or ""
    assert all(word in hint for word in ("KUBEBUILDER_ASSETS", "dl.k8s.io", "install Go"))
    left = list(binaries.cache_directory(binaries.release_of("v1.36.3")).parent.iterdir())
    assert [path.name for path in left if not path.name.endswith(".lock")] == []


@pytest.mark.parametrize("version", ["latest", "v1", "v2.0.0", "v1.36.3/../x"])
def test_versions_that_are_none(version: str) -> None:
    """A version is v1.MINOR.PATCH."""
    with pytest.raises(InputError):
        binaries.find(version, step=step)


def test_module_is_ours_and_complete() -> None:
    """The Go sources travel with the package, for the version that we name."""
    files = {str(path.relative_to(build.MODULE)) for path in build.MODULE.rglob("*.*")}
    assert files == {"main.go", "node/main.go", "go.mod", "go.sum"}
    assert f"k8s.io/kubernetes {build.MODULE_VERSION}\n" in (build.MODULE / "go.mod").read_text()
    assert build.MODULE_VERSION == binaries.DEFAULT_VERSION


@pytest.mark.parametrize("part", [build.CONTROL_PLANE, build.NODE], ids=lambda part: part.package)
def test_a_binary_answers_by_the_names_of_its_part(part: build.Part) -> None:
    """What is linked to a binary after the build is what its source looks for."""
    source = (build.MODULE / part.package / "main.go").read_text()
    assert set(re.findall(r'case "([a-z-]+)":', source)) == set(part.programs)
