"""
The story, from an empty machine to the proof that nothing is left.

Never here: how it looks.
"""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa import files
from irsa.arns import bucket_arn
from irsa.errors import IrsaError, ProofError, RigError
from irsa.kube.client import Kube
from irsa.local.demo import attacks, left
from irsa.local.demo.shell import Audience, Shell, parse_exports
from irsa.local.rig import Rig
from irsa.verify.echo import Egress

SERVICE_ACCOUNT = "s3-echoer"

NAMESPACE = "default"
CLUSTER = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One object that a pod wrote with its own role."""

    service_account: str
    caller: str
    url: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the story ended."""

    written: tuple[Written, ...]
    refused: tuple[attacks.Refusal, ...]
    seconds: float
    kept: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The names in the story."""

    name: str = "demo"
    role: str = f"{CLUSTER}-{NAMESPACE}-{SERVICE_ACCOUNT}"
    issuer_bucket: str = "demo-irsa-issuer"
    bucket: str = "demo-echoes"


@dataclass(slots=True, kw_only=True)
class Story:
    """
    The demo.

    Args:
        directory: An empty directory for the configuration and the audit log.
        keep: Leave everything up at the end.
    """

    audience: Audience
    directory: Path
    setting: Setting
    keep: bool = False

    def tell(self) -> Ending:
        """
        Tell the story; what it started is ended, however it ends, unless `keep`.

        Raises:
            ProofError: A pod did not get its role, or an attack was not refused.
            RigError: The rig could not be started, or there is one of that name.
        """
        self._refuse_existing()
        began = time.monotonic()
        shell = Shell(audience=self.audience, directory=self.directory)
        with self._rig(shell):
            rig = self._start(shell)
            with Kube.open(kubeconfig=rig["kubeconfig"]) as kube:
                written, refused = self._middle(shell, rig, kube)
                if not self.keep:
                    self._take_down(shell, rig, kube)
        return Ending(
            written=written,
            refused=refused,
            seconds=time.monotonic() - began,
            kept=self.directory if self.keep else None,
        )

    def _refuse_existing(self) -> None:
        name = self.setting.name
        if Rig.named(name).directory.exists():
            raise RigError(
                f"there is a rig {name} already, perhaps of an earlier demo",
                hint=f"end it with `irsa local down --name {name}`, or choose another --name",
            )

    @contextmanager
    def _rig(self, shell: Shell) -> Iterator[None]:
        down = ("irsa", "local", "down", "--name", self.setting.name)
        try:
            yield
        except BaseException as error:
            # After a failure on a rig that was to be kept, it is what one wants to look at.
            if not (self.keep and isinstance(error, IrsaError)):
                shell.run(*down)
            raise
        if not self.keep:
            shell.run(*down)

    def _start(self, shell: Shell) -> dict[str, Any]:
        self.audience.chapter("A real control plane, and a strict AWS, on this machine")
        name = self.setting.name
        shell.run("irsa", "local", "up", "--name", name)
        shell.environment |= parse_exports(shell.read("irsa", "local", "env", "--name", name))
        status = shell.read("irsa", "local", "status", "--name", name, "--output", "json")
        rig: dict[str, Any] = json.loads(status)
        return rig

    def _middle(
        self, shell: Shell, rig: dict[str, Any], kube: Kube
    ) -> tuple[tuple[Written, ...], tuple[attacks.Refusal, ...]]:
        self._configure(shell)
        self._provision(shell)
        self._switch(shell, rig)
        written = self._write(shell, rig)
        refused = self._attack(shell, rig, kube)
        return (written,), refused

    def _configure(self, shell: Shell) -> None:
        self.audience.chapter("The configuration: looked up, but for a bucket and one role")
        policy = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": self._objects}
        document = {"Version": "2012-10-17", "Statement": [policy]}
        files.write_atomic(self.directory / "policy.json", json.dumps(document, indent=2).encode())
        self._show("policy.json")
        names = ("--name", CLUSTER, "--bucket", self.setting.issuer_bucket)
        role = (
            "--service-account",
            f"{NAMESPACE}/{SERVICE_ACCOUNT}",
            "--inline-policy",
            "policy.json",
        )
        # The rig has no pod network: the webhook listens on the node's own address.
        network = ("--host-network", "--port", str(_free_port()))
        shell.run("irsa", "init", "--yes", *names, *role, *network)
        self._show("irsa.yaml")

    @property
    def _objects(self) -> str:
        return bucket_arn("aws", self.setting.bucket, "*")

    def _show(self, name: str) -> None:
        self.audience.command(f"cat {name}")
        for line in files.read_text(self.directory / name).splitlines():
            self.audience.output(line)

    def _provision(self, shell: Shell) -> None:
        self.audience.chapter("Keys and documents to S3, the OIDC provider, the role, the webhook")
        shell.run("aws", "s3", "mb", f"s3://{self.setting.bucket}")
        shell.run("irsa", "apply", "--yes")
        shell.run("irsa", "plan")

    def _switch(self, shell: Shell, rig: dict[str, Any]) -> None:
        self.audience.chapter("The API server's issuer, changed in two stages while it is in use")
        node = rig["apiServers"][0]["nodeDirectory"]
        shell.run("irsa", "issuer", "accept", "--root", node, "--yes")
        shell.run("irsa", "issuer", "activate", "--root", node, "--yes", "--ack-external-consumers")
        shell.run("irsa", "issuer", "status")

    def _write(self, shell: Shell, rig: dict[str, Any]) -> Written:
        self.audience.chapter("A pod writes one object to S3, with a role of its own")
        proxy, bundle = rig["aws"]["proxy"], rig["aws"]["ca"]
        result = shell.read(
            "irsa",
            "verify",
            "--service-account",
            f"default/{SERVICE_ACCOUNT}",
            "--bucket",
            self.setting.bucket,
            "--proxy",
            proxy,
            "--ca-bundle",
            bundle,
            "--output",
            "json",
        )
        proof = json.loads(result)
        written = Written(
            service_account=proof["service_account"],
            caller=proof["caller"],
            url=f"s3://{proof['bucket']}/{proof['key']}",
            size=proof["size"],
        )
        self.audience.say(f"{written.caller} wrote {written.url}")
        return written

    def _attack(self, shell: Shell, rig: dict[str, Any], kube: Kube) -> tuple[attacks.Refusal, ...]:
        self.audience.chapter("Attacks: everything without the right is refused")
        egress = Egress(
            proxy=rig["aws"]["proxy"],
            no_proxy=shell.environment.get("NO_PROXY"),
            ca_pem=files.read_text(Path(rig["aws"]["ca"])),
        )
        target = attacks.Target(
            role_arn=f"arn:aws:iam::{rig['account']}:role/{self.setting.role}",
            service_account=SERVICE_ACCOUNT,
            bucket=self.setting.bucket,
            region=rig["region"],
            signing_key=Path(rig["apiServers"][0]["nodeDirectory"]) / "etc/kubernetes/pki/sa.key",
            egress=egress,
        )
        kube.apply(attacks.ca_config_map(egress))
        return tuple(attacks.all_of(shell, kube, target))

    def _take_down(self, shell: Shell, rig: dict[str, Any], kube: Kube) -> None:
        self.audience.chapter("Everything removed, in the safe order, and nothing left")
        node = rig["apiServers"][0]["nodeDirectory"]
        shell.run("irsa", "issuer", "rollback", "--root", node, "--yes")
        shell.run("irsa", "destroy", "--yes", "--confirm-name", CLUSTER, "--delete-bucket")
        shell.run("aws", "s3", "rb", "--force", f"s3://{self.setting.bucket}")
        remains = left.in_aws(shell) + left.in_cluster(kube)
        if remains:
            raise ProofError(f"left behind: {', '.join(remains)}")
        self.audience.say("nothing of irsa is left in AWS or in the cluster")


def _free_port() -> int:
    """A port that is free now on all addresses, for the webhook on the node's network."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        port: int = listener.getsockname()[1]
        return port
