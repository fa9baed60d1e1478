"""
Commands run as a user would run them, while an audience watches.

Never here: what the commands mean.
"""

import contextlib
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import IO, Protocol

from irsa.errors import ProofError

SECONDS = 1800


class Audience(Protocol):
    """Whoever the story is told to."""

    width: int
    """How many columns a line of a command's output may have."""

    def chapter(self, title: str) -> None:
        """A new part of the story begins."""

    def say(self, text: str) -> None:
        """The narrator speaks."""

    def command(self, line: str) -> None:
        """A command is about to run."""

    def output(self, line: str) -> None:
        """The command printed a line."""


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

    def run(self, *argv: str, fails: bool = False) -> str:
        """
        Run a command to its end, and show what it prints as it prints it.

        Args:
            argv: The program, looked for beside this Python first, and its arguments.
            fails: The command is expected to fail.

        Returns:
            Everything that it printed.

        Raises:
            ProofError: It failed, or it succeeded although it had to fail.
        """
        with self._start(*argv, stderr=subprocess.STDOUT) as process:
            printed = self._show(process.stdout)
        self._judge(argv, printed, failed=process.returncode != 0, expected=fails)
        return printed

    def read(self, *argv: str) -> str:
        """
        Run a command, and return its result, which is not shown.

        Raises:
            ProofError: It failed.
        """
        with self._start(*argv, stderr=subprocess.PIPE) as process:
            result, notes = process.communicate()
        self._judge(argv, notes or result, failed=process.returncode != 0, expected=False)
        return result

    @contextlib.contextmanager
    def _start(self, *argv: str, stderr: int) -> Iterator[subprocess.Popen[str]]:
        self.audience.command(shlex.join(argv))
        process = subprocess.Popen(
            [find(argv[0]), *argv[1:]],
            cwd=self.directory,
            env=self._variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        limit = Timer(SECONDS, process.terminate)
        limit.start()
        try:
            with process:
                yield process
        except BaseException:
            process.terminate()
            raise
        finally:
            limit.cancel()

    def _variables(self) -> dict[str, str]:
        # What two streams say arrives in the order in which it was said only without buffers.
        own = {"PYTHONUNBUFFERED": "1", "COLUMNS": str(self.audience.width)}
        changed: Mapping[str, str | None] = {**os.environ, **own, **self.environment}
        return {name: value for name, value in changed.items() if value is not None}

    def _show(self, stream: IO[str] | None) -> str:
        lines = []
        for line in stream or ():
            self.audience.output(line.rstrip("\n"))
            lines.append(line)
        return "".join(lines)

    @staticmethod
    def _judge(argv: tuple[str, ...], printed: str, *, failed: bool, expected: bool) -> None:
        if failed and not expected:
            last = " ".join(printed.strip().splitlines()[-3:])
            raise ProofError(
                f"`{shlex.join(argv)}` failed: {last}",
                hint="look around with `irsa demo --keep`",
            )
        if expected and not failed:
            raise ProofError(f"`{shlex.join(argv)}` succeeded although it had to be refused")


def find(program: str) -> str:
    """The program beside this Python, where pip put it; else its bare name, for PATH."""
    beside = Path(sys.executable).parent / program
    return str(beside) if beside.exists() else program


def parse_exports(text: str) -> dict[str, str | None]:
    """The variables that `irsa local env` sets (`export A=b`) and takes away (`unset A`)."""
    variables: dict[str, str | None] = {}
    for line in text.splitlines():
        verb, *words = shlex.split(line, comments=True) or [""]
        for word in words:
            name, _, value = word.partition("=")
            variables[name] = value if verb == "export" else None
    return variables
