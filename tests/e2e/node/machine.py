"""
The machine that the run needs: root, Debian, Go, and packages that are installed if they are not.

Never here: anything of Kubernetes.
"""

import os
import shutil
import subprocess
from pathlib import Path

from tests.e2e.node.waiting import say

UNFIT = 69  # EX_UNAVAILABLE of sysexits.h
_PACKAGES = (
    "buildah",
    "ca-certificates",
    "containerd",
    "containernetworking-plugins",
    "debian-archive-keyring",
    "debootstrap",
    "iproute2",
    "mount",
    "nftables",
    "runc",
    "util-linux",
)


class UnfitError(Exception):
    """The run is not possible on this machine; the text says why, and what would help."""


def make_fit() -> None:
    """
    Install what is missing.

    Raises:
        UnfitError: It is not possible here.
    """
    if os.geteuid() != 0:
        raise UnfitError("containers and namespaces need root: run it as root, or with sudo")
    if shutil.which("apt-get") is None or not _is_debian():
        raise UnfitError("it installs Debian's packages: run it on Debian, or in a machine with it")
    if shutil.which("go") is None:
        raise UnfitError("kubelet is built with Go, and there is no `go` in PATH: install Go")
    _install([name for name in _PACKAGES if not _is_installed(name)])
    _check_kernel()


def _is_debian() -> bool:
    lines = Path("/etc/os-release").read_text().splitlines()
    return any(line.strip() == "ID=debian" for line in lines)


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"


def _install(packages: list[str]) -> None:
    if not packages:
        return
    say(f"install {', '.join(packages)}")
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *packages)


def _apt(*arguments: str) -> None:
    ended = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise UnfitError(f"apt-get {arguments[0]} failed:\n{ended.stdout[-2000:]}")


def _check_kernel() -> None:
    """Namespaces, and an overlay on memory: some containers allow root neither."""
    layers = "mkdir /run/l /run/u /run/w /run/m; mount -t overlay o /run/m -o"
    script = f"mount -t tmpfs t /run; {layers} lowerdir=/run/l,upperdir=/run/u,workdir=/run/w"
    apart = ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child"]
    trial = ["sh", "-ec", script]
    ended = subprocess.run([*apart, *trial], capture_output=True, text=True, check=False)
    if ended.returncode:
        raise UnfitError(f"the kernel refuses namespaces or overlays: {ended.stderr.strip()}")
