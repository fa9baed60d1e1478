"""Exec plug-ins: real programs, one for each form that they come in."""

import base64
import json
import os
import stat
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from irsa.errors import KubeError
from irsa.kube import plugin
from irsa.kube.connection import Connection, ExecPlugin

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
CONNECTION = Connection(
    server="https://kube.example:6443",
    ca_pem=b"CA",
    tls_server_name="kubernetes",
    proxy_url="http://p:1",
)


@pytest.fixture(name="program")
def _program(tmp_path):
    """Makes an executable from a body of Python, or from the object that it prints."""

    def make(body: str | dict) -> str:
        if isinstance(body, dict):
            body = f"print({json.dumps(json.dumps(body))})"
        path = Path(tmp_path, "login")
        path.write_text(f"#!{sys.executable} -S\nimport json, os, sys\n{body}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return make


def _plugin(command: str, **options) -> ExecPlugin:
    return ExecPlugin(command=command, **({"api_version": V1} | options))


def _run(spec: ExecPlugin, connection=CONNECTION, **options):
    defaults = {"environment": os.environ, "terminal": False, "timeout": 20.0}
    return plugin.run(spec, connection, **(defaults | options))


def _credential(version=V1, **status) -> dict:
    return {"apiVersion": version, "kind": "ExecCredential", "status": status}


@pytest.mark.parametrize("version", [V1, V1BETA1], ids=["v1", "v1beta1"])
def test_token_is_issued(program, version):
    """Both versions issue tokens, with a time of expiry."""
    command = program(_credential(version, token="t", expirationTimestamp="2030-01-02T03:04:05Z"))
    issued = _run(_plugin(command, api_version=version))
    assert issued.token == "t"
    assert issued.expires == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert "'t'" not in repr(issued)


@pytest.mark.parametrize("version", [V1, V1BETA1], ids=["v1", "v1beta1"])
def test_certificate_is_issued(program, version):
    """Both versions issue certificates."""
    command = program(_credential(version, clientCertificateData="C", clientKeyData="K"))
    issued = _run(_plugin(command, api_version=version))
    assert (issued.certificate.certificate, issued.certificate.key) == (b"C", b"K")
    assert issued.expires is None


ECHO = """
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = json.dumps([sys.argv[1:], os.environ.get("WHO"), info, sys.stdin.read()])
print(json.dumps({"apiVersion": info["apiVersion"], "kind": info["kind"],
                  "status": {"token": token}}))
"""


def test_plugin_gets_arguments_variables_and_information(program):
    """And no standard input."""
    spec = _plugin(program(ECHO), args=("a", "b c"), env=(("WHO", "me"),))
    arguments, who, info, stdin = json.loads(_run(spec).token)
    assert (arguments, who, stdin) == (["a", "b c"], "me", "")
    assert info == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False}}


def test_cluster_information_is_given_where_it_was_asked_for(program):
    """With the cluster's own extension."""
    spec = _plugin(
        program(ECHO), provide_cluster_info=True, cluster_config={"audience": "06", "n": 3}
    )
    info = json.loads(_run(spec).token)[2]
    assert info["spec"]["cluster"] == {
        "server": "https://kube.example:6443",
        "tls-server-name": "kubernetes",
        "certificate-authority-data": base64.b64encode(b"CA").decode(),
        "proxy-url": "http://p:1",
        "config": {"audience": "06", "n": 3},
    }


def test_insecure_cluster_says_so(program):
    """The plug-in must not trust what we do not verify."""
    spec = _plugin(program(ECHO), provide_cluster_info=True)
    insecure = replace(CONNECTION, ca_pem=None, insecure=True, proxy_url=None)
    cluster = json.loads(_run(spec, insecure).token)[2]["spec"]["cluster"]
    assert cluster["insecure-skip-tls-verify"] is True
    assert "certificate-authority-data" not in cluster


@pytest.mark.parametrize(
    ("mode", "terminal", "interactive"),
    [("Never", True, False), ("IfAvailable", True, True), ("IfAvailable", False, False)],
)
def test_plugin_is_told_whether_it_may_ask(mode, terminal, interactive):
    """Only where a person can answer, and the plug-in wants to."""
    spec = _plugin("x", interactive_mode=mode)
    assert plugin.is_interactive(spec, terminal=terminal) is interactive


def test_plugin_that_must_ask_is_not_run_without_a_terminal(tmp_path):
    """It would wait for an answer that cannot come."""
    spec = _plugin(str(tmp_path / "never-started"), interactive_mode="Always")
    with pytest.raises(KubeError, match="standard input is not a terminal"):
        _run(spec)


def test_questions_reach_the_person(program, capfd):
    """What an interactive plug-in says on stderr is not kept from the terminal."""
    command = program('print("open the page", file=sys.stderr); sys.exit(1)')
    with pytest.raises(KubeError, match=r"failed with exit code 1$"):
        _run(_plugin(command), terminal=True)
    assert "open the page" in capfd.readouterr().err


def test_missing_plugin_is_answered_with_its_hint(tmp_path):
    """The kubeconfig says how to install it."""
    spec = _plugin(str(tmp_path / "absent"), install_hint="brew install absent")
    with pytest.raises(KubeError, match="absent of the kubeconfig cannot be started") as caught:
        _run(spec)
    assert caught.value.hint == "brew install absent"


def test_failing_plugin_is_quoted(program):
    """Its exit code and what it said, on one line."""
    command = program('print("expired\\n  session", file=sys.stderr); sys.exit(3)')
    with pytest.raises(KubeError, match="failed with exit code 3: expired session"):
        _run(_plugin(command))


def test_hanging_plugin_is_killed_with_its_children(program, tmp_path):
    """A child that holds the pipe does not make us wait."""
    child = tmp_path / "child"
    command = program(
        "import subprocess, time\n"
        "p = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(child)!r}, 'w').write(str(p.pid))\n"
        "time.sleep(600)"
    )
    with pytest.raises(KubeError, match="did not finish within"):
        _run(_plugin(command), timeout=1.5)
    deadline = time.monotonic() + 10
    while _is_running(int(child.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ('print("hush")', "did not print an ExecCredential"),
        ('print("[]")', "did not print an ExecCredential"),
        ("pass", "did not print an ExecCredential"),
        (_credential(V1BETA1, token="hush"), "answers with .*v1beta1 ExecCredential, not .*/v1 "),
        (_credential() | {"kind": "Status"}, "answers with .*/v1 Status"),
        (_credential(), "issued neither a token nor a client certificate"),
        (_credential(clientCertificateData="hush"), "issued only one of"),
        (_credential(token="hush", expirationTimestamp="soon"), "did not print an ExecCredential"),
    ],
    ids=["text", "list", "silence", "version", "kind", "empty", "half", "time"],
)
def test_nonsense_is_refused_and_never_shown(program, output, message):
    """What it printed may be a credential."""
    with pytest.raises(KubeError, match=message) as caught:
        _run(_plugin(program(output)))
    assert "hush" not in str(caught.value)


def test_time_without_a_zone_is_utc():
    """A plug-in that forgets the zone does not break us."""
    output = json.dumps(_credential(token="t", expirationTimestamp="2030-01-02T03:04:05"))
    issued = plugin.parse(output.encode(), _plugin("x"))
    assert issued.expires == datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
