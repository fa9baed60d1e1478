"""
The node, up: its programs as children of this process, their logs, the cluster as one sees it.

Everything runs in namespaces that end with this run, so nothing here takes anything down.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.node import apiserver, network
from tests.e2e.node.controlplane import ControlPlane
from tests.e2e.node.runtime import Runtime
from tests.e2e.node.sealed import TEMPORARY
from tests.e2e.node.traces import MARK
from tests.e2e.node.waiting import Failed, say, until

from irsa.errors import IrsaError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.readiness import ready

NAME = "node-1"
UP_WITHIN = 180.0
ROOT = Path("/run/node")
_CONTROL_PLANE = {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}
_ROUTINE = ("Scheduled", "Pulled", "Created", "Started", "MissingClusterDNS")


class Cluster:
    """
    One real node and its control plane.

    Args:
        programs: Directories with the programs of Kubernetes.
        cgroup: The control group that everything of pods is below.
    """

    def __init__(self, programs: Sequence[Path], *, cgroup: str) -> None:
        self._cgroup = cgroup
        path = os.pathsep.join([*map(str, programs), "/usr/sbin:/usr/bin:/sbin:/bin"])
        mark = {MARK: os.environ.get(MARK, "")}
        self._environment = mark | {"PATH": path, "HOME": str(ROOT), "TMPDIR": str(TEMPORARY)}
        self._runtime = Runtime(ROOT)
        self._plane = ControlPlane(node=NAME)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.logs = ROOT / "logs"

    def up(self, images: Sequence[Path], *, issuer: str) -> Kube:
        """Start everything; the cluster, as its administrator, once the node is ready."""
        self.logs.mkdir(parents=True)
        network.up()
        network.configure(ROOT / "cni")
        self._plane.prepare()
        self.start("etcd", self._plane.etcd())
        self.start("containerd", self._runtime.containerd())
        for image in images:
            self._import(image)
        apiserver.MANIFEST.write_text(apiserver.manifest(issuer))
        self.start("kubelet", self._kubelet())
        kube = Kube.open(kubeconfig=str(self.kubeconfig))
        self.wait("the API server answers", lambda: kube.raw("/readyz") == b"ok")
        self._start_others(kube)
        node = Ref("v1", "Node", NAME)
        self.wait("the node is ready", lambda: _ready(kube, node))
        kube.patch(node, _CONTROL_PLANE)
        return kube

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self._runtime.socket

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._plane.kubeconfig("admin")

    def _kubelet(self) -> list[str]:
        return self._runtime.kubelet(
            name=NAME,
            authority=self._plane.authority,
            kubeconfig=self._plane.kubeconfig("kubelet"),
            cgroup=self._cgroup,
        )

    def _start_others(self, kube: Kube) -> None:
        """Start what needs an API server."""
        self.start("kube-controller-manager", self._plane.controller_manager())
        self.start("kube-scheduler", self._plane.scheduler())
        self.start("kube-proxy", self._plane.proxy())
        account = Ref("v1", "ServiceAccount", "default", "default")
        self.wait("the controller manager works", lambda: kube.get(account))

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start a program, with a log of its own."""
        with (self.logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
            )

    def wait(self, what: str, found: Any, *, seconds: float = UP_WITHIN) -> Any:
        """Wait for something, as long as every program runs."""

        def look() -> Any:
            for name, process in self._running.items():
                if process.poll() is not None:
                    raise Failed(f"{name} ended with code {process.returncode}")
            return found()

        return until(what, look, seconds=seconds)

    def _import(self, image: Path) -> None:
        ctr = ["ctr", f"--address={self._runtime.socket}", "--namespace=k8s.io"]
        self.wait("containerd answers", lambda: _succeeds([*ctr, "version"]), seconds=60)
        # Unpacked here, once: pods that start together would each unpack it for themselves.
        subprocess.run([*ctr, "images", "import", str(image)], check=True, stdout=2)
        image.unlink()

    def explain(self) -> None:
        """Show the end of every log, and what the cluster says of itself."""
        pods = self._runtime.pod_logs.glob("kube-system_*/*/*.log")
        for log in sorted((*self.logs.glob("*.log"), *pods)):
            lines = log.read_text(errors="replace").splitlines()[-25:]
            sys.stderr.write("\n".join([f"--- {log.name}", *(each[:400] for each in lines), ""]))
        try:
            with Kube.open(kubeconfig=str(self.kubeconfig)) as kube:
                _show_troubles(kube)
        except (IrsaError, OSError) as error:
            say(f"the cluster does not say more: {error}")


def _show_troubles(kube: Kube) -> None:
    told = [each for each in kube.list("v1", "Event") if each.get("reason") not in _ROUTINE]
    for event in told[-60:]:
        about = event["involvedObject"]
        place = f"{about['kind']} {about.get('namespace', '')}/{about.get('name', '')}"
        sys.stderr.write(f"{place}: {event.get('reason')}: {str(event.get('message'))[:300]}\n")
    for pod in kube.list("v1", "Pod"):
        name, status = pod["metadata"]["name"], pod.get("status", {})
        if status.get("phase") != "Succeeded":
            sys.stderr.write(f"pod {name}: {status.get('containerStatuses') or status}\n"[:900])


def _ready(kube: Kube, ref: Ref) -> bool:
    found = kube.get(ref)
    return found is not None and ready(found)


def _succeeds(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0
