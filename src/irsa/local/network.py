"""Addresses and ports of this machine."""

import random
import socket

from irsa.errors import RigError

# Below the range that systems take for outgoing connections, so that none can take ours by chance.
_PORTS = range(20000, 32000)
# Documentation addresses (RFC 5737, RFC 3849): connecting a datagram socket sends nothing.
_ELSEWHERE = ((socket.AF_INET, "198.51.100.1"), (socket.AF_INET6, "2001:db8::1"))
LOOPBACK = "127.0.0.1"


def own_address() -> str:
    """
    An address of this machine that others could reach, loopback if it has none.

    Endpoints of Services may not be loopback; without another address only URLs work.
    """
    for family, target in _ELSEWHERE:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((target, 9))
            except OSError:
                continue
            address = str(probe.getsockname()[0])
            if not address.startswith(("127.", "169.254.", "fe80:")) and address != "::1":
                return address
    return _address_of_name()


def _address_of_name() -> str:
    try:
        found = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return LOOPBACK
    addresses = [str(entry[4][0]) for entry in found]
    return next((each for each in addresses if not each.startswith("127.")), LOOPBACK)


def free_ports(count: int) -> list[int]:
    """
    Ports of the loopback address that nobody listens on.

    Raises:
        RigError: There are none.
    """
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("", port))
            except OSError:
                continue
            found.append(port)
    raise RigError(f"no {count} free ports between {_PORTS.start} and {_PORTS.stop}")
