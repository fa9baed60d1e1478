"""A real control plane and a strict AWS for the tests here, used as a user uses them."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from irsa.kube.client import Kube
from irsa.local.supervisor import environment

SECONDS = 300


@dataclass
class Rig:
    """
    A rig that is up.

    Args:
        name: Its name.
        home: Where it and its commands keep their files.
        env: The variables for a program that works on it.
    """

    name: str
    home: Path
    env: dict[str, str]
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def kubeconfig(self) -> Path:
        return Path(self.env["KUBECONFIG"])

    @property
    def status(self) -> dict[str, Any]:
        """What `irsa local status` says now."""
        answer = self.irsa("local", "status", "--name", self.name, "--output", "json")
        return json.loads(answer.stdout)

    @functools.cached_property
    def kube(self) -> Kube:
        """The cluster, as its administrator; closed with the rig."""
        return self.stack.enter_context(Kube.open(kubeconfig=str(self.kubeconfig)))

    def irsa(
        self, *arguments: str, check: bool = True, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the `irsa` command on this rig."""
        return self.run(
            [sys.executable, "-m", "irsa", *arguments], check=check, cwd=cwd, **variables
        )

    def aws(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the AWS CLI as the account's administrator."""
        return self.run([sys.executable, "-m", "awscli", *arguments], check=check)

    def boto(self, service: str) -> Any:
        """A client of an AWS service, as the account's administrator."""
        session = boto3.Session(
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.env["AWS_REGION"],
        )
        from botocore.config import Config

        config = Config(proxies={"https": self.env["HTTPS_PROXY"]})
        client = session.client(service, verify=self.env["AWS_CA_BUNDLE"], config=config)
        self.stack.callback(client.close)
        return client

    def run(
        self, argv: list[str], *, check: bool = True, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program on this rig."""
        directory = cwd or self.home / "work"
        directory.mkdir(exist_ok=True)
        ended = subprocess.run(
            argv,
            env=self.env | variables,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if check and ended.returncode != 0:
            pytest.fail(
                f"{' '.join(argv[2:])} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
            )
        return ended


def base_environment(home: Path) -> dict[str, str]:
    """The variables that lead nowhere but to files of the tests."""
    return {
        **environment(os.environ),
        "XDG_STATE_HOME": str(home),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@contextlib.contextmanager
def rig_up(name: str, home: Path, *options: str) -> Iterator[Rig]:
    """A rig from `irsa local up` to `irsa local down`."""
    home.mkdir(parents=True, exist_ok=True)
    env = base_environment(home)
    rig = Rig(name=name, home=home, env=env)
    try:
        # Killed tests take their rigs along.
        rig.irsa("local", "up", "--name", name, "--end-with", str(os.getpid()), *options)
        for line in rig.irsa("local", "env", "--name", name).stdout.splitlines():
            verb, _, assignment = line.partition(" ")
            key, _, value = assignment.partition("=")
            if verb == "export":
                rig.env[key] = value
        with rig.stack:
            yield rig
    finally:
        rig.irsa("local", "down", "--name", name)


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One rig with one API server, for tests that leave the API server as it is."""
    with rig_up("shared", tmp_path_factory.mktemp("rig")) as up:
        yield up


@pytest.fixture
def make_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Rig]]:
    """Rigs for tests that change the API server, or need several: `make_rig(api_servers=3)`."""
    with contextlib.ExitStack() as stack:

        def make(*options: str, api_servers: int = 1) -> Rig:
            home = tmp_path_factory.mktemp("rig")
            wanted = ("--api-servers", str(api_servers), *options)
            return stack.enter_context(rig_up("own", home, *wanted))

        yield make
