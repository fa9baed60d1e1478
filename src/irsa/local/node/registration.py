"""
The Node object: who we are, that we are ready, and that we still live.

Never here: pods.
"""

import os
import platform
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from irsa.kube.objects import Object, Ref
from irsa.local.node.api import Api
from irsa.local.node.clock import now
from irsa.local.node.runtime import Node

HEARTBEAT = 10.0
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def node_object(node: Node) -> Object:
    """The Node as it is created."""
    labels = {
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": _architecture(),
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": _architecture(),
        CONTROL_PLANE: "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": labels},
        "spec": {"providerID": f"irsa-local://{node.name}"},
    }


def node_status(node: Node, version: str, now: str) -> Object:
    """The Node's status: everything is well."""
    room = {"cpu": str(os.cpu_count() or 1), "memory": f"{_memory()}Ki", "pods": "110"}
    return {
        "addresses": [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ],
        "capacity": room,
        "allocatable": room,
        "conditions": list(_conditions(now)),
        "nodeInfo": _information(version),
    }


def stay_registered(api: Api, node: Node, version: str) -> None:
    """Register, and go on saying that we live; only an error ends it."""
    api.create_or_replace(node_object(node))
    reference = Ref("v1", "Node", node.name)
    while True:
        api.kube.patch(
            reference, {"status": node_status(node, version, now())}, subresource="status"
        )
        api.create_or_replace(_lease(node))
        time.sleep(HEARTBEAT)


def _conditions(now: str) -> Iterator[Object]:
    wanted = {
        "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
        "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
        "PIDPressure": ("False", "KubeletHasSufficientPID"),
        "Ready": ("True", "KubeletReady"),
    }
    for kind, (status, reason) in wanted.items():
        yield {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "the stand-in kubelet runs pods as processes of this machine",
            "lastHeartbeatTime": now,
            "lastTransitionTime": _STARTED,
        }


def _lease(node: Node) -> Object:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node.name, "namespace": "kube-node-lease"},
        "spec": {"holderIdentity": node.name, "leaseDurationSeconds": 40, "renewTime": now},
    }


def _information(version: str) -> Object:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {
        "machineID": "",
        "systemUUID": "",
        "bootID": boot,
        "kernelVersion": platform.release(),
        "osImage": "this machine",
        "containerRuntimeVersion": "process://1",
        "kubeletVersion": version,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": _architecture(),
    }


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024


_STARTED = now()
