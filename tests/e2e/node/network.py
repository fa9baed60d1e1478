"""
The network of the node: a bridge in a namespace of its own, where nothing leads out.

Never here: processes.
"""

import json
import subprocess
from pathlib import Path

BRIDGE = "node0"
NODE = "10.244.0.1"
PODS = "10.244.0.0/24"
SERVICES = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
PLUGINS = "/usr/lib/cni"


def up() -> None:
    """Give the namespace its loopback, and the bridge with the node's address."""
    _ip("link", "set", "lo", "up")
    _ip("link", "add", BRIDGE, "type", "bridge")
    _ip("addr", "add", f"{NODE}/24", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    # Services have addresses that only kube-proxy knows; the kernel wants a route before it asks.
    _ip("route", "add", SERVICES, "dev", BRIDGE)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def configure(directory: Path) -> None:
    """Tell containerd how pods are connected."""
    directory.mkdir(parents=True)
    addresses = {"type": "host-local", "ranges": [[{"subnet": PODS, "gateway": NODE}]]}
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "ipam": addresses | {"routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/node/addresses"},
    }
    conflist = {"cniVersion": "0.4.0", "name": "node", "plugins": [bridge]}
    (directory / "10-node.conflist").write_text(json.dumps(conflist))


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)
