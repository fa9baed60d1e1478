"""
Containerd and kubelet: their settings, with every root of their own.

Never here: processes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.node import apiserver, network

SANDBOX = "localhost/base:e2e"
_CONTAINERD = """\
version = 2
root = "{root}/containerd"
state = "{root}/containerd-state"
[grpc]
address = "{root}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
path = "{root}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{sandbox}"
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{plugins}"
conf_dir = "{root}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{root}/runc"
"""


@dataclass(frozen=True, slots=True)
class Runtime:
    """The files of containerd and kubelet below one directory."""

    root: Path

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.root / "containerd.sock"

    @property
    def pod_logs(self) -> Path:
        """Where kubelet keeps what containers say."""
        return self.root / "pod-logs"

    def containerd(self) -> list[str]:
        """The command that runs containerd."""
        settings = self.root / "containerd.toml"
        text = _CONTAINERD.format(root=self.root, sandbox=SANDBOX, plugins=network.PLUGINS)
        settings.write_text(text)
        return ["containerd", "--config", str(settings)]

    def kubelet(self, *, name: str, authority: Path, kubeconfig: Path, cgroup: str) -> list[str]:
        """The command that runs kubelet."""
        settings = self.root / "kubelet.json"
        (self.root / "resolv.conf").write_text("")
        settings.write_text(json.dumps(self._settings(authority, cgroup)))
        return [
            "kubelet",
            f"--config={settings}",
            f"--kubeconfig={kubeconfig}",
            f"--root-dir={self.root}/kubelet",
            f"--cert-dir={self.root}/kubelet/pki",
            f"--node-ip={network.NODE}",
            f"--hostname-override={name}",
        ]

    def _settings(self, authority: Path, cgroup: str) -> dict[str, Any]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(authority)},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "podLogsDir": str(self.pod_logs),
            "resolvConf": f"{self.root}/resolv.conf",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            # Machines of continuous integration: old cgroups, swap, full disks, no systemd.
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "failCgroupV1": False,
            "failSwapOn": False,
            "localStorageCapacityIsolation": False,
            "evictionHard": {
                "memory.available": "50Mi",
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "maxPods": 200,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            "syncFrequency": "10s",
            "staticPodPath": str(apiserver.MANIFESTS),
        }
