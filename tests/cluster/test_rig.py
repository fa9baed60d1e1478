"""A rig comes up whole and goes down without a trace, however it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from irsa.errors import KubeError
from irsa.kube.objects import Ref

from .pods import condition
from .rigs import Rig, base_environment
from .waiting import until

pytestmark = pytest.mark.cluster

EXPORTED = (
    "KUBECONFIG",
    "HTTPS_PROXY",
    "NO_PROXY",
    "AWS_CA_BUNDLE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "IRSA_AUDIT_LOG",
)


def processes_of(directory: Path) -> set[int]:
    """The processes that belong to a rig: its path is in their command, or in their ancestors'."""
    parents, found = {}, set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if stat[0] != "Z":
            parents[int(entry.name)] = int(stat[1])
            if f"{directory}/".encode() in command + b"/" or str(directory).encode() in command:
                found.add(int(entry.name))
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def gone(pids: set[int]) -> bool:
    return not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def supervisor_of(directory: Path) -> int:
    return int(json.loads((directory / "supervisor.json").read_text())["pid"])


def test_down_leaves_nothing(make_rig: Callable[..., Rig]) -> None:
    """After `down` no process and no file of the rig is left; `down` again is no error."""
    rig = make_rig()
    directory = Path(rig.status["directory"])
    pids = processes_of(directory)
    assert len(pids) >= 6
    rig.irsa("local", "down", "--name", rig.name)
    assert gone(pids)
    assert not list(directory.parent.iterdir())
    rig.irsa("local", "down", "--name", rig.name)


def test_a_rig_ends_with_the_process_that_it_was_told_of(
    make_rig: Callable[..., Rig],
) -> None:
    """A shell or a test run that is killed takes its rigs along."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as owner:
        rig = make_rig("--end-with", str(owner.pid))
        directory = Path(rig.status["directory"])
        pids = processes_of(directory)
        owner.kill()
    until(lambda: gone(pids))


def test_killed_supervisor_takes_everything_with_it(make_rig: Callable[..., Rig]) -> None:
    """Even without a chance to clean up nothing goes on running, and `up` starts anew."""
    rig = make_rig()
    directory = Path(rig.status["directory"])
    pids = processes_of(directory)
    os.kill(supervisor_of(directory), signal.SIGKILL)
    until(lambda: gone(pids))
    assert rig.irsa("local", "status", "--name", rig.name, check=False).returncode == 8
    rig.irsa("local", "up", "--name", rig.name)
    assert rig.status["apiServers"][0]["pid"]


def test_up_twice_is_up_once(rig: Rig) -> None:
    """A rig that is up stays as it is."""
    before = rig.status
    ended = rig.irsa("local", "up", "--name", rig.name)
    assert "up already" in ended.stderr
    assert rig.status == before


def test_rigs_stand_side_by_side(rig: Rig, make_rig: Callable[..., Rig]) -> None:
    """A second rig has its own servers, cluster and credentials."""
    other = make_rig()
    assert other.kube.cluster_uid() != rig.kube.cluster_uid()
    assert other.env["AWS_ACCESS_KEY_ID"] != rig.env["AWS_ACCESS_KEY_ID"]
    assert other.status["apiServers"][0]["url"] != rig.status["apiServers"][0]["url"]


def test_several_api_servers_are_one_cluster(make_rig: Callable[..., Rig]) -> None:
    """Each has a node, a process and a mirror pod of its own, over one store."""
    rig = make_rig(api_servers=2)
    servers = rig.status["apiServers"]
    uids = set()
    for server in servers:
        with rig.kube.at(server["url"]) as kube:
            uids.add(kube.cluster_uid())
    assert len(uids) == 1
    assert len({server["pid"] for server in servers}) == 2
    nodes = rig.kube.list("v1", "Node")
    assert all(condition(node, "Ready") for node in nodes)
    assert {node["metadata"]["name"] for node in nodes} == {"cp-1", "cp-2"}


def test_failed_start_cleans_up(tmp_path: Path) -> None:
    """When a part fails, its last words are shown and nothing is left."""
    assets = tmp_path / "assets"
    assets.mkdir()
    script = '#!/bin/sh\n[ "$1" = --version ] && { echo Kubernetes v1.36.3; exit; }\n'
    for name in ("etcd", "kube-apiserver", "kube-controller-manager"):
        (assets / name).write_text(f"{script}echo {name} is broken >&2\nexit 3\n")
        (assets / name).chmod(0o755)
    env = base_environment(tmp_path) | {"KUBEBUILDER_ASSETS": str(assets)}
    argv = [sys.executable, "-m", "irsa", "local", "up", "--name", "broken"]
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 8
    assert "etcd is broken" in ended.stderr
    assert not (tmp_path / "irsa/rigs/broken").exists()
    assert not processes_of(tmp_path / "irsa")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_start_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C during `up` takes all of it down; so does the end of `up` itself."""
    # A shell in the background ignores SIGINT, and all that it starts would do so, too.
    argv = ["env", "--default-signal=INT", sys.executable, "-m", "irsa", "local", "up"]
    argv += ["--name", "cut"]
    env = base_environment(tmp_path)
    process = subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL)
    directory = tmp_path / "irsa/rigs/cut"
    until((directory / "nodes/cp-1/var/run/static-pods.json").exists)
    pids = processes_of(directory)
    process.send_signal(number)
    process.wait(30)
    # An API server that is told to end while it starts may take its 30 seconds of grace.
    until(lambda: gone(pids), seconds=90)
    if number != signal.SIGKILL:
        assert not directory.exists()


def test_killed_kubelet_comes_back(make_rig: Callable[..., Rig]) -> None:
    """A node that dies takes its pods along, is started again, and runs them again."""
    rig = make_rig()
    server = rig.status["apiServers"][0]
    stat = Path(f"/proc/{server['pid']}/stat").read_text()
    os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
    until(lambda: rig.status["apiServers"][0]["pid"] not in {None, server["pid"]})
    ref = Ref("v1", "Pod", f"kube-apiserver-{server['name']}", "kube-system")

    def ready() -> bool:
        try:
            return condition(rig.kube.get(ref) or {}, "Ready")
        except KubeError:
            return False

    until(ready)


def test_variables_lead_everyday_tools_to_the_rig(rig: Rig) -> None:
    """The AWS CLI and irsa work with what `irsa local env` prints, and nothing else."""
    identity = json.loads(rig.aws("sts", "get-caller-identity", "--output", "json").stdout)
    assert identity["Account"] == "111122223333"
    lines = rig.irsa("local", "env", "--name", rig.name).stdout.splitlines()
    assert "unset AWS_PROFILE" in lines
    exported = {line.partition("=")[0] for line in lines if line.startswith("export ")}
    assert exported == {f"export {name}" for name in EXPORTED}


def test_logs_are_found_by_name(rig: Rig) -> None:
    """Every part has a log, and the AWS calls have theirs."""
    names = rig.irsa("local", "log", "--name", rig.name).stdout.split()
    assert {"etcd", "supervisor", "kube-apiserver-cp-1", "node-cp-1"} <= set(names)
    assert rig.irsa("local", "log", "--name", rig.name, "kube-apiserver").stdout
    rig.aws("sts", "get-caller-identity")
    calls = rig.irsa("local", "log", "--name", rig.name, "--aws").stdout
    assert "sts:GetCallerIdentity" in calls


def test_a_rig_that_is_not_up_is_said(tmp_path: Path) -> None:
    """Commands on a rig that is not up name the command that brings it up."""
    argv = [sys.executable, "-m", "irsa", "local", "env", "--name", "none"]
    env = base_environment(tmp_path)
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert ended.returncode == 8
    assert "irsa local up --name none" in ended.stderr
