"""`irsa local`: Kubernetes and AWS on this machine, for trying things and for tests."""

import shlex
import signal
from enum import StrEnum
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli.options import OutputFormat
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import InputError, RigError

if TYPE_CHECKING:
    from irsa.local.rig import Rig

app = typer.Typer(
    no_args_is_help=True,
    help="Kubernetes and AWS on this machine: real API servers, strict AWS, no account, no root.",
)

Name = Annotated[
    str, typer.Option("--name", metavar="NAME", help="Which rig; several stand side by side.")
]
DEFAULT = "default"


class View(StrEnum):
    """How containers see their mounts."""

    auto = "auto"
    namespaces = "namespaces"
    rewritten = "rewritten"


class Part(StrEnum):
    """What may stand alone."""

    aws = "aws"


Delay = typer.Option(
    "--delay",
    metavar="NAME=TIME",
    help="Let AWS see things late: iam=5s (changes of IAM), jwks=10m (STS keeps an issuer's keys).",
)


@app.command(epilog="Example: irsa local up --only aws --delay iam=3s")
def up(
    *,
    name: Name = DEFAULT,
    only: Annotated[
        Part | None, typer.Option("--only", help="AWS alone, without Kubernetes.")
    ] = None,
    account: Annotated[
        str, typer.Option("--account", metavar="NUMBER", help="The number of the AWS account.")
    ] = "111122223333",
    region: Annotated[
        str, typer.Option("--region", metavar="REGION", help="It decides AWS's partition, too.")
    ] = "eu-west-1",
    delay: Annotated[list[str] | None, Delay] = None,
    api_servers: Annotated[
        int | None,
        typer.Option(
            "--api-servers", metavar="N", min=1, max=9, help="How many API servers; 1 if not said."
        ),
    ] = None,
    kubernetes: Annotated[
        str | None,
        typer.Option("--kubernetes", metavar="VERSION", help="Which Kubernetes, such as v1.36.3."),
    ] = None,
    mounts: Annotated[
        View, typer.Option("--mounts", help="How containers see their mounts.")
    ] = View.auto,
    lifeline: Annotated[
        int,
        typer.Option(
            "--end-with", metavar="PID", min=0, help="End the rig when this process has ended."
        ),
    ] = 0,
) -> None:
    """
    Start Kubernetes and AWS on this machine, or AWS alone.

    Kubernetes' programs are those in KUBEBUILDER_ASSETS or PATH, else they are downloaded or built
    once. Needs no root. Does nothing if the rig is up already.
    """
    rig = _rig(name)
    from irsa.local import delays, lifecycle

    if only and (api_servers or kubernetes):
        raise typer.BadParameter("--only aws stands without Kubernetes", param_hint="--only")
    wish = lifecycle.Wish(
        api_servers=0 if only else api_servers or 1,
        kubernetes=kubernetes,
        account=_account(account),
        region=_region(region),
        view=mounts.value,
        delays=delays.parse(delay or ()),
        lifeline=lifeline,
    )
    # Whoever asks this command to end means the rig that it is making, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        fresh = lifecycle.up(rig, wish, step=console.step)
    except lifecycle.StartError as error:
        if error.tail:
            console.note(error.tail)
        raise
    console.note(f"rig {name} is up" if fresh else f"rig {name} is up already")
    console.note(f'use it:  eval "$(irsa local env{_option(name)})"')


@app.command(epilog="Example: irsa local fetch")
def fetch(
    *,
    kubernetes: Annotated[
        str | None,
        typer.Option("--kubernetes", metavar="VERSION", help="Which Kubernetes, such as v1.36.3."),
    ] = None,
) -> None:
    """
    Get Kubernetes' programs now, so that `irsa local up` is quick later.

    Downloads or builds them once, into the user's cache directory; prints where they are.
    """
    from irsa.local import binaries

    found = binaries.find(kubernetes, step=console.step)
    for path in found.programs.values():
        console.result(str(path))


@app.command(epilog='Example: eval "$(irsa local env)"')
def env(*, name: Name = DEFAULT) -> None:
    """Print the variables that lead kubectl, the AWS CLI and irsa to a rig, for a shell."""
    from irsa.local import variables

    for key, value in variables.variables(_rig(name)).items():
        console.result(f"export {key}={shlex.quote(value)}")
    for key in variables.UNWANTED:
        console.result(f"unset {key}")


@app.command(epilog="Example: irsa local delay iam=5s jwks=10m")
def delay(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME=TIME", help="Such as iam=5s; those that are there if none."),
    ] = None,
    *,
    name: Name = DEFAULT,
) -> None:
    """Let the AWS of a rig that is up see things late, as AWS does; 0s is at once."""
    rig = _rig(name)
    from irsa.local import lifecycle

    for setting in lifecycle.delay(rig, settings or ()).settings:
        console.result(setting)


@app.command(epilog="Example: irsa local status --output json")
def status(*, name: Name = DEFAULT, output: OutputFormat = Output.text) -> None:
    """Show what runs, and where."""
    from irsa.cli.render import local as render
    from irsa.local import status as found

    value = found.status(_rig(name))
    if output is Output.text:
        console.show(render.status(value))
    else:
        console.data(value, output)


@app.command(epilog="Example: irsa local log kube-apiserver")
def log(
    component: Annotated[
        str | None,
        typer.Argument(help="Such as kube-apiserver, etcd, node, aws; all names if none."),
    ] = None,
    *,
    name: Name = DEFAULT,
    aws: Annotated[bool, typer.Option("--aws", help="Every AWS call: who, what, allowed.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=1, help="How many, from the end.")] = 200,
) -> None:
    """Print the log of one part of a rig, or what it has logs of."""
    from irsa.cli.render import local as render
    from irsa.local import logs

    rig = _rig(name)
    if aws:
        for call in logs.aws_calls(rig)[-lines:]:
            console.result(render.call(call))
        return
    if component is None:
        for known in logs.known(rig):
            console.result(known)
        return
    console.result(logs.tail(rig, component, lines=lines))


@app.command(epilog="Example: irsa local down")
def down(*, name: Name = DEFAULT) -> None:
    """End a rig and remove everything of it."""
    from irsa.local import lifecycle

    with console.step(f"end rig {name}"):
        existed = lifecycle.down(_rig(name))
    if not existed:
        console.note(f"there was no rig {name}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _rig(name: str) -> "Rig":
    try:
        from irsa.local.rig import Rig
    except ModuleNotFoundError as error:
        raise RigError(
            f"the local rig needs the Python package {error.name}",
            hint="pip install 'irsa[local]'",
        ) from error
    return Rig.named(name)


def _account(number: str) -> str:
    from irsa.arns import is_account

    if not is_account(number):
        raise InputError(f"{number!r} is not an AWS account number", hint="twelve digits")
    return number


def _region(name: str) -> str:
    from irsa.arns import partition_of

    partition_of(name)
    return name


def _option(name: str) -> str:
    return "" if name == DEFAULT else f" --name {name}"
