"""
What goes wrong on purpose: a replica killed without warning, the CA taken away.

Never here: what must hold meanwhile.
"""

import base64
import os
import signal
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from tests.e2e.node.waiting import Failed

from irsa.injection.settings import CA_SECRET, DEFAULT_NAMESPACE, DEFAULT_PORT
from irsa.kube.client import Kube
from irsa.kube.objects import Object, Ref
from irsa.local.readiness import ready

_WEBHOOK = "app.kubernetes.io/component=webhook"
Wait = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """
    Faults, each of which ends when the webhook has got over it.

    Args:
        kube: The cluster.
        socket: Where containerd listens.
        wait: Waits for something.
    """

    kube: Kube
    socket: Path
    wait: Wait

    def replicas(self) -> list[Object]:
        """The webhook's pods."""
        return self.kube.list("v1", "Pod", namespace=DEFAULT_NAMESPACE, label_selector=_WEBHOOK)

    def kill(self, name: str) -> None:
        """Kill the first process of a replica with SIGKILL, and wait until it serves again."""
        pod = self._pod(name)
        before = _status(pod)["restartCount"]
        os.kill(self._process(_status(pod)["containerID"].partition("://")[2]), signal.SIGKILL)

        def again() -> bool:
            found = self._pod(name)
            return ready(found) and _status(found)["restartCount"] > before

        self.wait(f"{name} serves again", again)

    def roll_certificate(self) -> None:
        """Take the CA away: every replica must serve a certificate of a new one."""
        secret = Ref("v1", "Secret", CA_SECRET, DEFAULT_NAMESPACE)
        former = self._authority(secret)
        self.kube.delete(secret)

        def rolled() -> bool:
            now = self._authority(secret)
            addresses = [pod["status"]["podIP"] for pod in self.replicas()]
            return now not in (None, former) and all(_serves(address, now) for address in addresses)

        self.wait("every replica serves a certificate of the new CA", rolled)

    def _authority(self, secret: Ref) -> str | None:
        found = self.kube.get(secret)
        return base64.b64decode(found["data"]["tls.crt"]).decode() if found else None

    def _pod(self, name: str) -> Object:
        found = self.kube.get(Ref("v1", "Pod", name, DEFAULT_NAMESPACE))
        if found is None:
            raise Failed(f"pod {name} is gone")
        return found

    def _process(self, container: str) -> int:
        ctr = ["ctr", f"--address={self.socket}", "--namespace=k8s.io", "tasks", "list"]
        listing = subprocess.run(ctr, capture_output=True, text=True, check=True).stdout
        for task, pid, *_ in map(str.split, listing.splitlines()[1:]):
            if task == container:
                return int(pid)
        raise Failed(f"containerd knows no container {container}")


def _status(pod: Object) -> dict[str, Any]:
    found: dict[str, Any] = pod["status"]["containerStatuses"][0]
    return found


def _serves(address: str, authority: str) -> bool:
    """Whether a certificate of this very CA is served there."""
    try:
        served = ssl.get_server_certificate((address, DEFAULT_PORT), timeout=5)
    except OSError:
        return False
    leaf, issuer = (x509.load_pem_x509_certificate(pem.encode()) for pem in (served, authority))
    try:
        leaf.verify_directly_issued_by(issuer)
    except Exception:  # noqa: BLE001 - the library has an error for each way of not being its own
        return False
    return True
