"""`irsa issuer`: the issuer of a living cluster changed in stages, one API server at a time."""

from pathlib import Path
from typing import Annotated

import typer

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
_TIMEOUT = 240.0


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
def accept(
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    issuer: Issuer = None,
    root: Root = _ROOT,
    node: NodeName = None,
    timeout: Timeout = _TIMEOUT,
    audit_log: AuditLog = None,
    override: Override = [],  # noqa: B006 # typer makes a list of its own
    reason: Reason = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    yes: Yes = False,
) -> None:
    """
    Make this node's server accept the new issuer, while it goes on signing with the old one.

    The audiences are pinned to what they are in force now. The new process is proved; otherwise
    the manifest's back-up goes back.

    Example: irsa issuer accept --node cp-1 --yes
    """
    from irsa.apiserver.situation import Goal
    from irsa.cli.rollout import Cluster, Request, change

    with Cluster.open(config, issuer, kubeconfig=kubeconfig, context=context) as cluster:
        request = Request(
            goal=Goal.accept, root=root, node=node, timeout=timeout, yes=yes, audit_log=audit_log
        )
        change(cluster, request.overriding(override, reason))


@app.command()
def activate(
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    issuer: Issuer = None,
    root: Root = _ROOT,
    node: NodeName = None,
    acknowledged: Acknowledge = False,
    timeout: Timeout = _TIMEOUT,
    audit_log: AuditLog = None,
    override: Override = [],  # noqa: B006 # typer makes a list of its own
    reason: Reason = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    yes: Yes = False,
) -> None:
    """
    Make this node's server sign with the new issuer; tokens of the old one stay good.

    Refused until every API server is known to accept the new issuer, and until the world can
    read its documents and finds the signing keys in them.

    Example: irsa issuer activate --node cp-1 --ack-external-consumers --yes
    """
    from irsa.apiserver.situation import Goal
    from irsa.cli.rollout import Cluster, Request, change

    with Cluster.open(config, issuer, kubeconfig=kubeconfig, context=context) as cluster:
        request = Request(
            goal=Goal.activate, root=root, node=node, timeout=timeout, yes=yes, audit_log=audit_log
        )
        change(cluster, request.overriding(override, reason), acknowledged=acknowledged)


@app.command()
def rollback(
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    issuer: Issuer = None,
    root: Root = _ROOT,
    node: NodeName = None,
    timeout: Timeout = _TIMEOUT,
    audit_log: AuditLog = None,
    override: Override = [],  # noqa: B006 # typer makes a list of its own
    reason: Reason = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    yes: Yes = False,
) -> None:
    """
    Take this node's server one stage back: from activate to accept, from accept to the original.

    The original flags come back only when no token of the new issuer can be alive.

    Example: irsa issuer rollback --node cp-1 --yes
    """
    from irsa.apiserver.situation import Goal
    from irsa.cli.rollout import Cluster, Request, change

    with Cluster.open(config, issuer, kubeconfig=kubeconfig, context=context) as cluster:
        request = Request(
            goal=Goal.rollback, root=root, node=node, timeout=timeout, yes=yes, audit_log=audit_log
        )
        change(cluster, request.overriding(override, reason))
