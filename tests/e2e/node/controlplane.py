"""
The control plane of the node: certificates, and the command of each of its programs.

Never here: processes.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.e2e.node import apiserver, network

from irsa import files
from irsa.identity.keys import KeyKind, SigningKey
from irsa.tls.certs import Authority, LeafRequest

SERVER = f"https://{network.NODE}:{apiserver.PORT}"
_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc")
_USERS = {
    "admin": ("e2e-admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlane:
    """
    One of everything, for one node.

    Args:
        node: The node's name.
    """

    node: str

    @property
    def authority(self) -> Path:
        """The authority of every certificate."""
        return apiserver.PKI / "ca.crt"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of a user: `admin`, `kubelet` and so on."""
        return apiserver.DIRECTORY / f"{user}.conf"

    def prepare(self) -> None:
        """Make keys, certificates and kubeconfigs, where kubeadm has them."""
        for directory in (apiserver.PKI, apiserver.MANIFESTS):
            directory.mkdir(parents=True)
        authority = Authority.generate("kubernetes", now=datetime.now(UTC), days=2)
        self._write("ca", authority.certificate_pem, authority.private_key_pem())
        serving = (network.NODE, network.FIRST_SERVICE, "127.0.0.1")
        server = LeafRequest(common_name="kube-apiserver", dns_names=_NAMES, ips=serving)
        self._issue(authority, "apiserver", server)
        for name in ("kubelet-client", "front-proxy"):
            groups = ("system:masters",)
            request = LeafRequest(common_name=name, organizations=groups, client=True)
            self._issue(authority, name, request)
        kubelet = {"kubelet": (f"system:node:{self.node}", "system:nodes")}
        for name, (user, group) in (_USERS | kubelet).items():
            request = LeafRequest(
                common_name=user, organizations=(group,) if group else (), client=True
            )
            self._issue(authority, name, request)
            files.write_atomic(self.kubeconfig(name), self._kubeconfig(name), mode=0o600)
        self._make_signing_key()

    def etcd(self) -> list[str]:
        """The command of etcd."""
        peer = "http://127.0.0.1:2380"
        return _command(
            "etcd",
            {
                "name": "node",
                "data-dir": "/run/etcd",
                "unsafe-no-fsync": "true",
                "listen-client-urls": apiserver.ETCD,
                "advertise-client-urls": apiserver.ETCD,
                "listen-peer-urls": peer,
                "initial-advertise-peer-urls": peer,
                "initial-cluster": f"node={peer}",
                "log-level": "warn",
            },
        )

    def controller_manager(self) -> list[str]:
        """The command of the controller manager."""
        return _command(
            "kube-controller-manager",
            {
                **self._client("controller-manager"),
                "kubeconfig": str(self.kubeconfig("controller-manager")),
                "leader-elect": "false",
                "root-ca-file": str(self.authority),
                "service-account-private-key-file": f"{apiserver.PKI}/sa.key",
                "use-service-account-credentials": "true",
            },
        )

    def scheduler(self) -> list[str]:
        """The command of the scheduler."""
        return _command(
            "kube-scheduler",
            {
                **self._client("scheduler"),
                "kubeconfig": str(self.kubeconfig("scheduler")),
                "leader-elect": "false",
            },
        )

    def proxy(self) -> list[str]:
        """The command of kube-proxy: it leads pods from a Service's address to its endpoints."""
        return _command(
            "kube-proxy",
            {
                "kubeconfig": str(self.kubeconfig("proxy")),
                "hostname-override": self.node,
                "proxy-mode": "nftables",
                "cluster-cidr": network.PODS,
                # These are the machine's, not the network namespace's: they stay as they are.
                "conntrack-max-per-core": "0",
                "conntrack-tcp-timeout-established": "0",
                "conntrack-tcp-timeout-close-wait": "0",
            },
        )

    def _client(self, user: str) -> Mapping[str, str]:
        names = ("authentication-kubeconfig", "authorization-kubeconfig")
        return dict.fromkeys(names, str(self.kubeconfig(user))) | {"bind-address": "127.0.0.1"}

    def _issue(self, authority: Authority, name: str, request: LeafRequest) -> None:
        leaf = authority.issue(request, now=datetime.now(UTC), days=2)
        self._write(name, leaf.certificate_pem, leaf.private_key_pem)

    def _write(self, name: str, certificate: bytes, key: bytes) -> None:
        files.write_atomic(apiserver.PKI / f"{name}.crt", certificate)
        files.write_atomic(apiserver.PKI / f"{name}.key", key, mode=0o600)

    def _make_signing_key(self) -> None:
        key = SigningKey.generate(KeyKind.rsa_2048)
        files.write_atomic(apiserver.PKI / "sa.key", key.private_pem(), mode=files.SECRET_MODE)
        files.write_atomic(apiserver.PKI / "sa.pub", key.public.pem())

    def _kubeconfig(self, user: str) -> bytes:
        def data(name: str) -> str:
            return base64.b64encode((apiserver.PKI / name).read_bytes()).decode()

        cluster = {"server": SERVER, "certificate-authority-data": data("ca.crt")}
        keys = {
            "client-certificate-data": data(f"{user}.crt"),
            "client-key-data": data(f"{user}.key"),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": "user", "user": keys}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "user"}}],
            "current-context": "e2e",
        }
        return json.dumps(document).encode()


def _command(program: str, flags: Mapping[str, str]) -> list[str]:
    return [program, *(f"--{name}={value}" for name, value in flags.items())]
