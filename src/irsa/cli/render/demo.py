"""How the demo looks: a terminal session with chapters, and the table at its end."""

import re
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from irsa import files
from irsa.cli.render import console

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from irsa.local.demo.story import Ending

_WIDTH = 110
# The picture fetches nothing: whoever looks at it has a monospaced font.
_WITHOUT_FONTS = re.sub(r"@font-face {{.*?}}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_NARRATION = 3
_INDENT = 5


class Screen:
    """
    Shows the story on stderr while it is told.

    Args:
        record: Also keep its outline, without what the commands print, for `save_svg`.
    """

    def __init__(self, *, record: bool = False) -> None:
        self._console = console.on(sys.stderr)
        self._outline = console.recorder(_WIDTH) if record else None
        self.width = self._console.width - _INDENT
        self._began = time.monotonic()
        self._chapters = 0

    def chapter(self, title: str) -> None:
        """A numbered heading, with the time since the start."""
        self._chapters += 1
        elapsed = time.monotonic() - self._began
        self._print(f"\n[bold]{self._chapters}. {escape(title)}[/]  [dim]{elapsed:.0f} s[/]")

    def say(self, text: str) -> None:
        """A line of the narrator."""
        self._print(escape(text), _NARRATION)

    def command(self, line: str) -> None:
        """A prompt and the command."""
        self._print(f"[cyan]$[/] [bold]{escape(_short(line))}[/]", _NARRATION)

    def output(self, line: str) -> None:
        """A line that the command printed."""
        if line:
            _print(self._console, f"[dim]{escape(line)}[/]", _INDENT)

    def conclude(self, ending: "Ending") -> None:
        """The tables, on stdout: who wrote what, and which attacks were refused."""
        shown: list[RenderableType] = ["", _written(ending), "", _refused(ending), _verdict(ending)]
        for renderable in shown:
            console.show(renderable)
            if self._outline:
                self._outline.print(renderable)

    def save_svg(self, path: Path) -> None:
        """Write the recorded outline as a picture."""
        if self._outline:
            files.write_atomic(
                path,
                self._outline.export_svg(title="irsa demo", code_format=_WITHOUT_FONTS).encode(),
            )

    def _print(self, markup: str, indent: int = 0) -> None:
        for shown in filter(None, (self._console, self._outline)):
            _print(shown, markup, indent)


def _print(shown: "Console", markup: str, indent: int) -> None:
    """A terminal gets lines that fit it; a file gets them whole, for grep and for copying."""
    text = Text.from_markup(markup)
    if shown.is_terminal:
        shown.print(Padding(text, (0, 0, 0, indent), expand=False))
    else:
        begun = "\n" if text.plain.startswith("\n") else ""
        shown.print(Text(begun + " " * indent) + text[len(begun) :], soft_wrap=True)


def _written(ending: "Ending") -> Table:
    table = _table("Who wrote what", "pod's ServiceAccount", "wrote", "as")
    for written in ending.written:
        table.add_row(
            written.service_account, f"{written.url} ({written.size} bytes)", written.caller
        )
    return table


def _refused(ending: "Ending") -> Table:
    table = _table("Attacks refused", "attack", "refused by", "with")
    for refusal in ending.refused:
        table.add_row(refusal.attack, refusal.operation, f"{refusal.code}: {refusal.message}")
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _verdict(ending: "Ending") -> str:
    return (
        f"{len(ending.written)} object written with a pod's own role, "
        f"{len(ending.refused)} attacks refused, in {ending.seconds:.0f} s"
    )


def _short(line: str) -> str:
    """Long paths shown by their last part: the reader wants the command."""
    words = shlex.split(line)
    return shlex.join(f"…/{Path(word).name}" if word.startswith("/") else word for word in words)
