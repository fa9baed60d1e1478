"""
Build programs from the modules that Kubernetes and etcd publish.

One binary for the control plane, and one for a node: each answers by the name it is called under.
Their few lines lie in `gomodule`.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from irsa.errors import RigError, excerpt
from irsa.local.download import Release

MODULE = Path(__file__).with_name("gomodule")
MODULE_VERSION = "v1.36.3"
LONGEST = 3600.0
_STAMP = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    One binary.

    Args:
        package: Its directory in the module.
        programs: The names it answers by.
        what: The same in words.
        minutes: How long it takes where nothing of it was built before.
    """

    package: str
    programs: tuple[str, ...]
    what: str
    minutes: int


CONTROL_PLANE = Part(
    package=".",
    programs=("etcd", "kube-apiserver", "kube-controller-manager"),
    what="Kubernetes",
    minutes=5,
)
# What no rig needs, and the end-to-end test on a real node does.
NODE = Part(
    package="./node",
    programs=("kubelet", "kube-proxy", "kube-scheduler"),
    what="the node's part of Kubernetes",
    minutes=2,
)


def build(
    release: Release,
    directory: Path,
    *,
    step: Callable[[str], AbstractContextManager[None]],
    part: Part = CONTROL_PLANE,
) -> None:
    """
    Build the programs of a part.

    Raises:
        RigError: There is no Go, or the build failed.
    """
    program = shutil.which("go")
    if program is None:
        raise RigError("there is no `go` in PATH")
    source = directory / "source"
    shutil.copytree(MODULE, source, ignore=shutil.ignore_patterns("__pycache__"))
    _choose_version(source, release.kubernetes)
    title = f"build {part.what} {release.kubernetes} with Go"
    with step(f"{title} (about {part.minutes} minutes the first time)"):
        flags = ["-trimpath", f"-ldflags={_stamps(release)}", "-o", "../kube"]
        _go(program, source, arguments=["build", *flags, part.package])
    shutil.rmtree(source)
    for name in part.programs:
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
