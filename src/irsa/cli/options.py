"""Options that several commands share, so that they read the same everywhere."""

from pathlib import Path
from typing import Annotated

import typer

from irsa.cli.render.console import Output

ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="The configuration.", envvar="IRSA_CONFIG"),
]
DEFAULT_CONFIG = Path("irsa.yaml")

OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="How results are printed.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the first change.")]

Only = Annotated[
    list[str],
    typer.Option(
        "--only",
        metavar="PARTS",
        help="Only these: issuer, provider, roles, service-accounts, injection, joined with "
        "commas; aws stands for the first three, cluster for the others.",
    ),
]

Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        envvar="KUBECONFIG",
        help="The kubeconfig file, or several joined with colons.",
    ),
]
Context = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="The context in the kubeconfig.")
]

Override = Annotated[
    list[str],
    typer.Option(
        "--override", metavar="GATE", help="Pass this one gate; --reason says why. Repeatable."
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why a gate was overridden; kept in the log."),
]
