"""The logs of a rig, by the names of its parts."""

import json
from pathlib import Path
from typing import Any

from irsa.errors import RigError
from irsa.local import processes
from irsa.local.rig import Rig, no_such_rig


def known(rig: Rig) -> list[str]:
    """
    The parts that there are logs of.

    Raises:
        RigError: There is no such rig.
    """
    return sorted(_logs(rig))


def tail(rig: Rig, component: str, *, lines: int) -> str:
    """
    The last lines of a part's log.

    A component is a name of `known`, or the beginning of one: `node` is the first node.

    Raises:
        RigError: There is no such part.
    """
    logs = _logs(rig)
    match = component if component in logs else _first(logs, component)
    if match is None:
        raise RigError(
            f"rig {rig.name} has no log of {component!r}", hint=f"it has: {', '.join(sorted(logs))}"
        )
    return processes.tail(logs[match], lines=lines)


def aws_calls(rig: Rig) -> list[dict[str, Any]]:
    """
    Every AWS call so far.

    Raises:
        RigError: There is no such rig.
    """
    if not rig.directory.exists():
        raise no_such_rig(rig.name)
    try:
        text = (rig.aws / "calls.jsonl").read_text()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def _first(logs: dict[str, Path], beginning: str) -> str | None:
    return next((name for name in sorted(logs) if name.startswith(beginning)), None)


def _logs(rig: Rig) -> dict[str, Path]:
    if not rig.directory.exists():
        raise no_such_rig(rig.name)
    found = {path.stem: path for path in rig.logs.glob("*.log")}
    for directory in sorted(rig.directory.glob("nodes/*/var/log/pods/*")):
        node, (namespace, pod, _uid) = directory.parts[-5], directory.name.split("_")
        for path in directory.glob("*.log"):
            component = path.stem.removesuffix(".log")
            static = namespace == "kube-system" and pod == f"{component}-{node}"
            found[pod if static else f"{namespace}/{pod}/{component}"] = path
    return found
