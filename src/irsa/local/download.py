"""
The official release files of Kubernetes and etcd, taken only if their published checksum fits.

Never here: where they are kept.
"""

import hashlib
import tarfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx

from irsa.errors import RigError, excerpt

CONNECT, READ = 4.0, 30.0
SUM_LENGTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Versions of Kubernetes and etcd, and the processor's name in their file names."""

    kubernetes: str
    etcd: str
    architecture: str


def fetch(
    release: Release, directory: Path, *, step: Callable[[str], AbstractContextManager[None]]
) -> None:
    """
    Download the three programs.

    Raises:
        RigError: Something cannot be reached, or is not what was published.
    """
    timeout = httpx.Timeout(READ, connect=CONNECT)
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        fetch_with(client, release, directory=directory, step=step)


def fetch_with(
    client: httpx.Client,
    release: Release,
    *,
    directory: Path,
    step: Callable[[str], AbstractContextManager[None]],
) -> None:
    """As `fetch`, through a client."""
    for name in ("kube-apiserver", "kube-controller-manager"):
        url = f"https://dl.k8s.io/{release.kubernetes}/bin/linux/{release.architecture}/{name}"
        wanted = _sum(_text(client, f"{url}.sha256"), url)
        with step(f"download {url}"):
            _save(client, url, directory / name, wanted=wanted)
        (directory / name).chmod(0o755)
    _fetch_etcd(client, release, directory, step=step)


def _fetch_etcd(
    client: httpx.Client,
    release: Release,
    directory: Path,
    *,
    step: Callable[[str], AbstractContextManager[None]],
) -> None:
    base = f"https://github.com/etcd-io/etcd/releases/download/{release.etcd}"
    stem = f"etcd-{release.etcd}-linux-{release.architecture}"
    sums = _text(client, f"{base}/SHA256SUMS").splitlines()
    line = next((line for line in sums if line.endswith(f" {stem}.tar.gz")), "")
    archive = directory / "etcd.tar.gz"
    with step(f"download {base}/{stem}.tar.gz"):
        wanted = _sum(line, f"{stem}.tar.gz")
        _save(client, f"{base}/{stem}.tar.gz", archive, wanted=wanted)
    _unpack(archive, f"{stem}/etcd", directory / "etcd")
    archive.unlink()


def _unpack(archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            if file is None:
                raise RigError(f"{archive.name} holds no {member}")
            target.write_bytes(file.read())
    except (tarfile.TarError, KeyError) as error:
        raise RigError(f"{archive.name} cannot be unpacked: {error}") from error
    target.chmod(0o755)


def _text(client: httpx.Client, url: str) -> str:
    try:
        return client.get(url).raise_for_status().text
    except httpx.HTTPError as error:
        raise _unreachable(url, error) from error


def _save(client: httpx.Client, url: str, target: Path, *, wanted: str) -> None:
    digest = hashlib.sha256()
    try:
        with client.stream("GET", url) as answer, target.open("wb") as file:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
    except httpx.HTTPError as error:
        raise _unreachable(url, error) from error
    if digest.hexdigest() != wanted:
        raise RigError(f"{url} is not what was published: its SHA-256 is {digest.hexdigest()}")


def _sum(line: str, what: str) -> str:
    first = (line.split() or [""])[0].lower()
    if len(first) != SUM_LENGTH or set(first) - set("0123456789abcdef"):
        raise RigError(f"no published checksum of {what}: {excerpt(line)!r}")
    return first


def _unreachable(url: str, error: httpx.HTTPError) -> RigError:
    return RigError(f"cannot read {url}: {excerpt(str(error)) or type(error).__name__}")
