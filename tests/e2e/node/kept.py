"""
What costs minutes to make, and is therefore kept in the cache directory: whole or not at all.

The programs of a node, and the files of a Debian with Python. `build_node` and `debian` may be
called side by side: one makes it, the others wait.
"""

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import platformdirs

from irsa.local import binaries, build

SUITE = "bookworm"
# What the real image of Python for Debian has, and our Dockerfile asks for: python3 with its venv.
_PACKAGES = "python3,python3-venv,ca-certificates"

Step = Callable[[str], AbstractContextManager[None]]


def build_node(version: str, *, step: Step) -> Path:
    """The directory with kubelet, kube-proxy and kube-scheduler of a version of Kubernetes."""
    release = binaries.release_of(version)
    directory = binaries.cache_directory(release)
    directory = directory.with_name(f"{directory.name}-node")
    with _made(directory) as partial:
        if partial:
            partial.mkdir(mode=0o755)
            build.build(release, partial, step=step, part=build.NODE)
    return directory


def debian() -> Path:
    """An archive with the files of a minimal Debian; made in a directory below /run."""
    archive = Path(platformdirs.user_cache_dir("irsa")) / "images" / f"debian-{SUITE}.tar"
    with _made(archive) as partial:
        if partial:
            root = Path(tempfile.mkdtemp(dir="/run"))
            options = ["--variant=minbase", f"--include={_PACKAGES}"]
            _quietly(["debootstrap", *options, SUITE, str(root), *_mirror()])
            _quietly(["tar", "--numeric-owner", "-C", str(root), "-cf", str(partial), "."])
            shutil.rmtree(root)
    return archive


def _mirror() -> list[str]:
    """Where this machine gets its own packages of that Debian; none if it has another."""
    wanted = ["Created-By: Packages", f"Codename: {SUITE}", "Component: main"]
    query = ["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted]
    listing = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return listing.splitlines()[:1]


@contextlib.contextmanager
def _made(path: Path) -> Iterator[Path | None]:
    """Where to make it, None if it is there; what an earlier run left half done goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock, partial = (path.with_name(f".{path.name}.{end}") for end in ("lock", "partial"))
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if path.exists():
            yield None
            return
        _remove(partial)
        yield partial
        partial.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _quietly(argv: list[str]) -> None:
    """Run a program; what it says is shown if it fails."""
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(f"{argv[0]} failed:\n{(ended.stdout + ended.stderr)[-3000:]}")
