"""A rig's status: what a script or a person may want to know, and no secret."""

from dataclasses import asdict
from typing import Any

from irsa.local.delays import DelaysFile
from irsa.local.rig import Rig, Server, no_such_rig


def status(rig: Rig) -> dict[str, Any]:
    """
    What runs, and where.

    Raises:
        RigError: The rig is not up.
    """
    if not rig.running():
        raise no_such_rig(rig.name)
    spec = rig.spec()
    return {
        "name": rig.name,
        "directory": str(rig.directory),
        "kubeconfig": str(rig.kubeconfig) if spec.servers else None,
        "account": spec.account,
        "region": spec.region,
        "kubernetes": spec.kubernetes or None,
        "apiServers": [_server(rig, each) for each in spec.servers],
        "aws": dict(rig.aws_ready() or {}),
        "delays": asdict(DelaysFile(rig.aws)()),
        "accessKeyId": rig.credentials()[0],
    }


def _server(rig: Rig, server: Server) -> dict[str, Any]:
    node = rig.node(server.name)
    return {
        "name": server.name,
        "url": server.url,
        "ca": str(rig.authority),
        "pid": rig.server_pid(server.name),
        "manifest": str(node / "etc/kubernetes/manifests/kube-apiserver.yaml"),
        "nodeDirectory": str(node),
    }
