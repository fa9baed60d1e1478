"""A rig, used as a user uses it: a real control plane and a strict AWS."""

import contextlib
import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

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
    clients: dict[str, Any] = field(default_factory=dict)

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
        """A client of an AWS service, as the account's administrator; closed with the rig."""
        if service not in self.clients:
            self.clients[service] = self._client(service)
        return self.clients[service]

    def _client(self, service: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            region_name=self.env["AWS_REGION"],
        )
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
