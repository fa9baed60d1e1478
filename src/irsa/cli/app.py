"""
Every command put together, and the frame that turns errors into exit codes.

Never here: what a command does.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from irsa import __version__
from irsa.cli import (
    apply,
    controller,
    demo,
    destroy,
    init,
    issuer,
    keys,
    local,
    log,
    plan,
    schema,
    status,
    verify,
    webhook,
)
from irsa.cli.render import console
from irsa.errors import IrsaError

USAGE = 64
INTERRUPTED = 130

app = typer.Typer(
    name="irsa",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="IAM Roles for Service Accounts on any self-hosted Kubernetes.",
    epilog="Start with `irsa demo`: the whole chain on this machine, no cloud account needed.",
)


def _version(wanted: bool) -> None:
    if wanted:
        console.result(f"irsa {__version__}")
        raise typer.Exit


@app.callback()
def _before_every_command(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks, and what is going on inside.")
    ] = False,
    version: Annotated[  # noqa: ARG001 # handled by its callback
        bool,
        typer.Option("--version", help="Show the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Options that go before every command."""
    log.configure(debug=debug)


for _name, _group in (("issuer", issuer.app), ("keys", keys.app), ("local", local.app)):
    app.add_typer(_group, name=_name)

for _name, _command in (
    ("demo", demo.command),
    ("init", init.command),
    ("plan", plan.command),
    ("apply", apply.command),
    ("destroy", destroy.command),
    ("verify", verify.command),
    ("status", status.command),
    ("schema", schema.command),
    ("webhook", webhook.command),
    ("controller", controller.command),
):
    app.command(_name, cls=webhook.Command if _name == "webhook" else None)(_command)


def main(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code."""
    try:
        code = app(list(arguments), prog_name="irsa", standalone_mode=False)
    except BaseException as error:  # noqa: BLE001 # the one handler
        return explained(error)
    if code == INTERRUPTED:  # typer has caught the KeyboardInterrupt
        return _interrupted()
    return code if isinstance(code, int) else 0


def explained(error: BaseException) -> int:
    """The exit code for what a command ended with, after a sentence about it on stderr."""
    match error:
        case IrsaError():
            return _explain(error)
        case typer.TyperException():
            return _usage(error)
        case typer.Abort():
            console.error("stopped before anything was changed")
            return INTERRUPTED
        case BrokenPipeError():
            # For the interpreter's own flush at its end.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
            return 128 + signal.SIGPIPE
        case KeyboardInterrupt():
            return _interrupted()
        case Exception():
            return _bug(error)
    raise error


def _interrupted() -> int:
    console.error("interrupted", hint="run the same command again: it takes up what was begun")
    return INTERRUPTED


def _explain(error: IrsaError) -> int:
    if log.debugging():
        log.traceback(error)
    console.error(error.message, hint=error.hint)
    return error.exit_code


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        console.result(error.format_message())
        return USAGE
    path = context.command_path if context else "irsa"
    # What reads the values says this before it says what is wrong.
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    console.error(message[:1].lower() + message[1:], hint=f"{path} --help")
    return USAGE


def _bug(error: Exception) -> int:
    if log.debugging():
        log.traceback(error)
    console.error(
        f"this is a fault in irsa: {type(error).__name__}: {error}",
        hint="run it again as `irsa --debug …` and report what it prints",
    )
    return IrsaError.exit_code
