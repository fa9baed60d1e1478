"""
The manifests of the control plane, in the form that kubeadm writes them.

Never here: files, processes.
"""

from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from irsa.local.rig import Server, Spec

PKI = "/etc/kubernetes/pki"
ISSUER = "https://kubernetes.default.svc.cluster.local"
SERVICES = "10.96.0.0/12"
ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
_DIRECTORY = "DirectoryOrCreate"


def apiserver_manifest(spec: Spec, server: Server) -> str:
    """The static pod of an API server."""
    probes = {
        "livenessProbe": _probe("/livez", server.port, failureThreshold=8, periodSeconds=10),
        "readinessProbe": _probe("/readyz", server.port, failureThreshold=3, periodSeconds=1),
        "startupProbe": _probe("/livez", server.port, failureThreshold=24, periodSeconds=10),
    }
    container = {
        "command": ["kube-apiserver", *_apiserver_flags(spec, server)],
        "image": f"registry.k8s.io/kube-apiserver:{spec.kubernetes}",
        "imagePullPolicy": "IfNotPresent",
        "name": "kube-apiserver",
        "resources": {"requests": {"cpu": "250m"}},
        **probes,
        **_mounts({"ca-certs": "/etc/ssl/certs", "k8s-certs": PKI}),
    }
    volumes = [
        _volume("ca-certs", "/etc/ssl/certs", kind=_DIRECTORY),
        _volume("k8s-certs", PKI, kind=_DIRECTORY),
    ]
    annotations = {ENDPOINT: f"127.0.0.1:{server.port}"}
    return _manifest("kube-apiserver", container, volumes, annotations=annotations)


def controller_manager_manifest(spec: Spec) -> str:
    """The static pod of the controller manager."""
    kubeconfig = "/etc/kubernetes/controller-manager.conf"
    flags = {
        "allocate-node-cidrs": "false",
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "client-ca-file": f"{PKI}/ca.crt",
        "cluster-name": "kubernetes",
        "cluster-signing-cert-file": f"{PKI}/ca.crt",
        "cluster-signing-key-file": f"{PKI}/ca.key",
        "controllers": "*,bootstrapsigner,tokencleaner",
        # Rigs stand side by side, and nothing asks for its metrics: no port.
        "secure-port": "0",
        "kube-api-burst": "400",
        "kube-api-qps": "200",
        "kubeconfig": kubeconfig,
        # Losing its lease ends it, and a new process watches at once: the informers of an old one
        # would come back from an API server's restart half a minute late.
        "leader-elect": "true",
        "leader-elect-lease-duration": "3s",
        "leader-elect-renew-deadline": "2s",
        "leader-elect-retry-period": "500ms",
        "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
        "root-ca-file": f"{PKI}/ca.crt",
        "service-account-private-key-file": f"{PKI}/sa.key",
        "use-service-account-credentials": "true",
    }
    container = {
        "command": ["kube-controller-manager", *_flags(flags)],
        "image": f"registry.k8s.io/kube-controller-manager:{spec.kubernetes}",
        "imagePullPolicy": "IfNotPresent",
        "name": "kube-controller-manager",
        "resources": {"requests": {"cpu": "200m"}},
        **_mounts({"k8s-certs": PKI, "kubeconfig": kubeconfig}),
    }
    volumes = [
        _volume("k8s-certs", PKI, kind=_DIRECTORY),
        _volume("kubeconfig", kubeconfig, kind="FileOrCreate"),
    ]
    return _manifest("kube-controller-manager", container, volumes, annotations={})


def etcd_command(spec: Spec, *, pki: str, data: str) -> list[str]:
    """The store of all API servers; it need not survive the machine."""
    client, peer = (f"127.0.0.1:{port}" for port in spec.etcd_ports)
    flags = {
        "name": "rig",
        "data-dir": data,
        "unsafe-no-fsync": "true",
        "listen-client-urls": f"https://{client}",
        "advertise-client-urls": f"https://{client}",
        "listen-peer-urls": f"http://{peer}",
        "initial-advertise-peer-urls": f"http://{peer}",
        "initial-cluster": f"rig=http://{peer}",
        "cert-file": f"{pki}/etcd/server.crt",
        "key-file": f"{pki}/etcd/server.key",
        "client-cert-auth": "true",
        "trusted-ca-file": f"{pki}/etcd/ca.crt",
        "log-level": "warn",
    }
    return ["etcd", *_flags(flags)]


def _apiserver_flags(spec: Spec, server: Server) -> list[str]:
    return _flags(
        {
            "advertise-address": "127.0.0.1",
            "allow-privileged": "true",
            "authorization-mode": "Node,RBAC",
            "bind-address": "127.0.0.1",
            "client-ca-file": f"{PKI}/ca.crt",
            # Services of webhooks are dialled at their endpoints: there is no kube-proxy.
            "enable-aggregator-routing": "true",
            "enable-admission-plugins": "NodeRestriction",
            "enable-bootstrap-token-auth": "true",
            # Endpoints may not be loopback addresses: there is nothing to keep up to date.
            "endpoint-reconciler-type": "none",
            "etcd-cafile": f"{PKI}/etcd/ca.crt",
            "etcd-certfile": f"{PKI}/apiserver-etcd-client.crt",
            "etcd-keyfile": f"{PKI}/apiserver-etcd-client.key",
            "etcd-servers": f"https://127.0.0.1:{spec.etcd_ports[0]}",
            "kubelet-client-certificate": f"{PKI}/apiserver-kubelet-client.crt",
            "kubelet-client-key": f"{PKI}/apiserver-kubelet-client.key",
            "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
            "proxy-client-cert-file": f"{PKI}/front-proxy-client.crt",
            "proxy-client-key-file": f"{PKI}/front-proxy-client.key",
            "requestheader-allowed-names": "front-proxy-client",
            "requestheader-client-ca-file": f"{PKI}/front-proxy-ca.crt",
            "requestheader-extra-headers-prefix": "X-Remote-Extra-",
            "requestheader-group-headers": "X-Remote-Group",
            "requestheader-username-headers": "X-Remote-User",
            "secure-port": str(server.port),
            "service-account-issuer": ISSUER,
            "service-account-key-file": f"{PKI}/sa.pub",
            "service-account-signing-key-file": f"{PKI}/sa.key",
            "service-cluster-ip-range": SERVICES,
            # Watches do not hold up the end: a restart takes a second instead of thirty.
            "shutdown-watch-termination-grace-period": "1s",
            "tls-cert-file": f"{PKI}/apiserver.crt",
            "tls-private-key-file": f"{PKI}/apiserver.key",
        }
    )


def _flags(flags: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in flags.items()]


def _probe(path: str, port: int, **numbers: int) -> dict[str, Any]:
    target = {"host": "127.0.0.1", "path": path, "port": port, "scheme": "HTTPS"}
    return {"httpGet": target, "timeoutSeconds": 15, **numbers}


def _mounts(paths: Mapping[str, str]) -> dict[str, Any]:
    return {
        "volumeMounts": [
            {"mountPath": path, "name": name, "readOnly": True} for name, path in paths.items()
        ]
    }


def _volume(name: str, path: str, *, kind: str) -> dict[str, Any]:
    return {"hostPath": {"path": path, "type": kind}, "name": name}


def _manifest(
    name: str,
    container: Mapping[str, Any],
    volumes: Sequence[Mapping[str, Any]],
    *,
    annotations: Mapping[str, str],
) -> str:
    labels = {"component": name, "tier": "control-plane"}
    metadata = {"annotations": dict(annotations)} if annotations else {}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "labels": labels, "name": name, "namespace": "kube-system"},
        "spec": {
            "containers": [dict(container)],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [dict(volume) for volume in volumes],
        },
        "status": {},
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # its stub says None
    stream = StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()
