"""The webhook's process as it is shipped, with its own permissions, and what it says."""

import base64
import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa.tls.certs import Authority

from .access import kubeconfig
from .faults import Way, authority_in
from .waiting import until

PATIENCE = 150.0


@dataclass
class Reviewed:
    """What the webhook says to a review."""

    status: int
    response: dict[str, Any]

    @property
    def has_role(self) -> bool:
        patch = base64.b64decode(self.response.get("patch", ""))
        return b"aws-iam-token" in patch

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
    def reviews(self) -> list[dict[str, Any]]:
        """The line of each review, a moment after its answer."""
        return [line for line in self.lines if line["message"] == "review"]

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

    def review(
        self,
        account: str,
        *,
        namespace: str,
        seconds: int = 5,
        sent: Callable[[], object] = lambda: None,
    ) -> Reviewed:
        """
        Ask it about a new pod, as an API server with this time-out does.

        `sent` is called when the question is on its way.
        """
        with self.connection() as connection:
            path = f"/mutate?timeout={seconds}s"
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, review(account, namespace), headers)
            sent()
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
    way: Way,
    trusted: Authority,
    directory: Path,
    *,
    token: str,
    pair: tuple[Path, Path] | None = None,
    **variables: str,
) -> Webhook:
    """
    Start a webhook that takes this way; it may not be ready yet.

    Args:
        way: The way to the API server.
        trusted: The authority of the way's certificate.
        directory: A new one, for its files.
        token: The token that it shows.
        pair: The files of its certificate and key; it gets some if they are not given.
        variables: Of its environment.
    """
    directory.mkdir()
    authority, cert, key = authority_in(directory)
    cert, key = pair or (cert, key)
    token_file, config, ca = (directory / name for name in ("token", "kubeconfig", "ca.crt"))
    token_file.write_text(token)
    ca.write_bytes(trusted.certificate_pem)
    server = f"https://127.0.0.1:{way.port}"
    config.write_text(kubeconfig(server, str(ca), tokenFile=str(token_file)))
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
