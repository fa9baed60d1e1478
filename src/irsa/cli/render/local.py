"""How a rig and its AWS calls look."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


def status(value: Mapping[str, Any]) -> "Table":
    """The parts of a rig, one a row."""
    from rich.table import Table

    kubernetes = f"Kubernetes {value['kubernetes']}" if value["kubernetes"] else "AWS alone"
    table = Table(title=f"rig {value['name']}: {kubernetes}", box=None)
    for heading in ("part", "process", "where"):
        table.add_column(heading, overflow="fold")
    for server in value["apiServers"]:
        table.add_row(f"API server {server['name']}", str(server["pid"] or "—"), server["url"])
    aws = value["aws"]
    table.add_row(f"AWS {value['account']} {value['region']}", str(aws["pid"]), aws["proxy"])
    late = [f"{name} {seconds:g} s" for name, seconds in value["delays"].items() if seconds]
    if late:
        table.add_row("seen late", "", ", ".join(late))
    if value["kubeconfig"]:
        table.add_row("kubeconfig", "", value["kubeconfig"])
    table.add_row("directory", "", value["directory"])
    return table


def call(entry: Mapping[str, Any]) -> str:
    """One AWS call: when, what, by whom, on what, and how it ended."""
    outcome = "allowed" if entry.get("allowed") else "refused"
    words = [
        str(entry.get("time", "")),
        outcome,
        f"{entry.get('service', '')}:{entry.get('operation', '')}",
        str(entry.get("caller", "")),
        str(entry.get("resource") or ""),
        str(entry.get("code") or ""),
        str(entry.get("reason") or ""),
    ]
    return "  ".join(word for word in words if word)
