"""
Which proxy leads to a URL, by the rules of kubectl (Go's net/http) and not of Python.

They differ where it matters: loopback is never proxied, NO_PROXY may hold networks, and
ALL_PROXY means nothing. Rules: https://pkg.go.dev/golang.org/x/net/http/httpproxy
Never here: reading the environment.
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The URL of the proxy that the environment names for this URL; None to go directly."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or {"http": 80}.get(parts.scheme, 443)
    proxy = _variable(environment, f"{parts.scheme}_proxy")
    if not proxy or _is_loopback(host):
        return None
    for entry in _variable(environment, "no_proxy").split(","):
        if _spares(entry.strip().lower(), host, port):
            return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name) or ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _spares(entry: str, host: str, port: int) -> bool:
    """Whether an entry of NO_PROXY means this host."""
    if not entry:
        return False
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry and address is not None:
        return _in_network(address, entry)
    name, _, wanted = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if wanted and wanted != str(port):
        return False
    name = name.removeprefix("[").removesuffix("]").removeprefix("*")
    if address is not None:
        return _address(name) == address
    return host.endswith(name) if name.startswith(".") else _is_within(host, name)


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _in_network(address: ipaddress.IPv4Address | ipaddress.IPv6Address, text: str) -> bool:
    try:
        return address in ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
