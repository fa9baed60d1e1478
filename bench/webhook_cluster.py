"""
A real API server with as many ServiceAccounts as are wanted.

One annotated and one plain ServiceAccount are made by the API server. What it has stored of them is
put into its etcd again under the other names, all of one length: objects exactly as it writes them,
made in seconds, only that several have one revision.
"""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from webhook_reviews import SPACES, Account

from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.rig import Rig
from irsa.local.supervisor import environment

NAME = "bench-webhook"
SIZE = 1_600
WRITERS = 2
AT_ONCE = 50
# A webhook logs in as in a pod, with a token.
_BINDING = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRoleBinding",
    "metadata": {"name": "bench-webhook"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "cluster-admin",
    },
    "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
}
_TEMPLATES = {True: Account(999_990), False: Account(999_999)}


class Cluster:
    """
    The API server and its store.

    Args:
        rig: Where both are.
    """

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._count = 0
        self._stored: dict[bool, tuple[str, bytes]] = {}
        self.kubeconfig = _as_json(rig.kubeconfig)
        self.pod_kubeconfig = self.kubeconfig.with_name("pod.json")
        self.version = rig.spec().kubernetes

    def prepare(self) -> None:
        """Wait for the ServiceAccount that every namespace has, and let it read them."""
        with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
            while kube.get(Ref("v1", "ServiceAccount", "default", "default")) is None:
                time.sleep(0.1)
            kube.create(_BINDING)
            token = kube.create_token(
                "default", "default", audiences=(), expiration_seconds=6 * 3600
            ).token
        document = json.loads(self.kubeconfig.read_text())
        [user] = document["users"]
        user["user"] = {"token": token}
        self.pod_kubeconfig.touch(mode=0o600)
        self.pod_kubeconfig.write_text(json.dumps(document))

    def grow(self, count: int) -> None:
        """Have so many ServiceAccounts, besides those of Kubernetes itself."""
        if not self._stored:
            self._store_templates()
        numbers = range(self._count, count)
        threads = [
            threading.Thread(target=self._write, args=(numbers[each::WRITERS],))
            for each in range(WRITERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._count = count
        self._await(count)

    def _store_templates(self) -> None:
        with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
            for number in range(SPACES):
                metadata = {"name": Account(number).namespace}
                kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            for annotated, account in _TEMPLATES.items():
                made = kube.create(_manifest(account, annotated=annotated))
                value = self._read(_key(account))
                self._stored[annotated] = (made["metadata"]["uid"], value)
                kube.delete(Ref("v1", "ServiceAccount", account.name, account.namespace))

    def _write(self, numbers: range) -> None:
        with closing(self._etcd()) as etcd:
            for start in range(0, len(numbers), AT_ONCE):
                accounts = map(Account, numbers[start : start + AT_ONCE])
                puts = [{"requestPut": self._put(account)} for account in accounts]
                _post(etcd, "txn", {"success": puts})

    def _put(self, account: Account) -> dict[str, str]:
        uid, value = self._stored[account.annotated]
        template = _TEMPLATES[account.annotated]
        value = value.replace(template.name.encode(), account.name.encode())
        value = value.replace(template.namespace.encode(), account.namespace.encode())
        value = value.replace(uid.encode(), str(uuid.uuid4()).encode())
        return {"key": _text(_key(account)), "value": _text(value)}

    def _read(self, key: bytes) -> bytes:
        with closing(self._etcd()) as etcd:
            [found] = _post(etcd, "range", {"key": _text(key)})["kvs"]
            return base64.b64decode(found["value"])

    def _etcd(self) -> http.client.HTTPSConnection:
        spec = self._rig.spec()
        pki = self._rig.node(spec.servers[0].name) / "etc/kubernetes/pki"
        context = ssl.create_default_context(cafile=str(pki / "etcd/ca.crt"))
        client = pki / "apiserver-etcd-client"
        context.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
        port = spec.etcd_ports[0]
        return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)

    def _await(self, count: int) -> None:
        """See that the API server serves all of them."""
        with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
            last = Account(count - 1)
            ref = Ref("v1", "ServiceAccount", last.name, last.namespace)
            deadline = time.monotonic() + 60
            while (found := kube.get(ref)) is None:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the API server does not show {last.name}")
                time.sleep(0.1)
            size = len(json.dumps(found, separators=(",", ":")))
            if not SIZE * 0.9 < size < SIZE * 1.1:
                raise SystemExit(f"a ServiceAccount has {size} bytes, and not about {SIZE}")
            # It lists from a cache, which may be behind what it shows of one.
            while _listed(kube) < count:
                if time.monotonic() > deadline:
                    raise SystemExit(f"the API server does not list {count} ServiceAccounts")
                time.sleep(0.1)


def _listed(kube: Kube) -> int:
    """How many ServiceAccounts a list has."""
    page = json.loads(kube.raw("/api/v1/serviceaccounts?limit=1"))
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)


def _key(account: Account) -> bytes:
    return f"/registry/serviceaccounts/{account.namespace}/{account.name}".encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _post(etcd: http.client.HTTPSConnection, call: str, document: Any) -> Any:
    etcd.request("POST", f"/v3/kv/{call}", json.dumps(document))
    answer = etcd.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise SystemExit(f"etcd: {answer.status}: {body[:300]!r}")
    return json.loads(body)


def _manifest(account: Account, *, annotated: bool) -> dict[str, Any]:
    """A ServiceAccount as a chart makes it."""
    release = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "team-00"}
    role = {"eks.amazonaws.com/role-arn": account.role} if annotated else {}
    notes = {"example.com/description": "x" * (240 if annotated else 400)}
    labels = {
        f"app.kubernetes.io/{key}": value
        for key, value in {
            "name": "web",
            "instance": "web",
            "component": "server",
            "part-of": "shop",
            "version": "1.4.2",
            "managed-by": "Helm",
        }.items()
    }
    metadata = {
        "name": account.name,
        "namespace": account.namespace,
        "labels": {**labels, "helm.sh/chart": "web-1.4.2"},
        "annotations": {**release, **role, **notes},
    }
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


@contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """A rig that ends with this process."""
    env = {**environment(os.environ), "XDG_STATE_HOME": str(home), "HOME": str(home)}
    env["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    irsa = [sys.executable, "-m", "irsa", "local"]
    lifeline = ["--end-with", str(os.getpid())]
    try:
        subprocess.run([*irsa, "up", "--name", NAME, *lifeline], env=env, check=True)
        yield Cluster(Rig(home / "irsa/rigs" / NAME))
    finally:
        subprocess.run([*irsa, "down", "--name", NAME], env=env, check=False, capture_output=True)


def _as_json(kubeconfig: Path) -> Path:
    """The same as JSON: a webhook in its cluster has none, and reads no YAML at all."""
    written = kubeconfig.with_name("kubeconfig.json")
    written.touch(mode=0o600)
    written.write_text(json.dumps(YAML(typ="safe", pure=True).load(kubeconfig.read_text())))
    return written
