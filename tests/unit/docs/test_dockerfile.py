"""The image, as far as it can be checked without a container engine."""

import re
from pathlib import Path

import pytest

from irsa.injection.webhook import WebhookSettings, objects

ROOT = Path(__file__).parents[3]
LINES = (ROOT / "Dockerfile").read_text().replace("\\\n", " ").splitlines()


def instructions(name: str) -> list[str]:
    """What follows an instruction's name, in order."""
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(f"{name} ")]


def copied() -> list[str]:
    """What is copied out of the tree."""
    return [
        source
        for line in instructions("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    ]


def test_both_stages_have_the_base_that_is_asked_for() -> None:
    """The virtual environment of one works in the other only then; a tag that moves is none."""
    assert [line.split()[0] for line in instructions("FROM")] == ["${BASE}", "${BASE}"]
    [base] = instructions("ARG")
    assert re.fullmatch(r"BASE=docker\.io/library/python:\d\.\d+-slim-\w+", base)


def test_it_runs_as_the_user_of_the_manifests() -> None:
    """By number, or the kubelet cannot see that it is not root."""
    [deployment] = [
        item
        for item in objects(WebhookSettings(cluster_uid="x"))
        if (item["kind"], item["metadata"]["name"]) == ("Deployment", "irsa-webhook")
    ]
    context = deployment["spec"]["template"]["spec"]["securityContext"]
    assert instructions("USER") == [f"{context['runAsUser']}:{context['runAsGroup']}"]


def test_what_comes_from_outside_is_pinned_by_hash() -> None:
    """Every requirement has a hash; the tree's own wheel needs no index."""
    installs = re.findall(r"install [^&]*", " ".join(instructions("RUN")))
    assert len(installs) == 3
    for install in installs:
        assert ("--require-hashes" in install) is ("requirements/" in install)
        assert "--require-hashes" in install or "--no-index" in install


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_not_ignored(source: str) -> None:
    """The builder is sent what the Dockerfile needs, and no more."""
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_only_what_is_copied_is_sent() -> None:
    """No key file beside the tree ends up in a builder's cache."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied())
