"""`irsa init` on a real cluster: what it writes can be planned, and it asks what it cannot know."""

import contextlib
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

from irsa import config

pytestmark = pytest.mark.cluster

POLICY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
SECONDS = 60


def _read(file):
    return config.parse(file.read_text(), source="irsa.yaml")


def test_what_it_writes_can_be_planned(rig, tmp_path):
    """As it is; and it is never overwritten."""
    file = tmp_path / "irsa.yaml"
    chosen = ("--config", str(file))
    said = rig.irsa(
        "init", *chosen, "--yes", "--service-account", "default/init", "--policy", POLICY
    )
    assert "kubeadm wrote the static pod kube-apiserver-cp-1" in said.stderr
    found = _read(file)
    assert found.cluster.uid == rig.kube.cluster_uid()
    assert found.aws.account == rig.status["account"]
    assert found.aws.region == rig.env["AWS_REGION"]
    planned = rig.irsa("plan", *chosen, "--detailed-exitcode", check=False)
    assert planned.returncode == 2, planned.stderr
    assert "ServiceAccount default/init" in planned.stdout
    text = file.read_text()
    assert rig.irsa("init", *chosen, "--yes", check=False).returncode == 65
    assert file.read_text() == text


NO_AWS = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
NO_CLUSTER = {"KUBECONFIG": "/nowhere/kubeconfig"}


def test_the_clusters_half_is_written_and_planned_without_aws(rig, tmp_path):
    """The account is named; the refusal without it says so."""
    chosen = ("--config", str(tmp_path / "irsa.yaml"))
    sure = ("--yes", "--name", "half", "--service-account", "default/half")
    refused = rig.irsa("init", *chosen, *sure, check=False, **NO_AWS)
    assert refused.returncode == 4
    assert "or without AWS: --account NUMBER" in refused.stderr
    rig.irsa("init", *chosen, *sure, "--account", rig.status["account"], **NO_AWS)
    planned = rig.irsa("plan", *chosen, "--only", "cluster", **NO_AWS)
    assert "ServiceAccount default/half" in planned.stdout


def test_the_aws_half_is_written_and_planned_without_the_cluster(rig, tmp_path):
    """Its uid and its public key are given; the refusal without them says so."""
    chosen = ("--config", str(tmp_path / "irsa.yaml"))
    sure = ("--yes", "--name", "half", "--service-account", "default/half")
    refused = rig.irsa("init", *chosen, *sure, check=False, **NO_CLUSTER)
    assert refused.returncode == 65
    assert "without the cluster: --uid UID --public-key FILE" in refused.stderr
    key = Path(rig.status["apiServers"][0]["nodeDirectory"]) / "etc/kubernetes/pki/sa.pub"
    uid = rig.kube.cluster_uid()
    rig.irsa("init", *chosen, *sure, "--uid", uid, "--public-key", str(key), **NO_CLUSTER)
    planned = rig.irsa("plan", *chosen, "--only", "aws", **NO_CLUSTER)
    assert "role half-default-half" in planned.stdout


def test_without_a_terminal_it_names_what_is_missing(rig, tmp_path):
    """The option for each, and a value that would do."""
    file = tmp_path / "irsa.yaml"
    refused = rig.irsa("init", "--config", str(file), check=False)
    assert refused.returncode == 65
    assert "missing: --name, --bucket" in refused.stderr
    assert not file.exists()


def test_on_a_terminal_it_asks(rig, tmp_path):
    """On a real one: suggestions by Return, and wrong answers again."""
    file = tmp_path / "irsa.yaml"
    shown = _converse(
        rig,
        ["init", "--config", str(file), "--bucket", "init-issuer"],
        [
            ("Name of the cluster", "trial"),
            ("ServiceAccount that gets a role", "nowhere/web"),
            ("kubectl create namespace nowhere", "default/web"),
            ("ARN of a managed policy", ""),
        ],
    )
    assert "next: look at it" in shown
    found = _read(file)
    assert (found.cluster.name, found.issuer.bucket) == ("trial", "init-issuer")
    assert [str(role.service_accounts[0]) for role in found.roles] == ["default/web"]


def _converse(rig, arguments, lines):
    """Run irsa on a terminal of its own, and answer each prompt when it shows."""
    master, slave = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "irsa", *arguments],
        env=rig.env | {"TERM": "dumb"},
        cwd=rig.home,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    shown, seen = "", 0
    try:
        for prompt, answer in lines:
            while prompt not in shown[seen:]:
                shown += (part := _output(master, shown))
                assert part, f"ended before {prompt!r}:\n{shown}"
            seen = len(shown)
            os.write(master, f"{answer}\n".encode())
        while part := _output(master, shown):
            shown += part
        assert program.wait(SECONDS) == 0, shown
    finally:
        program.kill()
        program.wait()
        os.close(master)
    return shown


def _output(master, shown):
    """What the program prints next; nothing once it has ended."""
    ready, _, _ = select.select([master], [], [], SECONDS)
    assert ready, f"no more output within {SECONDS} s after:\n{shown}"
    with contextlib.suppress(OSError):  # Linux: the other end of the terminal is closed
        return os.read(master, 4096).decode()
    return ""
