"""
Which programs of this machine stand in for which images.

An image gives what a real one gives: a PATH, perhaps an entrypoint, a HOME. Nothing else.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AWS_CLI = frozenset({"amazon/aws-cli", "public.ecr.aws/aws-cli/aws-cli"})
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "etcd")


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What a container gets from its image."""

    path: str
    entrypoint: tuple[str, ...] = ()


class Images:
    """
    The images that there are.

    Args:
        binaries: Directory with the programs of the control plane.
        directory: Where the small start scripts of the other images are kept.
    """

    def __init__(self, *, binaries: Path, directory: Path) -> None:
        self._binaries = binaries
        self._directory = directory

    @property
    def directories(self) -> tuple[Path, ...]:
        """Where the programs live: no mount of a pod may hide these."""
        package = Path(__file__).parents[3]
        places = (self._directory, self._binaries, Path(sys.prefix), Path(sys.base_prefix), package)
        return tuple(dict.fromkeys(places))

    def install(self) -> None:
        """Write the start scripts: programs of this environment, whatever it is called."""
        for image, program, module in (("irsa", "irsa", "irsa"), ("aws-cli", "aws", "awscli")):
            directory = self._directory / image
            directory.mkdir(parents=True, exist_ok=True)
            script = directory / program
            script.write_text(f'#!/bin/sh\nexec {_quoted(sys.executable)} -m {module} "$@"\n')
            script.chmod(0o755)

    def find(self, reference: str) -> Image | None:
        """The image of a reference such as `registry/name:tag@digest`; None if there is none."""
        repository = repository_of(reference)
        name = repository.rpartition("/")[2]
        if name == "irsa":
            environment = str(Path(sys.executable).parent)
            return Image(path=self._path("irsa", environment), entrypoint=("irsa",))
        if repository in AWS_CLI:
            return Image(path=self._path("aws-cli"), entrypoint=("aws",))
        if name in CONTROL_PLANE:
            return Image(path=f"{self._binaries}{os.pathsep}{SYSTEM_PATH}")
        return None

    def _path(self, image: str, *more: str) -> str:
        return os.pathsep.join([str(self._directory / image), *more, SYSTEM_PATH])


def repository_of(reference: str) -> str:
    """The repository of an image reference, without tag, digest and Docker Hub's own name."""
    repository = reference.partition("@")[0]
    head, slash, last = repository.rpartition("/")
    repository = f"{head}{slash}{last.partition(':')[0]}"
    return repository.removeprefix("docker.io/").removeprefix("library/")


def unknown(reference: str) -> str:
    """The sentence for an image that there is not."""
    known = ", ".join(["any repository named irsa", *sorted(AWS_CLI), *CONTROL_PLANE])
    return f"the stand-in kubelet has no image {reference}; it has: {known}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
