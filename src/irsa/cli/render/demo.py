"""How the demo looks: a terminal session with chapters, and the table at its end."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from irsa import files
from irsa.cli.render import console

if TYPE_CHECKING:
    from irsa.local.demo.story import Ending

_WIDTH = 110
_INDENT = 5


class Screen:
    """
    Shows the story on stderr while it is told.

    Args:
        record: Keep everything for `save_svg`.
    """

    def __init__(self, *, record: bool = False) -> None:
        self._console = console.on(sys.stderr, record=record, width=_WIDTH if record else None)
        self.width = self._console.width - _INDENT
        self._began = time.monotonic()
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """A numbered heading, with the time since the start."""
        self._chapters += 1
        elapsed = time.monotonic() - self._began
        self._console.print(
            f"\n[bold]{self._chapters}. {escape(title)}[/]  [dim]{elapsed:.0f} s[/]"
        )

    def say(self, text: str) -> None:
        """A line of the narrator."""
        self._console.print(f"   {escape(text)}")

    def command(self, line: str) -> None:
        """A prompt and the command."""
        self._console.print(f"   [cyan]$[/] [bold]{escape(_short(line))}[/]")

    def output(self, line: str) -> None:
        """A line that the command printed."""
        self._console.print(f"     [dim]{escape(line)}[/]")

    def conclude(self, ending: "Ending") -> None:
        """The tables, on stdout: who wrote what, and which attacks were refused."""
        show = self._console.print if self._console.record else console.show
        for table in (_written(ending), _refused(ending)):
            show("")
            show(table)
        console.result(
            f"{len(ending.written)} object written with a pod's own role, "
            f"{len(ending.refused)} attacks refused, in {ending.seconds:.0f} s"
        )

    def save_svg(self, path: Path) -> None:
        """Write the recorded session as a picture."""
        svg = self._console.export_svg(title="irsa demo")
        files.write_atomic(path, svg.encode())


def _written(ending: "Ending") -> Table:
    table = Table(
        "pod's ServiceAccount", "wrote", "as", title="Who wrote what", title_justify="left"
    )
    for written in ending.written:
        table.add_row(
            written.service_account, f"{written.url} ({written.size} bytes)", written.caller
        )
    return table


def _refused(ending: "Ending") -> Table:
    table = Table("attack", "refused by", "with", title="Attacks refused", title_justify="left")
    for refusal in ending.refused:
        table.add_row(refusal.attack, refusal.operation, f"{refusal.code}: {refusal.message}")
    return table


def _short(line: str) -> str:
    """Long paths shown by their last part: the reader wants the command."""
    words = shlex.split(line)
    return shlex.join(f"…/{Path(word).name}" if word.startswith("/") else word for word in words)
