"""`irsa issuer`: the issuer of a living cluster changed in stages, one API server at a time."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from irsa.cli.gathering import gathered
from irsa.cli.options import (
    DEFAULT_CONFIG,
    ConfigFile,
    Context,
    Kubeconfig,
    OutputFormat,
    Override,
    Reason,
    Yes,
)
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.cli.trail import AuditLog

app = typer.Typer(
    no_args_is_help=True,
    help="Change the issuer of a living cluster in stages: accept, then activate.",
)

Root = Annotated[
    Path,
    typer.Option(
        "--root", metavar="DIR", help="Where the node's file system begins; / on the node itself."
    ),
]
Issuer = Annotated[
    str | None,
    typer.Option("--issuer", metavar="URL", help="The new issuer, if not the configuration's."),
]
NodeName = Annotated[
    str | None,
    typer.Option("--node", metavar="NAME", help="Refuse unless this node has that name."),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", min=1, help="How long to wait for the new process."
    ),
]
Acknowledge = Annotated[
    bool,
    typer.Option(
        "--ack-external-consumers",
        help="Whoever reads the API servers' own discovery document from outside was told.",
    ),
]
_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What accept, activate and rollback are told alike."""

    config: ConfigFile = DEFAULT_CONFIG
    issuer: Issuer = None
    root: Root = _ROOT
    node: NodeName = None
    timeout: Timeout = 240.0
    audit_log: AuditLog = None
    override: Override = field(default_factory=list)
    reason: Reason = None
    kubeconfig: Kubeconfig = None
    context: Context = None
    yes: Yes = False


@app.command()
def status(
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    issuer: Issuer = None,
    root: Root = _ROOT,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    output: OutputFormat = Output.text,
) -> None:
    """
    Show how far every API server is, and what was done when.

    Example: irsa issuer status --output json
    """
    from irsa.apiserver.node import Node
    from irsa.apiserver.situation import gather
    from irsa.cli.render import issuer as render
    from irsa.cli.rollout import Cluster

    node = Node(root)
    with Cluster.open(config, issuer, kubeconfig=kubeconfig, context=context) as cluster:
        cluster.guard()
        with console.step("ask every API server"):
            found = gather(cluster.kube, node=node if node.path.exists() else None)
    new = str(cluster.issuer)
    for text in render.warnings(found):
        console.warning(text)
    if output is not Output.text:
        console.data(render.status_data(found, new), output)
        return
    lines = render.status_lines(found, new)
    for line in (*lines, *render.last_records(found, new), *render.kubeadm_lines(found)):
        console.result(line)


@app.command()
@gathered
def accept(wish: Wish) -> None:
    """
    Make this node's server accept the new issuer, while it goes on signing with the old one.

    The audiences are pinned to what they are in force now. The new process is proved; otherwise
    the manifest's back-up goes back.

    Example: irsa issuer accept --node cp-1 --yes
    """
    _change(wish, "accept")


@app.command()
@gathered
def activate(wish: Wish, *, acknowledged: Acknowledge = False) -> None:
    """
    Make this node's server sign with the new issuer; tokens of the old one stay good.

    Refused until every API server is known to accept the new issuer, and until the world can
    read its documents and finds the signing keys in them.

    Example: irsa issuer activate --node cp-1 --ack-external-consumers --yes
    """
    _change(wish, "activate", acknowledged=acknowledged)


@app.command()
@gathered
def rollback(wish: Wish) -> None:
    """
    Take this node's server one stage back: from activate to accept, from accept to the original.

    The original flags come back only when no token of the new issuer can be alive.

    Example: irsa issuer rollback --node cp-1 --yes
    """
    _change(wish, "rollback")


def _change(wish: Wish, goal: str, *, acknowledged: bool = True) -> None:
    from irsa.apiserver.situation import Goal
    from irsa.cli.rollout import Cluster, Request, change

    with Cluster.open(
        wish.config, wish.issuer, kubeconfig=wish.kubeconfig, context=wish.context
    ) as cluster:
        request = Request(
            goal=Goal(goal),
            root=wish.root,
            node=wish.node,
            timeout=wish.timeout,
            yes=wish.yes,
            audit_log=wish.audit_log,
        )
        change(cluster, request.overriding(wish.override, wish.reason), acknowledged=acknowledged)
