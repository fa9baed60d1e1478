"""
The API server as kubeadm has it: a static pod of the kubelet, which watches its manifest.

Never here: starting it, and changing what it is told.
"""

from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from tests.e2e.node import images, network

NAME = "kube-apiserver"
DIRECTORY = Path("/etc/kubernetes")
PKI = DIRECTORY / "pki"
MANIFESTS = DIRECTORY / "manifests"
MANIFEST = MANIFESTS / f"{NAME}.yaml"
ETCD = "http://127.0.0.1:2379"
PORT = 6443
# What kubeadm annotates and labels.
_ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
_LABELS = {"component": NAME, "tier": "control-plane"}


def manifest(issuer: str) -> str:
    """The static pod of an API server that signs with this issuer, and accepts no other."""
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {_ENDPOINT: f"{network.NODE}:{PORT}"},
            "labels": _LABELS,
            "name": NAME,
            "namespace": "kube-system",
        },
        "spec": {
            "containers": [_container(issuer)],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [
                {"hostPath": {"path": str(PKI), "type": "DirectoryOrCreate"}, "name": "k8s-certs"}
            ],
        },
        "status": {},
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def _container(issuer: str) -> dict[str, Any]:
    return {
        "command": [NAME, *(f"--{name}={value}" for name, value in sorted(_flags(issuer).items()))],
        "image": images.APISERVER,
        "imagePullPolicy": "IfNotPresent",
        "name": NAME,
        "resources": {"requests": {"cpu": "250m"}},
        "livenessProbe": _probe("/livez", failureThreshold=8, periodSeconds=10),
        "readinessProbe": _probe("/readyz", failureThreshold=3, periodSeconds=1),
        "startupProbe": _probe("/livez", failureThreshold=24, periodSeconds=10),
        "volumeMounts": [{"mountPath": str(PKI), "name": "k8s-certs", "readOnly": True}],
    }


def _probe(path: str, **numbers: int) -> dict[str, Any]:
    target = {"host": network.NODE, "path": path, "port": PORT, "scheme": "HTTPS"}
    return {"httpGet": target, "timeoutSeconds": 15, **numbers}


def _flags(issuer: str) -> Mapping[str, str]:
    return {
        "advertise-address": network.NODE,
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "client-ca-file": f"{PKI}/ca.crt",
        "enable-admission-plugins": "NodeRestriction",
        # As on a cluster whose control plane has no kube-proxy: endpoints are dialled.
        "enable-aggregator-routing": "true",
        "etcd-servers": ETCD,
        "kubelet-client-certificate": f"{PKI}/kubelet-client.crt",
        "kubelet-client-key": f"{PKI}/kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP",
        "proxy-client-cert-file": f"{PKI}/front-proxy.crt",
        "proxy-client-key-file": f"{PKI}/front-proxy.key",
        "requestheader-allowed-names": "front-proxy",
        "requestheader-client-ca-file": f"{PKI}/ca.crt",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "secure-port": str(PORT),
        "service-account-issuer": issuer,
        "service-account-key-file": f"{PKI}/sa.pub",
        "service-account-signing-key-file": f"{PKI}/sa.key",
        "service-cluster-ip-range": network.SERVICES,
        "tls-cert-file": f"{PKI}/apiserver.crt",
        "tls-private-key-file": f"{PKI}/apiserver.key",
    }
