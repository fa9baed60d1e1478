"""`irsa plan`: what would be made, changed and removed; nothing is."""

import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from irsa.cli import options
from irsa.cli.render import console
from irsa.cli.render.console import Output

CHANGES = 2

Prune = Annotated[
    bool, typer.Option("--prune", help="Also remove what the configuration no longer names.")
]


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    output: options.OutputFormat = Output.text,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")
    ] = False,
    prune: Prune = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> int:
    """
    Show what `irsa apply` would do, exactly; nothing is changed.

    AWS and the cluster are read and compared with the configuration. JSON and YAML hold every
    call and every object as it would be sent.

    Example: irsa plan --config irsa.yaml
    """
    from irsa.cli import provisioning
    from irsa.cli.render import plan as render

    with ExitStack() as stack:
        site = provisioning.enter(stack, config, kubeconfig=kubeconfig, context=context)
        found = provisioning.plan(site, prune=prune)
    if output is Output.text:
        plain = render.text(found)
        if sys.stdout.isatty():
            console.show(render.styled(plain))
        else:
            console.result(plain)
    else:
        console.data(found.to_json(), output)
    return CHANGES if detailed_exitcode and found.changes else 0
