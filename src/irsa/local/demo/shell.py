"""
Commands run as a user would run them, while an audience watches.

Never here: what the commands mean.
"""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from irsa.errors import ProofError, RigError

SECONDS = 1800


class Audience(Protocol):
    """Whoever the story is told to."""

    def chapter(self, title: str) -> None:
        """A new part of the story begins."""

    def say(self, text: str) -> None:
        """The narrator speaks."""

    def command(self, line: str) -> None:
        """A command is about to run."""

    def output(self, line: str) -> None:
        """The command printed a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: exit code, stdout, and stderr."""

    code: int
    stdout: str
    stderr: str


@dataclass(slots=True, kw_only=True)
class Shell:
    """
    Runs programs with one environment in one directory.

    Args:
        environment: Set on top of this process's own; None takes a variable away.
    """

    audience: Audience
    directory: Path
    environment: dict[str, str | None] = field(default_factory=dict)

    def run(self, *argv: str, fails: bool = False, quiet: bool = False) -> Ended:
        """
        Run a command to its end.

        Args:
            argv: The program, looked for beside this Python first, and its arguments.
            fails: The command is expected to fail.
            quiet: Its output is not shown.

        Raises:
            ProofError: It failed, or it succeeded although it had to fail.
            RigError: It could not be started, or did not end in time.
        """
        self.audience.command(shlex.join(argv))
        ended = self._run(argv, quiet=quiet)
        if (ended.code != 0) is not fails:
            raise ProofError(_unexpected(argv, ended), hint="look around with `irsa demo --keep`")
        return ended

    def _run(self, argv: Sequence[str], *, quiet: bool) -> Ended:
        show = _ignore if quiet else self.audience.output
        try:
            process = subprocess.Popen(
                [find(argv[0]), *argv[1:]],
                cwd=self.directory,
                env=_environment(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        except OSError as error:
            raise RigError(f"cannot run {argv[0]}: {error}") from error
        with process, ThreadPoolExecutor(2) as readers:
            stdout = readers.submit(_read, process.stdout, show)
            stderr = readers.submit(_read, process.stderr, show)
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired as error:
                process.terminate()
                raise RigError(f"`{shlex.join(argv)}` did not end in {SECONDS} s") from error
            except BaseException:
                process.terminate()
                raise
            return Ended(code=code, stdout=stdout.result(), stderr=stderr.result())


def _read(stream: IO[str] | None, show: Callable[[str], None]) -> str:
    lines = []
    for line in stream or ():
        show(line.rstrip("\n"))
        lines.append(line)
    return "".join(lines)


def _ignore(_line: str) -> None:
    """Show nothing."""


def find(program: str) -> str:
    """The program beside this Python, where pip put it; else its bare name, for PATH."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else program


def parse_exports(text: str) -> dict[str, str | None]:
    """The variables that `irsa local env` sets (`export A=b`) and takes away (`unset A`)."""
    variables: dict[str, str | None] = {}
    for line in text.splitlines():
        with contextlib.suppress(ValueError):
            verb, *words = shlex.split(line, comments=True)
            for word in words:
                name, _, value = word.partition("=")
                variables[name] = value if verb == "export" else None
    return variables


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    variables: dict[str, str | None] = {**os.environ, **changes}
    return {name: value for name, value in variables.items() if value is not None}


def _unexpected(argv: Sequence[str], ended: Ended) -> str:
    if ended.code == 0:
        return f"`{shlex.join(argv)}` succeeded although it had to be refused"
    last = (ended.stderr or ended.stdout).strip().splitlines()[-3:]
    return f"`{shlex.join(argv)}` ended with {ended.code}: {' '.join(last)}"
