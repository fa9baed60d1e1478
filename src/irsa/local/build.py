"""
Build the programs of the control plane from the modules that Kubernetes and etcd publish.

One binary that answers by the name it is called under; its few lines lie in `gomodule`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from irsa.errors import RigError, excerpt
from irsa.local.download import Release

MODULE = Path(__file__).with_name("gomodule")
MODULE_VERSION = "v1.36.3"
LONGEST = 3600.0
_STAMP = "k8s.io/component-base/version"


def build(
    release: Release, directory: Path, *, step: Callable[[str], AbstractContextManager[None]]
) -> None:
    """
    Build the three programs.

    Raises:
        RigError: There is no Go, or the build failed.
    """
    program = shutil.which("go")
    if program is None:
        raise RigError("there is no `go` in PATH")
    source = directory / "source"
    shutil.copytree(MODULE, source, ignore=shutil.ignore_patterns("__pycache__"))
    _choose_version(source, release.kubernetes)
    with step(f"build Kubernetes {release.kubernetes} with Go (about 5 minutes the first time)"):
        flags = ["-trimpath", f"-ldflags={_stamps(release)}", "-o", "../kube"]
        _go(program, source, arguments=["build", *flags, "."])
    shutil.rmtree(source)
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        (directory / name).symlink_to("kube")


def _choose_version(source: Path, version: str) -> None:
    """Ask for another version than the one that our sums were made for."""
    if version == MODULE_VERSION:
        return
    module = source / "go.mod"
    text = module.read_text().replace(f" {MODULE_VERSION}\n", f" {version}\n")
    staging, wanted = (each.replace("v1.", "v0.", 1) for each in (MODULE_VERSION, version))
    module.write_text(text.replace(f" {staging}\n", f" {wanted}\n"))


def _stamps(release: Release) -> str:
    match = re.match(r"v(\d+)\.(\d+)", release.kubernetes)
    major, minor = match.groups() if match else ("1", "0")
    values = {
        "gitVersion": release.kubernetes,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return " ".join(["-s", "-w", *(f"-X {_STAMP}.{key}={text}" for key, text in values.items())])


def _go(program: str, source: Path, *, arguments: list[str]) -> None:
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOWORK": "off"}
    try:
        subprocess.run(
            [program, *arguments],
            cwd=source,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        last = excerpt("\n".join(error.stderr.strip().splitlines()[-3:]))
        raise RigError(f"the build failed: {last}") from error
    except subprocess.TimeoutExpired as error:
        raise RigError(f"the build took longer than {LONGEST:.0f} s") from error
