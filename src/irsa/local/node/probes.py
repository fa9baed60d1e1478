"""
One look at a container: over HTTP, over TCP, or by a command.

Never here: how often, and what follows from it.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Run = Callable[[Sequence[str], float], int]


def passes(
    probe: Mapping[str, Any], container: Mapping[str, Any], *, address: str, run: Run
) -> bool:
    """
    Whether a probe (or a lifecycle hook) succeeds.

    Args:
        probe: Its spec.
        container: The spec of its container, for the names of ports.
        address: The pod's address, where the probe names no host.
        run: Runs a command in the container's place, with a time-out; answers its exit code.
    """
    timeout = float(probe.get("timeoutSeconds") or 1)
    if "exec" in probe:
        return run(probe["exec"].get("command") or [], timeout) == 0
    if "httpGet" in probe:
        return _http(probe["httpGet"], container, address=address, timeout=timeout)
    target = probe.get("tcpSocket") or probe.get("grpc")
    if target:
        return _tcp(target, container, address=address, timeout=timeout)
    return True


def port_of(value: int | str, container: Mapping[str, Any]) -> int:
    """A port by number, or by the name that the container gives it."""
    if isinstance(value, int) or value.isdigit():
        return int(value)
    named = {each.get("name"): each["containerPort"] for each in container.get("ports") or []}
    return int(named.get(value, 0))


def _http(
    target: Mapping[str, Any], container: Mapping[str, Any], *, address: str, timeout: float
) -> bool:
    host, port = target.get("host") or address, port_of(target["port"], container)
    headers = {each["name"]: each["value"] for each in target.get("httpHeaders") or []}
    connection = _connection(target.get("scheme", "HTTP"), host, port=port, timeout=timeout)
    try:
        connection.request("GET", target.get("path") or "/", headers=headers)
        return 200 <= connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connection(scheme: str, host: str, *, port: int, timeout: float) -> http.client.HTTPConnection:
    if scheme != "HTTPS":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # as the kubelet: a probe asks for life, not for identity
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _tcp(
    target: Mapping[str, Any], container: Mapping[str, Any], *, address: str, timeout: float
) -> bool:
    host, port = target.get("host") or address, port_of(target["port"], container)
    try:
        with socket.create_connection((host, port), timeout=timeout):
            return True
    except OSError:
        return False
