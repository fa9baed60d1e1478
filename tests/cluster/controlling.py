"""`irsa controller` as it is shipped, with its own permissions, and what it leaves in a cluster."""

import base64
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography import x509

from irsa.controller.certificates import REGISTRATION
from irsa.controller.lease import lease_ref
from irsa.controller.secrets import read_serving, read_trust
from irsa.injection.settings import CA_SECRET, CONTROLLER, TLS_SECRET, WebhookSettings
from irsa.injection.webhook import objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.network import free_ports

from .access import kubeconfig
from .gate import Gate
from .objects import remove
from .rigs import Rig
from .running import Process
from .trusting import bundle_of, trusts
from .waiting import until

FAST = ("--period", "0.5", "--survey-period", "1")


@dataclass
class Installation:
    """
    The webhook's objects without its pods; the controller runs beside the tests.

    Args:
        rig: The rig.
        settings: The webhook's.
    """

    rig: Rig
    settings: WebhookSettings
    started: list[Process] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        """The cluster, as its administrator."""
        return self.rig.kube

    @property
    def own(self) -> str:
        return self.settings.namespace

    @property
    def items(self) -> list[dict[str, Any]]:
        return [item for item in objects(self.settings) if item["kind"] != "Deployment"]

    def start(
        self,
        directory: Path,
        *options: str,
        gate: Gate | None = None,
        wait: bool = True,
        **variables: str,
    ) -> Process:
        """Start a controller."""
        directory = directory / f"controller-{len(self.started)}"
        directory.mkdir()
        server = self.rig.status["apiServers"][0]
        url, ca = (gate.server.url, str(gate.ca)) if gate else (server["url"], server["ca"])
        config = directory / "kubeconfig"
        config.write_text(kubeconfig(url, ca, token=self.token()))
        port = free_ports(1)[0]
        command = [sys.executable, "-m", "irsa", "controller", "--namespace", self.own]
        command += ["--metrics-port", str(port), "--kubeconfig", str(config), *FAST, *options]
        log = directory / "log"
        with log.open("w") as errors:
            child = subprocess.Popen(command, stderr=errors, env={**os.environ, **variables})
        process = Process(child, log, port)
        self.started.append(process)
        if wait:
            until(lambda: process.get("/healthz")[0] == 200, "it serves")
        return process

    def put_bundle(self, pem: bytes | None) -> None:
        """Write `caBundle` as somebody else does; None takes it out."""
        [webhook] = self.kube.get(REGISTRATION)["webhooks"]
        webhook["clientConfig"]["caBundle"] = base64.b64encode(pem).decode() if pem else None
        self.kube.patch(REGISTRATION, {"webhooks": [webhook]})

    @contextlib.contextmanager
    def as_controller(self) -> Iterator[Kube]:
        """The cluster, with nothing but the controller's permissions."""
        server = self.rig.status["apiServers"][0]
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(kubeconfig(server["url"], server["ca"], token=self.token()))
            file.flush()
            with Kube.open(kubeconfig=file.name) as kube:
                yield kube

    def token(self) -> str:
        """A token of the controller."""
        return self.kube.create_token(self.own, CONTROLLER, audiences=[]).token

    def secret(self, name: str) -> dict[str, Any] | None:
        return self.kube.get(Ref("v1", "Secret", name, self.own))

    def lose(self, name: str) -> None:
        """Delete a Secret."""
        self.kube.delete(Ref("v1", "Secret", name, self.own))

    def change(self, name: str, **changes: Any) -> None:
        """Change a Secret as an administrator does."""
        found = self.secret(name)
        assert found is not None
        self.kube.replace(found | changes)

    @property
    def leaf(self) -> x509.Certificate | None:
        """The serving certificate, if the Secret can be used."""
        serving = read_serving(self.secret(TLS_SECRET))
        return serving.certificate if serving else None

    @property
    def bundle(self) -> tuple[x509.Certificate, ...]:
        return bundle_of(self.kube.get(REGISTRATION))

    @property
    def holds(self) -> bool:
        """Whether there is a pair that verifies now, and a CA that can go on."""
        leaf = self.leaf
        signed = leaf is not None and trusts(self.bundle, leaf)
        return signed and read_trust(self.secret(CA_SECRET)) is not None

    def events(self, reason: str, *, namespace: str | None = None) -> list[dict[str, Any]]:
        found = self.kube.list("v1", "Event", namespace=namespace)
        return [event for event in found if event["reason"] == reason]

    def lease(self) -> dict[str, Any]:
        return (self.kube.get(lease_ref(self.own, CONTROLLER)) or {}).get("spec") or {}

    def without(self, kind: str, resource: str, *, verb: str | None = None) -> None:
        """Take a permission from the controller: the rules about a resource, or one verb."""
        for item in self.items:
            if item["kind"] == kind and item["metadata"]["name"] == CONTROLLER:
                rules = [
                    one
                    if resource not in one["resources"]
                    else one | {"verbs": [v for v in one["verbs"] if v != verb]}
                    for one in item["rules"]
                    if resource not in one["resources"] or verb
                ]
                rules = [one for one in rules if one["verbs"]]
                self.kube.replace(self.kube.get(Ref.of(item)) | {"rules": rules})

    def restore(self) -> None:
        """Give the permissions and the registration back."""
        for item in self.items:
            self.kube.apply(item, force=True)

    def clean(self) -> None:
        """End what was started; nothing that a controller makes is left."""
        for process in self.started:
            if process.child.poll() is None:
                process.kill()
        self.started.clear()
        self.kube.delete(REGISTRATION)
        for name in (CA_SECRET, TLS_SECRET):
            self.lose(name)
        self.kube.delete(lease_ref(self.own, CONTROLLER))
        for reason in ("NotKept", "RoleMissing", "RestartDidNotHelp"):
            for event in self.events(reason):
                self.kube.delete(Ref.of(event))
        self.restore()


@contextlib.contextmanager
def installation(rig: Rig, name: str, **settings: Any) -> Iterator[Installation]:
    """Everything of an installed webhook but its two Deployments."""
    wanted = WebhookSettings(cluster_uid=rig.kube.cluster_uid(), namespace=name)
    made = Installation(rig, replace(wanted, **settings))
    try:
        for item in made.items:
            rig.kube.apply(item)
        yield made
    finally:
        made.clean()
        remove(rig.kube, made.items)
