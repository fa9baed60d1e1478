"""Images are programs of this machine."""

import os
import subprocess
from pathlib import Path

import pytest

from irsa.local.node.images import Images, repository_of


@pytest.fixture
def images(tmp_path: Path) -> Images:
    found = Images(binaries=tmp_path / "bin", directory=tmp_path / "images")
    found.install()
    return found


@pytest.mark.parametrize(
    ("reference", "repository"),
    [
        ("amazon/aws-cli", "amazon/aws-cli"),
        ("docker.io/amazon/aws-cli:2", "amazon/aws-cli"),
        ("localhost:5000/irsa", "localhost:5000/irsa"),
        ("localhost:5000/x/irsa:1@sha256:00", "localhost:5000/x/irsa"),
        ("irsa", "irsa"),
    ],
)
def test_repository(reference: str, repository: str) -> None:
    """Tag, digest and Docker Hub's name do not matter; a registry's port is no tag."""
    assert repository_of(reference) == repository


@pytest.mark.parametrize(
    ("reference", "entrypoint"),
    [
        ("ghcr.io/irsa-project/irsa:0.1.0", ("irsa",)),
        ("public.ecr.aws/aws-cli/aws-cli:2.31.0", ("aws",)),
        ("registry.k8s.io/kube-apiserver:v1.36.3", ()),
    ],
)
def test_known_images(images: Images, reference: str, entrypoint: tuple[str, ...]) -> None:
    """Known images have their entrypoint."""
    image = images.find(reference)
    assert image is not None
    assert image.entrypoint == entrypoint


@pytest.mark.parametrize("reference", ["nginx", "irsa/other", "aws-cli", "evil/aws-cli"])
def test_unknown_images(images: Images, reference: str) -> None:
    """Anything else is not there."""
    assert images.find(reference) is None


def test_irsa_runs_with_nothing_but_its_path(images: Images) -> None:
    """The program of the irsa image is found by PATH alone, and is this irsa."""
    image = images.find("irsa")
    assert image is not None
    argv = ["/usr/bin/env", *image.entrypoint, "--version"]
    env = {"PATH": image.path}
    answer = subprocess.run(argv, env=env, capture_output=True, text=True, cwd=os.sep, check=True)
    assert answer.stdout.startswith("irsa ")
