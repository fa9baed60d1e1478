"""The webhook's process as it is shipped, with its own permissions, and what it says."""

import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa.injection.settings import WEBHOOK
from irsa.injection.webhook import WebhookSettings, objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.tls.certs import Authority

from .faults import Way, authority_in
from .pods import until

ROLE = "arn:aws:iam::111122223333:role/web"
PATIENCE = 150.0


@dataclass
class Place:
    """
    A namespace for pods, and one with the webhook's ServiceAccount and its permissions.

    Args:
        kube: The cluster, as its administrator.
        own: The webhook's namespace.
        pods: The namespace for pods.
    """

    kube: Kube
    own: str
    pods: str

    def token(self, seconds: int = 3600) -> str:
        """A token of the webhook's ServiceAccount."""
        made = self.kube.create_token(self.own, WEBHOOK, audiences=[], expiration_seconds=seconds)
        return made.token

    def account(self, name: str, *, role: str | None = ROLE) -> None:
        """Make a ServiceAccount."""
        annotations = {"eks.amazonaws.com/role-arn": role} if role else {}
        metadata = {"name": name, "namespace": self.pods, "annotations": annotations}
        self.kube.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    def annotate(self, name: str, *, role: str | None) -> None:
        """Give a ServiceAccount another role, or none."""
        change = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": role}}}
        self.kube.patch(self.ref(name), change)

    def delete(self, name: str) -> None:
        """Delete a ServiceAccount."""
        self.kube.delete(self.ref(name))

    def ref(self, name: str) -> Ref:
        return Ref("v1", "ServiceAccount", name, self.pods)


@contextlib.contextmanager
def placed(kube: Kube, name: str) -> Iterator[Place]:
    """Everything of an installed webhook but its processes and its registration."""
    place = Place(kube, f"{name}-own", f"{name}-pods")
    settings = WebhookSettings(cluster_uid=kube.cluster_uid(), namespace=place.own)
    left_out = ("Deployment", "MutatingWebhookConfiguration")
    items = [item for item in objects(settings) if item["kind"] not in left_out]
    metadata = {"name": place.pods}
    items.append({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        for item in items:
            kube.apply(item)
        until(lambda: kube.get(place.ref("default")), seconds=PATIENCE)
        yield place
    finally:
        for item in reversed(items):
            kube.delete(Ref.of(item))


@dataclass
class Reviewed:
    """What the webhook says to a review."""

    status: int
    response: dict[str, Any]

    @property
    def has_role(self) -> bool:
        return "patch" in self.response

    @property
    def warning(self) -> str:
        return "".join(self.response.get("warnings", ()))


@dataclass
class Webhook:
    """
    A running `irsa webhook`.

    Args:
        child: The process.
        log: Where it logs to.
        authority: The authority of its certificate.
        token_file: Where its own token is.
    """

    child: subprocess.Popen[bytes]
    log: Path
    authority: Authority
    token_file: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        whole = self.log.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    @property
    def port(self) -> int:
        """Where it listens."""
        said = "listening on port "
        found = [line["message"] for line in self.lines if line["message"].startswith(said)]
        return int(found[-1].removeprefix(said)) if found else 0

    def said(self, text: str) -> int:
        """How many lines of its log hold a text."""
        return sum(text in line["message"] for line in self.lines)

    def get(self, path: str) -> tuple[int, str]:
        """What it answers to a GET."""
        with self.connection() as connection:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    @property
    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def metric(self, name: str) -> float:
        """One sample, by its name with its labels."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no {name}")

    def review(self, account: str, *, namespace: str, seconds: int = 5) -> Reviewed:
        """Ask it about a new pod, as an API server with this time-out does."""
        with self.connection() as connection:
            path = f"/mutate?timeout={seconds}s"
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, review(account, namespace), headers)
            response = connection.getresponse()
            return Reviewed(response.status, json.loads(response.read())["response"])

    def gives_role(self, account: str, *, namespace: str) -> bool:
        """Whether a pod of the ServiceAccount gets its role now."""
        return self.review(account, namespace=namespace).has_role

    @contextlib.contextmanager
    def connection(self) -> Iterator[http.client.HTTPSConnection]:
        """A connection to it, verified."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.authority.certificate_pem.decode())
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=PATIENCE
        )
        try:
            yield connection
        finally:
            connection.close()

    @property
    def memory(self) -> int:
        """Its resident memory in MB."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) // 1024

    def end(self) -> None:
        """End it as its pod is ended."""
        self.child.terminate()
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def review(account: str, namespace: str) -> bytes:
    """A review of a new pod."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "web-", "namespace": namespace},
        "spec": {"serviceAccountName": account, "containers": [{"name": "app", "image": "x"}]},
    }
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {"username": "somebody"},
        "object": pod,
    }
    whole = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(whole).encode()


def start(
    way: Way, trusted: Authority, directory: Path, *, token: str, **variables: str
) -> Webhook:
    """Start a webhook that takes this way; it may not be ready yet."""
    directory.mkdir()
    authority, cert, key = authority_in(directory)
    token_file, config, ca = (directory / name for name in ("token", "kubeconfig", "ca.crt"))
    token_file.write_text(token)
    ca.write_bytes(trusted.certificate_pem)
    config.write_text(kubeconfig(way.port, ca, token_file))
    arguments = ["--host", "127.0.0.1", "--port", "0", "--aws-default-region", "eu-west-1"]
    files = [f"--tls-cert={cert}", f"--tls-key={key}", f"--kubeconfig={config}"]
    command = [sys.executable, "-m", "irsa", "webhook", *arguments, *files]
    log = directory / "log"
    with log.open("w") as errors:
        child = subprocess.Popen(command, stderr=errors, env={**os.environ, **variables})
    webhook = Webhook(child, log, authority, token_file)
    try:
        until(lambda: webhook.port or child.poll() is not None, seconds=PATIENCE)
        assert child.poll() is None, log.read_text()
    except BaseException:
        webhook.end()
        raise
    return webhook


def kubeconfig(port: int, ca: Path, token_file: Path) -> str:
    """The configuration for a port of this machine and a token that is read from its file."""
    named = {"name": "way"}
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(ca)}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "way",
            "contexts": [named | {"context": {"cluster": "way", "user": "way"}}],
            "clusters": [named | {"cluster": cluster}],
            "users": [named | {"user": {"tokenFile": str(token_file)}}],
        }
    )
