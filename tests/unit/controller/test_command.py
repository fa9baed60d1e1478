"""`irsa controller` as its Deployment starts it."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: nobody, user: {token: t0ken-of-nobody}}]
"""


def test_it_tries_again_and_ends_with_sigterm(tmp_path: Path) -> None:
    """Without an API server it goes on, says so once, and SIGTERM is an ordinary end."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "irsa", "controller", "--period", "0.1"]
    command += ["--kubeconfig", str(kubeconfig), "--metrics-port", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        first = child.stderr.readline()
        deadline = time.monotonic() + 60
        while failures(port) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child.send_signal(signal.SIGTERM)
        rest = child.communicate(timeout=30)[1]
    assert child.returncode == 0
    assert "trying again" in json.loads(first)["message"]
    assert rest == ""
    assert "t0ken" not in first


def failures(port: int) -> int:
    """How often it could not reach its API server."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found = re.search(r'failures_total\{task="lease"\} (\d+)', text)
    return int(found[1]) if found else 0
