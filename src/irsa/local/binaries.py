"""
The programs of the control plane: found, kept, downloaded or built, in this order.

Nothing is downloaded or built without a line that says so.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from irsa.errors import InputError, RigError
from irsa.local import build, download
from irsa.local.download import Release

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager")
DEFAULT_VERSION = "v1.36.3"
DEFAULT_ETCD = "v3.6.8"
_VERSION = re.compile(r"v1\.\d+\.\d+")

Step = Callable[[str], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binaries:
    """The three programs, and the version of Kubernetes that they are."""

    version: str
    programs: Mapping[str, Path]

    def link_into(self, directory: Path) -> None:
        """Put them all into one directory."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, path in self.programs.items():
            (directory / name).symlink_to(path)


def find(version: str | None, *, step: Step) -> Binaries:
    """
    The programs of the control plane.

    Args:
        version: The version of Kubernetes; None for what is there, else our default.
        step: Says what takes longer while it does.

    Raises:
        InputError: The version is not one.
        RigError: They are nowhere, and could neither be downloaded nor built.
    """
    wanted = _checked(version) if version else None
    installed = _installed(wanted)
    if installed is not None:
        return installed
    release = release_of(wanted or DEFAULT_VERSION)
    directory = cache_directory(release)
    if not _complete(directory):
        with _locked(directory):
            if not _complete(directory):
                _obtain(release, directory, step=step)
    return Binaries(
        version=release.kubernetes, programs={name: directory / name for name in PROGRAMS}
    )


def release_of(version: str) -> Release:
    """
    The release of a version of Kubernetes, for this machine.

    Raises:
        RigError: There is none for this machine.
    """
    return Release(kubernetes=version, etcd=DEFAULT_ETCD, architecture=_architecture())


def cache_directory(release: Release) -> Path:
    """Where the programs of a release are kept."""
    name = f"{release.kubernetes}-linux-{release.architecture}"
    return Path(platformdirs.user_cache_dir("irsa")) / "kubernetes" / name


def _checked(version: str) -> str:
    text = version if version.startswith("v") else f"v{version}"
    if not _VERSION.fullmatch(text):
        raise InputError(f"{version!r} is not a version of Kubernetes", hint=DEFAULT_VERSION)
    return text


def _installed(wanted: str | None) -> Binaries | None:
    """What KUBEBUILDER_ASSETS or PATH hold, if it is all there and the version that is wanted."""
    places = [os.environ.get("KUBEBUILDER_ASSETS"), os.environ.get("PATH")]
    for place in filter(None, places):
        found = {name: shutil.which(name, path=place) for name in PROGRAMS}
        programs = {name: Path(path).absolute() for name, path in found.items() if path}
        if len(programs) < len(PROGRAMS):
            continue
        version = _version_of(programs["kube-apiserver"])
        if version is not None and wanted in {None, version}:
            return Binaries(version=version, programs=programs)
    return None


def _version_of(apiserver: Path) -> str | None:
    try:
        answer = subprocess.run(
            [apiserver, "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"v\d+\.\d+\.\d+\S*", answer.stdout)
    return match[0] if match else None


def _complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in PROGRAMS)


def _architecture() -> str:
    machine = os.uname().machine
    known = {"x86_64": "amd64", "aarch64": "arm64"}
    if os.uname().sysname != "Linux" or machine not in known:
        raise RigError(
            f"the local rig runs on Linux on amd64 and arm64, not on {os.uname().sysname} {machine}"
        )
    return known[machine]


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """One at a time: two rigs that start together must not both build."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    with (directory.parent / f".{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _obtain(release: Release, directory: Path, *, step: Step) -> None:
    """Download, else build; the directory appears only when it is complete."""
    reasons: list[str] = []
    for way, obtain in (("download", download.fetch), ("build", build.build)):
        partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        partial.chmod(0o755)
        try:
            obtain(release, partial, step=step)
            shutil.rmtree(directory, ignore_errors=True)
            partial.replace(directory)
        except RigError as error:
            reasons.append(f"{way}: {error.message}")
        else:
            return
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    raise RigError(
        f"there is no Kubernetes {release.kubernetes} for the rig ({'; '.join(reasons)})",
        hint="one of: point KUBEBUILDER_ASSETS at a directory with " + ", ".join(PROGRAMS) + ";"
        " let this machine reach https://dl.k8s.io and https://github.com;"
        " or install Go, so that they are built",
    )
