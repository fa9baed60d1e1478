"""
Where text goes: results to stdout, everything else to stderr.

rich is imported only when something needs it: a table, or progress on a terminal.
"""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from enum import StrEnum
from io import StringIO
from typing import TYPE_CHECKING, TextIO

import typer

from irsa import files
from irsa.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

PLAIN_WIDTH = 100
LASTING = 5.0
"""Seconds after which a step that nobody sees turning says that it goes on."""
AGAIN = 60.0
"""Seconds until it says so again."""


class Output(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"
    yaml = "yaml"


def result(text: str) -> None:
    """
    Print a result on stdout.

    Raises:
        InputError: It leads to a file, and there is no room.
    """
    with _told():
        typer.echo(text)


def data(value: object, output: Output) -> None:
    """Print a result for scripts on stdout, as JSON or YAML."""
    if output is Output.yaml:
        from ruamel.yaml import YAML

        stream = StringIO()
        yaml = YAML(typ="safe")
        yaml.default_flow_style = False
        yaml.dump(value, stream)
        result(stream.getvalue().rstrip("\n"))
    else:
        result(json.dumps(value, indent=2, ensure_ascii=False))


def show(renderable: "RenderableType") -> None:
    """
    Print a table or other rich renderable on stdout.

    Raises:
        InputError: It leads to a file, and there is no room.
    """
    with _told():
        on(sys.stdout).print(renderable)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"the result cannot be written: {files.reason(error)}",
            hint="look at where standard output leads; what was done before stays done",
        ) from error


def note(text: str) -> None:
    """Print a line for the reader on stderr."""
    typer.echo(text, err=True)


def warning(text: str) -> None:
    """Print a warning on stderr."""
    note(f"{_coloured('irsa: warning:', typer.colors.YELLOW)} {text}")


def error(text: str, *, hint: str | None = None) -> None:
    """Print what is wrong, and what to do next, on stderr."""
    note(f"{_coloured('irsa: error:', typer.colors.RED)} {text}")
    if hint:
        note(f"{_coloured('irsa: hint:', typer.colors.CYAN)} {hint}")


def on(stream: TextIO) -> "Console":
    """A rich console on stdout or stderr: plain, and of fixed width, where nobody watches."""
    from rich.console import Console

    width = None if stream.isatty() else _columns()
    return Console(file=stream, width=width, no_color=not _colour(stream), highlight=False)


def recorder(width: int) -> "Console":
    """A rich console that shows nothing and keeps everything, for `export_svg`."""
    from rich.console import Console

    return Console(file=StringIO(), width=width, record=True, force_terminal=True, highlight=False)


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """
    Say that something begins, and how long it took when it is done.

    On a terminal a spinner turns meanwhile; elsewhere a line says what goes on once it lasts, and
    again every minute.
    """
    began = time.monotonic()
    with _spinner(text):
        yield
    note(f"{_coloured('✓', typer.colors.GREEN)} {text} ({time.monotonic() - began:.1f} s)")


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask before the first change.

    Raises:
        InputError: There is nobody to ask: no terminal, and no `--yes`.
        typer.Abort: The answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            "this changes things and there is no terminal to ask on", hint="repeat it with --yes"
        )
    typer.confirm(question, abort=True, err=True)


def _spinner(text: str) -> contextlib.AbstractContextManager[object]:
    if sys.stderr.isatty() and _colour(sys.stderr):
        return on(sys.stderr).status(text)
    return _lines(text)


@contextlib.contextmanager
def _lines(text: str) -> Iterator[None]:
    done = threading.Event()
    began = time.monotonic()

    def tell() -> None:
        pause = LASTING
        while not done.wait(pause):
            note(f"… {text} ({time.monotonic() - began:.0f} s)")
            pause = AGAIN

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _columns() -> int:
    stated = os.environ.get("COLUMNS", "")
    return int(stated) if stated.isdecimal() and int(stated) else PLAIN_WIDTH


def _colour(stream: TextIO) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _coloured(text: str, colour: str) -> str:
    return typer.style(text, fg=colour) if _colour(sys.stderr) else text
