"""`irsa controller` as it is shipped, with its own permissions, and what it leaves in a cluster."""

import base64
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from irsa.controller.certificates import REGISTRATION
from irsa.controller.lease import lease_ref
from irsa.controller.secrets import read_certificates, read_serving, read_trust
from irsa.errors import KubeError
from irsa.injection.settings import CA_SECRET, CONTROLLER, TLS_SECRET, WebhookSettings
from irsa.injection.webhook import objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref

from .conftest import Rig
from .gate import Gate, kubeconfig
from .pods import remove

SECONDS = 120.0
ROLE = "arn:aws:iam::111122223333:role/web"
FAST = ("--period", "0.5", "--survey-period", "1")


def until(condition: Callable[[], Any], what: str = "", *, seconds: float = SECONDS) -> Any:
    """What a condition gives, once it gives something true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Process:
    """A running `irsa controller`."""

    child: subprocess.Popen[bytes]
    log: Path
    port: int

    @property
    def text(self) -> str:
        return self.log.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        whole = self.text.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, text: str) -> int:
        """How many lines of its log hold a text."""
        return sum(text in line["message"] for line in self.lines)

    def lines_of(self, task: str) -> list[str]:
        """What it logged of a task that failed."""
        return [line["message"] for line in self.lines if line.get("task") == task]

    def get(self, path: str) -> tuple[int, str]:
        """What it answers; 0 if nobody does."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float | None:
        """One sample, by its name with its labels; None if there is none."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"irsa_controller_{name} "):
                return float(line.rpartition(" ")[2])
        return None

    @property
    def leads(self) -> bool:
        return self.metric("leader") == 1

    @property
    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    @property
    def complaints(self) -> str:
        status, text = self.get("/readyz")
        return text if status == 503 else ""

    def rest(self, rounds: int = 2) -> None:
        """Let it look a number of times more; it shows when it last did so by the second."""
        name = 'task_success_timestamp_seconds{task="certificates"}'
        for _ in range(rounds):
            before = self.metric(name)
            until(lambda before=before: self.metric(name) != before, "another round")

    @property
    def memory(self) -> float:
        """Its resident memory in MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.child.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    @property
    def cpu(self) -> float:
        """The seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def end(self) -> int:
        """End it as its pod is ended."""
        if self.child.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass
class Place:
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
        url, ca = (gate.server.url, gate.ca) if gate else (server["url"], server["ca"])
        token = self.kube.create_token(self.own, CONTROLLER, audiences=[]).token
        config = directory / "kubeconfig"
        config.write_text(kubeconfig(url, ca, token))
        port = _free_port()
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

    @contextlib.contextmanager
    def as_controller(self) -> Iterator[Kube]:
        """The cluster, with the controller's permissions."""
        config = self.started[0].log.parent / "kubeconfig"
        with Kube.open(kubeconfig=str(config)) as kube:
            yield kube

    def secret(self, name: str) -> dict[str, Any] | None:
        return self.kube.get(Ref("v1", "Secret", name, self.own))

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
            self.kube.delete(Ref("v1", "Secret", name, self.own))
        self.kube.delete(lease_ref(self.own, CONTROLLER))
        for reason in ("NotKept", "RoleMissing", "RestartDidNotHelp"):
            for event in self.events(reason):
                self.kube.delete(Ref.of(event))
        self.restore()


@contextlib.contextmanager
def placed(rig: Rig, name: str, **settings: Any) -> Iterator[Place]:
    """Everything of an installed webhook but its two Deployments."""
    wanted = WebhookSettings(cluster_uid=rig.kube.cluster_uid(), namespace=name)
    place = Place(rig, replace(wanted, **settings))
    try:
        for item in place.items:
            rig.kube.apply(item)
        yield place
    finally:
        place.clean()
        remove(rig.kube, place.items)


def put_bundle(place: Place, pem: bytes | None) -> None:
    """Write `caBundle` as somebody else does; None takes it out."""
    [webhook] = place.kube.get(REGISTRATION)["webhooks"]
    webhook["clientConfig"]["caBundle"] = base64.b64encode(pem).decode() if pem else None
    place.kube.patch(REGISTRATION, {"webhooks": [webhook]})


def bundle_of(configuration: dict[str, Any] | None) -> tuple[x509.Certificate, ...]:
    """The certificates in the `caBundle` of a registration."""
    webhooks = (configuration or {}).get("webhooks") or [{}]
    text = (webhooks[0].get("clientConfig") or {}).get("caBundle") or ""
    return read_certificates(base64.b64decode(text))


def trusts(bundle: tuple[x509.Certificate, ...], leaf: x509.Certificate) -> bool:
    """Whether an API server accepts a serving certificate now."""

    def signed(authority: x509.Certificate) -> bool:
        try:
            leaf.verify_directly_issued_by(authority)
        except Exception:  # noqa: BLE001 # whatever it is, it is not signed
            return False
        return authority.not_valid_before_utc <= now() <= authority.not_valid_after_utc

    alive = leaf.not_valid_before_utc <= now() <= leaf.not_valid_after_utc
    return alive and any(signed(authority) for authority in bundle)


class History:
    """
    Every version of the serving certificate and of `caBundle`, in the order of their writing.

    The versions of objects come from one counter of etcd, so that two watches give one order.

    Args:
        place: Whose objects.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._seen: dict[int, tuple[str, dict[str, Any]]] = {}
        self._stack = contextlib.ExitStack()
        self._threads: list[threading.Thread] = []
        items = (place.secret(TLS_SECRET), place.kube.get(REGISTRATION))
        # What was written earlier belongs to a state that is not known any more.
        versions = [int(item["metadata"]["resourceVersion"]) for item in items if item]
        self._since = max(versions, default=0)
        self._leaf, self._bundle = place.leaf, place.bundle

    def __enter__(self) -> "History":
        for kind, version, namespace, name in (
            ("Secret", "v1", self._place.own, TLS_SECRET),
            (REGISTRATION.kind, REGISTRATION.api_version, None, REGISTRATION.name),
        ):
            kube = self._stack.enter_context(Kube.open(kubeconfig=str(self._place.rig.kubeconfig)))
            watch = kube.watch(
                version, kind, namespace=namespace, field_selector=f"metadata.name={name}"
            )
            thread = threading.Thread(target=self._read, args=(watch,))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for thread in self._threads:
            thread.join()

    def _read(self, watch: Iterator[tuple[str, dict[str, Any]]]) -> None:
        with contextlib.suppress(KubeError):
            for event, item in watch:
                if event != "DELETED":
                    self._seen[int(item["metadata"]["resourceVersion"])] = item["kind"], item

    def heard(self, *items: dict[str, Any] | None) -> bool:
        """Whether the watches have told of these versions."""
        return all(int(item["metadata"]["resourceVersion"]) in self._seen for item in items if item)

    def catch_up(self) -> None:
        """Wait until everything that is there now was heard of."""
        kube, place = self._place.kube, self._place
        until(lambda: self.heard(place.secret(TLS_SECRET), kube.get(REGISTRATION)), "history")

    def gaps(self) -> list[str]:
        """The versions at which what is served, or was just before, is not trusted."""
        self.catch_up()
        found: list[str] = []
        leaves = [self._leaf] if self._leaf else []
        bundle = self._bundle
        for version, (kind, item) in sorted(self._seen.items()):
            if version <= self._since:
                continue
            if kind == "Secret":
                serving = read_serving(item)
                if serving and serving.certificate not in leaves:
                    leaves = [*leaves[-1:], serving.certificate]
            else:
                bundle = bundle_of(item)
            found += [f"{version}: {kind}" for leaf in leaves if not trusts(bundle, leaf)]
        return found

    @property
    def news(self) -> int:
        """How many versions came since the beginning."""
        self.catch_up()
        return sum(version > self._since for version in self._seen)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
