"""Help with the API servers of a rig."""

import os
import signal
import time
from pathlib import Path

from irsa import files
from irsa.errors import KubeError
from irsa.kube.client import Kube

QUICK = "--shutdown-watch-termination-grace-period"
SECONDS = 60


def restart_quickly(rig):
    """
    Let watches end when a server does.

    Otherwise each restart takes the whole 30 seconds of grace, as it may on a real node.
    """
    servers = rig.status["apiServers"]
    changed = [server for server in servers if _quicken(Path(server["manifest"]))]
    for server in changed:
        os.kill(server["pid"], signal.SIGKILL)
    old = {server["pid"] for server in changed}
    wait_until(lambda: not old & {server["pid"] for server in rig.status["apiServers"]})
    wait_until(lambda: all(is_ready(rig, server["url"]) for server in servers))


def is_ready(rig, url):
    """Whether one API server says that it is ready."""
    try:
        with Kube.open(kubeconfig=str(rig.kubeconfig)) as kube, kube.at(url) as there:
            there.raw("/readyz")
    except KubeError:
        return False
    return True


def wait_until(condition):
    """Look again and again until it is so; fail after a minute."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be within a minute"
        time.sleep(0.1)


def _quicken(manifest):
    text = manifest.read_text()
    if QUICK in text:
        return False
    line = "    - --tls-cert-file="
    assert line in text
    files.write_atomic(manifest, text.replace(line, f"    - {QUICK}=1s\n{line}").encode())
    return True
