"""
Which API servers a cluster has, from what three sources say about it.

Never here: asking the cluster, judging whether a server is ready for a stage.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

ENDPOINT_ANNOTATION = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
DEFAULT_PORT = "6443"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    One API server.

    Args:
        name: The name of its node, or its address where the node is not known.
        url: Where it alone answers, such as `https://10.0.0.11:6443`.
        command: Its whole command line as its mirror pod shows it; None where it has no pod.
    """

    name: str
    url: str
    command: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The API servers that were found, and where the sources contradict each other."""

    servers: tuple[Server, ...]
    differences: tuple[str, ...] = ()


def fleet_of(pods: Iterable[Object], slices: Iterable[Object], nodes: Iterable[Object]) -> Fleet:
    """
    Join mirror pods, endpoints of `default/kubernetes` and control-plane Nodes.

    An endpoint or a control-plane Node without a mirror pod is an API server that nobody can look
    into: a difference. A mirror pod without an endpoint is not: its server is asked directly, and
    an endpoint comes back only seconds after a restart (and never on loopback).
    """
    found = sorted(pods, key=lambda pod: str(pod["metadata"]["name"]))
    endpoints = _endpoints(slices)
    if not found:
        return Fleet(servers=tuple(_of_endpoint(endpoint) for endpoint in endpoints))
    servers = tuple(map(server_of, found))
    known = {address for pod in found for address in _addresses(pod)}
    names = {server.name for server in servers}
    unseen = [f"endpoint {one}" for one in endpoints if _address(one) not in known]
    labelled = sorted(str(node["metadata"]["name"]) for node in nodes if _is_control_plane(node))
    silent = [f"node {name}" for name in labelled if name not in names]
    return Fleet(
        servers=servers,
        differences=tuple(f"{one} has no API server pod" for one in (*unseen, *silent)),
    )


def server_of(pod: Object) -> Server:
    """The API server that a pod, or its manifest, describes."""
    return Server(
        name=pod["spec"].get("nodeName") or pod["metadata"]["name"],
        url=f"https://{_pod_endpoint(pod)}",
        command=_command(pod),
    )


def _command(pod: Object) -> tuple[str, ...]:
    containers = pod["spec"]["containers"]
    named = (one for one in containers if one.get("name") == "kube-apiserver")
    container = next(named, containers[0])
    return (*container.get("command", ()), *container.get("args", ()))


def _pod_endpoint(pod: Object) -> str:
    annotations = pod["metadata"].get("annotations") or {}
    if ENDPOINT_ANNOTATION in annotations:
        return str(annotations[ENDPOINT_ANNOTATION])
    given = _given(pod)
    status = pod.get("status") or {}
    host = given.get("advertise-address") or status.get("hostIP") or status.get("podIP") or ""
    return _join(host, given.get("secure-port") or DEFAULT_PORT)


def _addresses(pod: Object) -> set[str]:
    status = pod.get("status") or {}
    hosts = (_given(pod).get("advertise-address"), status.get("hostIP"), status.get("podIP"))
    return {_canonical(host) for host in hosts if host} | {_address(_pod_endpoint(pod))}


def _given(pod: Object) -> dict[str, str]:
    return dict(part.removeprefix("--").partition("=")[::2] for part in _command(pod))


def _endpoints(slices: Iterable[Object]) -> list[str]:
    found = {
        _join(address, str(port.get("port") or DEFAULT_PORT))
        for one in slices
        for port in (one.get("ports") or [{}])
        for endpoint in (one.get("endpoints") or [])
        for address in endpoint.get("addresses", ())
    }
    return sorted(found)


def _of_endpoint(endpoint: str) -> Server:
    return Server(name=_address(endpoint), url=f"https://{endpoint}")


def _is_control_plane(node: Object) -> bool:
    return CONTROL_PLANE_LABEL in (node["metadata"].get("labels") or {})


def _join(host: str, port: str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(endpoint: str) -> str:
    return _canonical(endpoint.rpartition(":")[0].strip("[]"))


def _canonical(host: str) -> str:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host
