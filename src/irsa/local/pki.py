"""
Keys, certificates and kubeconfigs of a rig, laid out as kubeadm lays them out.

Never here: processes.
"""

import base64
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from irsa import files
from irsa.local.rig import Rig, Server, Spec
from irsa.tls.certs import Authority, Leaf, LeafRequest

DAYS = 365
SERVICE_ADDRESS = "10.96.0.1"
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """The three authorities of a kubeadm cluster."""

    cluster: Authority
    etcd: Authority
    front_proxy: Authority


def make(rig: Rig, spec: Spec) -> None:
    """Write every key, certificate and kubeconfig of a rig."""
    authorities = Authorities(
        cluster=_authority("kubernetes"),
        etcd=_authority("etcd-ca"),
        front_proxy=_authority("front-proxy-ca"),
    )
    shared = rig.directory / "pki"
    _write_shared(shared, authorities)
    for server in spec.servers:
        _make_node(rig, spec, server=server, authorities=authorities)
    admin = _client(authorities.cluster, "kubernetes-admin", "system:masters")
    kubeconfig = _kubeconfig(authorities.cluster, admin, server=spec.servers[0])
    files.write_atomic(rig.kubeconfig, kubeconfig, mode=files.SECRET_MODE)


def _write_shared(directory: Path, authorities: Authorities) -> None:
    """What every node gets a copy of."""
    (directory / "etcd").mkdir(parents=True)
    for name, authority in (
        ("ca", authorities.cluster),
        ("front-proxy-ca", authorities.front_proxy),
        ("etcd/ca", authorities.etcd),
    ):
        _write(directory, name, authority.certificate_pem, authority.private_key_pem())
    _make_service_account_keys(directory)
    etcd = LeafRequest(common_name="etcd", dns_names=("localhost",), ips=("127.0.0.1",))
    _issue(directory, "etcd/server", authorities.etcd, etcd)


def _make_node(rig: Rig, spec: Spec, *, server: Server, authorities: Authorities) -> None:
    kubernetes = rig.node(server.name) / "etc/kubernetes"
    pki = kubernetes / "pki"
    shutil.copytree(rig.directory / "pki", pki)
    ips = tuple(dict.fromkeys(("127.0.0.1", SERVICE_ADDRESS, spec.address)))
    serving = LeafRequest(
        common_name="kube-apiserver", dns_names=(*SERVER_NAMES, server.name), ips=ips
    )
    _issue(pki, "apiserver", authorities.cluster, serving)
    for name, authority, user, groups in (
        ("apiserver-etcd-client", authorities.etcd, "kube-apiserver-etcd-client", ()),
        ("apiserver-kubelet-client", authorities.cluster, "kube-apiserver", ("system:masters",)),
        ("front-proxy-client", authorities.front_proxy, "front-proxy-client", ()),
    ):
        request = LeafRequest(common_name=user, organizations=groups, client=True)
        _issue(pki, name, authority, request)
    for name, user, group in (
        ("kubelet", f"stand-in-kubelet:{server.name}", "system:masters"),
        ("controller-manager", "system:kube-controller-manager", ""),
    ):
        leaf = _client(authorities.cluster, user, group)
        data = _kubeconfig(authorities.cluster, leaf, server=server)
        files.write_atomic(kubernetes / f"{name}.conf", data, mode=files.SECRET_MODE)


def _make_service_account_keys(directory: Path) -> None:
    """RSA, and in the forms that kubeadm writes."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    files.write_atomic(directory / "sa.key", private, mode=files.SECRET_MODE)
    files.write_atomic(directory / "sa.pub", public)


def _authority(name: str) -> Authority:
    return Authority.generate(name, now=datetime.now(UTC), days=DAYS)


def _client(authority: Authority, user: str, group: str) -> Leaf:
    groups = (group,) if group else ()
    request = LeafRequest(common_name=user, organizations=groups, client=True)
    return authority.issue(request, now=datetime.now(UTC), days=DAYS)


def _issue(directory: Path, name: str, authority: Authority, request: LeafRequest) -> None:
    leaf = authority.issue(request, now=datetime.now(UTC), days=DAYS)
    _write(directory, name, leaf.certificate_pem, leaf.private_key_pem)


def _write(directory: Path, name: str, certificate: bytes, key: bytes) -> None:
    files.write_atomic(directory / f"{name}.crt", certificate)
    files.write_atomic(directory / f"{name}.key", key, mode=files.SECRET_MODE)


def _kubeconfig(authority: Authority, leaf: Leaf, *, server: Server) -> bytes:
    cluster = {
        "certificate-authority-data": _text(authority.certificate_pem),
        "server": server.url,
    }
    user = {
        "client-certificate-data": _text(leaf.certificate_pem),
        "client-key-data": _text(leaf.private_key_pem),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kubernetes", "cluster": cluster}],
        "users": [{"name": "user", "user": user}],
        "contexts": [{"name": "rig", "context": {"cluster": "kubernetes", "user": "user"}}],
        "current-context": "rig",
    }
    return json.dumps(document, indent=1).encode()


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
