"""Two replicas, their CA rolled by a real controller, and the API server restarted meanwhile."""

import base64
import contextlib
import http.client
import itertools
import json
import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from irsa.controller import secrets
from irsa.errors import KubeError
from irsa.injection.settings import CA_SECRET, CONFIGURATION, TLS_SECRET, service_names
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.tls.certs import Authority, LeafRequest

from .faults import Asked, Way, answer, way_to
from .placing import Place, controlling, placed
from .rigs import Rig, rig_up
from .serving import Webhook, review, start
from .waiting import until

pytestmark = pytest.mark.cluster

REGISTRATION = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", CONFIGURATION)
# Of ten years, two thirds are over.
OLD = timedelta(days=3000)


@pytest.fixture(name="own", scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Two API servers: one is restarted, the other tells what holds meanwhile."""
    with rig_up("roll", tmp_path_factory.mktemp("rig"), "--api-servers", "2") as up:
        yield up


@dataclass
class Trust:
    """What the API servers trust, read from the one that stays."""

    kube: Kube
    namespace: str

    def secret(self, name: str) -> dict[str, Any]:
        found = self.kube.get(Ref("v1", "Secret", name, self.namespace))
        assert found is not None
        return found

    @property
    def bundle(self) -> bytes:
        """`caBundle` as it is now."""
        found = self.kube.get(REGISTRATION)
        assert found is not None
        return base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"])

    def begin(self) -> None:
        """A CA that is due for renewal, trusted, and a certificate of it."""
        then, now = datetime.now(UTC) - OLD, datetime.now(UTC)
        authority = Authority.generate("irsa webhook CA", now=then, days=3650)
        names = service_names(self.namespace)
        request = LeafRequest(common_name=names[0], dns_names=names)
        leaf = authority.issue(request, now=now, days=90)
        self._keep(CA_SECRET, secrets.trust_data(authority, ()))
        self._keep(TLS_SECRET, secrets.serving_data(leaf, authority))
        bundle = base64.b64encode(authority.certificate_pem).decode()
        change = {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}
        self.kube.patch(REGISTRATION, [change], kind="json")

    def _keep(self, name: str, data: dict[str, str]) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.kube.create(secret | {"type": "kubernetes.io/tls"})


class Kubelet(threading.Thread):
    """Brings a Secret into a pod, as kubelet does: all of it at once, and some time later."""

    def __init__(self, trust: Trust, directory: Path, *, delay: float) -> None:
        super().__init__()
        self.trust = trust
        self.directory = directory
        self.delay = delay
        self.end = threading.Event()
        directory.mkdir()
        self.bring()

    @property
    def pair(self) -> tuple[Path, Path]:
        return self.directory / "..data/tls.crt", self.directory / "..data/tls.key"

    def run(self) -> None:
        while not self.end.wait(self.delay):
            self.bring()

    def bring(self) -> None:
        """Change the files if the Secret has changed."""
        secret = self.trust.secret(TLS_SECRET)
        version = self.directory / secret["metadata"]["resourceVersion"]
        if version.exists():
            return
        version.mkdir()
        for name in ("tls.crt", "tls.key"):
            (version / name).write_bytes(base64.b64decode(secret["data"][name]))
        beside = self.directory / "..new"
        beside.symlink_to(version)
        beside.replace(self.directory / "..data")


@dataclass
class Caller:
    """Calls the replicas in turn, all the time, as API servers do."""

    trust: Trust
    place: Place
    replicas: list[Webhook]
    made: int = 0
    wrong: list[str] = field(default_factory=list)
    served: set[bytes] = field(default_factory=set)
    end: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for replica in itertools.cycle(self.replicas):
            if self.end.is_set():
                return
            try:
                if not self.call(replica):
                    self.wrong.append("no role")
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
            self.made += 1

    def call(self, replica: Webhook) -> bool:
        """One review, verified with `caBundle` as it is at this moment."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.trust.bundle.decode())
        body = review("rolled", self.place.pods)
        name = service_names(self.place.own)[0]
        head = f"POST /mutate?timeout=5s HTTP/1.1\r\nHost: {name}\r\nContent-Length: {len(body)}"
        plain = socket.create_connection(("127.0.0.1", replica.port), timeout=60)
        with plain, context.wrap_socket(plain, server_hostname=name) as encrypted:
            self.served.add(encrypted.getpeercert(binary_form=True) or b"")
            encrypted.sendall(head.encode() + b"\r\n\r\n" + body)
            response = http.client.HTTPResponse(encrypted)
            response.begin()
            answered = json.loads(response.read())["response"]
        return b"aws-iam-token" in base64.b64decode(answered.get("patch", ""))

    def goes_on(self) -> None:
        """Wait until some more calls were made."""
        wanted = self.made + 20
        until(lambda: self.made >= wanted)


@dataclass
class Roll:
    """Everything that takes part."""

    rig: Rig
    trust: Trust
    way: Way
    caller: Caller

    def refuse(self, method: str, what: str) -> list[Asked]:
        """From now on the controller is refused one thing; what was refused is returned."""
        refused: list[Asked] = []

        def fault(asked: Asked) -> bytes | None:
            if asked.method != method or what not in asked.path:
                return None
            refused.append(asked)
            return answer(500, b"not now")

        self.way.fault = fault
        return refused

    def restart_api_server(self) -> None:
        """Kill the one that controller and replicas talk to; its node starts it again."""
        pid = self._pid()
        os.kill(pid or 0, signal.SIGKILL)
        until(lambda: self._pid() not in (None, pid))
        with self.rig.kube.at(self.rig.status["apiServers"][0]["url"]) as there:
            until(lambda: is_ready(there))

    def _pid(self) -> int | None:
        pid: int | None = self.rig.status["apiServers"][0]["pid"]
        return pid


def is_ready(kube: Kube) -> bool:
    try:
        return kube.raw("/readyz") == b"ok"
    except KubeError:
        return False


@pytest.fixture(name="roll")
def _roll(own: Rig, tmp_path: Path) -> Iterator[Roll]:
    first, second = own.status["apiServers"]
    with contextlib.ExitStack() as stack:
        kube = stack.enter_context(own.kube.at(second["url"]))
        place = stack.enter_context(placed(kube, "roll", registration=True))
        place.account("rolled")
        trust = Trust(kube, place.own)
        trust.begin()
        way, authority = stack.enter_context(way_to(first, tmp_path / "way"))
        replicas = []
        for number, delay in enumerate((0.5, 4.0)):
            kubelet = Kubelet(trust, tmp_path / f"secret-{number}", delay=delay)
            directory = tmp_path / f"webhook-{number}"
            webhook = start(way, authority, directory, token=place.token(), pair=kubelet.pair)
            replicas.append(webhook)
            stack.callback(webhook.end)
            kubelet.start()
            stack.callback(kubelet.join)
            stack.callback(kubelet.end.set)
        caller = Caller(trust, place, replicas)
        until(lambda: all(caller.call(one) for one in replicas))
        thread = threading.Thread(target=caller.run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(caller.end.set)
        there = {"url": f"https://127.0.0.1:{way.port}", "ca": str(tmp_path / "way/ca.crt")}
        (tmp_path / "way/ca.crt").write_bytes(authority.certificate_pem)
        # Nothing is done before the test says what is refused.
        roll = Roll(own, trust, way, caller)
        held = roll.refuse("PUT", CA_SECRET)
        stack.enter_context(controlling(place, there, tmp_path))
        until(lambda: held)
        yield roll


def test_no_call_fails_while_the_authority_is_rolled(roll: Roll) -> None:
    """The API server is killed between each two steps of the roll; every call is verified."""
    before = roll.trust.bundle
    roll.caller.goes_on()
    refused = roll.refuse("PATCH", "mutatingwebhookconfigurations")
    until(lambda: refused)
    # There is a new CA, and nobody trusts it yet.
    roll.restart_api_server()
    assert roll.trust.bundle == before
    roll.caller.goes_on()
    refused = roll.refuse("PUT", TLS_SECRET)
    until(lambda: refused)
    # It is trusted, beside the former one, and has signed nothing yet.
    assert len(secrets.read_certificates(roll.trust.bundle)) == 2
    roll.restart_api_server()
    roll.caller.goes_on()
    roll.way.fault = lambda _asked: None
    until(lambda: len(roll.caller.served) == 2)
    until(lambda: all(serves_new(roll, one) for one in roll.caller.replicas))
    roll.caller.goes_on()
    assert roll.caller.wrong == []
    assert roll.trust.bundle.endswith(before)


def serves_new(roll: Roll, replica: Webhook) -> bool:
    """Whether a replica serves what is in the Secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection(("127.0.0.1", replica.port), timeout=60)
    with plain, context.wrap_socket(plain) as encrypted:
        der = encrypted.getpeercert(binary_form=True) or b""
    kept = base64.b64decode(roll.trust.secret(TLS_SECRET)["data"]["tls.crt"])
    [certificate] = secrets.read_certificates(kept)
    return certificate.public_bytes(Encoding.DER) == der
