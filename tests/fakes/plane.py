"""A control-plane node without a machine: manifest, kubelet and API servers in memory."""

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.fakes.kube import FakeKube

from irsa.apiserver import flags
from irsa.apiserver.manifest import Manifest
from irsa.apiserver.node import MANIFEST, Node
from irsa.apiserver.rollout import Pace
from irsa.errors import KubeError
from irsa.kube.client import IssuedToken
from irsa.kube.objects import Ref

GOLDEN = Path(__file__).parents[1] / "golden" / "manifests"
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeServer:
    """One API server: runs what its manifest says, after the next restart."""

    def __init__(self, name, url, command):
        self.name, self.url = name, url
        self.command = tuple(command)
        self.started = 1.0
        self.up = True

    @property
    def issuance(self):
        return flags.issuance_of(flags.parse(self.command, self.name))


class FakePlane(FakeKube):
    """
    A cluster whose API servers can be asked one by one.

    Attributes:
        breaks: Given the command that a restart would run; the command that runs instead, or None
            for a server that does not come up.
        shows_after: How many looks of the kubelet later its pod shows a new process.
    """

    def __init__(self, root, **options):
        self.servers: dict[str, FakeServer] = {}
        super().__init__(**options)
        self.root = root
        self.breaks = lambda command: command
        self.shows_after = 0
        self._looks_left = None
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        self.create({**account, "metadata": {"name": "default", "namespace": "kube-system"}})

    def add(self, name, address, command):
        url = f"https://{address}:6443"
        self.servers[url] = FakeServer(name, url, command)
        self._show(self.servers[url])

    def at(self, server_url, *, tls_server_name=None):
        other = super().at(server_url, tls_server_name=tls_server_name)
        other.servers = self.servers
        return other

    @property
    def here(self):
        return self.servers["https://10.0.0.11:6443"]

    def kubelet(self):
        """Restart the node's server if its manifest has changed."""
        manifest = Manifest.parse((self.root / MANIFEST).read_bytes(), "manifest")
        command = self.breaks(manifest.command)
        if command == self.here.command and self.here.up:
            self._show_when_due()
            return
        self.here.up = command is not None
        if command is not None:
            self.here.started += 1
            self.here.command = command
            self._looks_left = self.shows_after
            self._show_when_due()

    def _show_when_due(self):
        if self._looks_left == 0:
            self._show(self.here)
        if self._looks_left is not None:
            self._looks_left = self._looks_left - 1 if self._looks_left else None

    def raw(self, path):
        server = self._answering()
        answers = {
            "/readyz": b"ok",
            "/metrics": f"a 1\nprocess_start_time_seconds {server.started}\n".encode(),
            "/.well-known/openid-configuration": json.dumps(
                {"issuer": server.issuance.issuers[0], "jwks_uri": f"{server.url}/openid/v1/jwks"}
            ).encode(),
        }
        return answers[path]

    def create_token(self, namespace, name, *, audiences, **options):
        issuer = self._answering().issuance.issuers[0]
        issued = super().create_token(namespace, name, audiences=audiences, **options)
        token = f"{_part({'kid': 'kid-1', 'alg': 'RS256'})}.{_part({'iss': issuer})}.c2ln"
        return IssuedToken(token=token, expires=issued.expires)

    def create(self, obj, *, dry_run=False):
        if obj["kind"] != "TokenReview":
            return super().create(obj, dry_run=dry_run)
        payload = obj["spec"]["token"].split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(payload + "=="))["iss"]
        accepted = issuer in self._answering().issuance.issuers
        return {"status": {"authenticated": accepted, "error": "" if accepted else "unknown iss"}}

    def _asked(self, verb, path):
        if self.server in self.servers:
            self._answering()
        super()._asked(verb, path)

    def _answering(self):
        server = self.servers.get(self.server)
        if server is None or not server.up:
            raise KubeError(f"cannot reach {self.server}")
        return server

    def _show(self, server):
        pod = _pod(server)
        self.delete(Ref("v1", "Pod", pod["metadata"]["name"], "kube-system"))
        super().create(pod)


def _part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _pod(server):
    endpoint = server.url.removeprefix("https://")
    name = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"kube-apiserver-{server.name}",
            "namespace": "kube-system",
            "labels": {"component": "kube-apiserver"},
            "annotations": {name: endpoint},
        },
        "spec": {
            "nodeName": server.name,
            "containers": [{"name": "kube-apiserver", "command": list(server.command)}],
        },
    }


class FakeClock:
    """Time that passes only by sleeping, when the kubelet works too."""

    def __init__(self, plane):
        self.seconds = 0.0
        self._plane = plane

    def sleep(self, seconds):
        self.seconds += seconds
        self._plane.kubelet()

    def pace(self, timeout=10.0):
        return Pace(
            timeout=timeout,
            interval=1.0,
            sleep=self.sleep,
            monotonic=lambda: self.seconds,
            now=lambda: START + timedelta(seconds=self.seconds),
        )


class Steps:
    """Progress, kept."""

    def __init__(self):
        self.texts = []

    @contextlib.contextmanager
    def __call__(self, text):
        self.texts.append(text)
        yield


def make_node(root):
    """A node's files: kubeadm's manifest, as kubeadm leaves it."""
    path = root / MANIFEST
    path.parent.mkdir(parents=True)
    path.write_bytes((GOLDEN / "kubeadm.yaml").read_bytes())
    path.chmod(0o600)
    return Node(root)


def make_plane(node):
    """Two API servers that run as the node's manifest says."""
    plane = FakePlane(node.root, server="https://10.0.0.11:6443")
    command = node.manifest().command
    plane.add("cp-1", "10.0.0.11", command)
    plane.add("cp-2", "10.0.0.12", command)
    return plane
