"""
What our pods use when they have nothing to do: what their requests in the manifests are chosen by.

Never here: judgement.
"""

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.e2e.node.cluster import NAME

from irsa.injection.settings import DEFAULT_NAMESPACE
from irsa.kube.client import Kube

SECONDS = 20.0
_MI = 1 << 20
_SUMMARY = f"/api/v1/nodes/{NAME}/proxy/stats/summary?only_cpu_and_memory=true"


def usage(kube: Kube) -> Iterator[str]:
    """One line for each pod of ours: memory, and thousandths of a core, as kubelet sees them."""
    before = _containers(kube)
    time.sleep(SECONDS)
    for pod, now in _containers(kube).items():
        used = _used(now) - _used(before.get(pod, now))
        memory = now.get("memory", {})
        resident, working = (memory.get(name, 0) / _MI for name in ("rssBytes", "workingSetBytes"))
        millicores = used / SECONDS / 1e6
        yield f"{pod}: {resident:.0f} MiB resident, {working:.0f} used, {millicores:.1f}m CPU idle"


def _containers(kube: Kube) -> dict[str, dict[str, Any]]:
    summary = json.loads(kube.raw(_SUMMARY))
    return {
        pod["podRef"]["name"]: container
        for pod in summary["pods"]
        if pod["podRef"]["namespace"] == DEFAULT_NAMESPACE
        for container in pod.get("containers", [])
    }


def _used(container: dict[str, Any]) -> int:
    """Nanoseconds of CPU since its start."""
    return int(container.get("cpu", {}).get("usageCoreNanoSeconds", 0))
