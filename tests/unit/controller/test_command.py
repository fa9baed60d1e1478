"""`irsa controller` as its Deployment starts it."""

import json
import signal
import subprocess
import sys
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
    """Without an API server it logs and goes on; SIGTERM is an ordinary end."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    command = [sys.executable, "-m", "irsa", "controller", "--period", "0.1"]
    with subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig)], stderr=subprocess.PIPE, text=True
    ) as child:
        lines = [json.loads(child.stderr.readline()) for _ in range(2)]
        child.send_signal(signal.SIGTERM)
        rest = child.communicate(timeout=30)[1]
    assert child.returncode == 0
    assert all("trying again" in line["message"] for line in lines)
    assert "t0ken" not in rest + json.dumps(lines)
