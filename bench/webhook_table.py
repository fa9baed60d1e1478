"""The table of what was measured: ours, the other, their ratio against its target."""

import platform
import re
import ssl
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from webhook_subjects import OURS, PEER

import irsa

BEGIN, END = "<!-- bench/webhook.py -->", "<!-- the end of it -->"
TIMES = " \N{MULTIPLICATION SIGN}"
Times = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One line.

    Args:
        what: What was measured.
        unit: Of the figures.
        digits: How many of them stand behind the point.
        values: By the webhook's name, of each repetition.
        target: What the ratio, ours to the other, is to be.
        most: Whether the ratio is to be at most that; else at least.
        limit: What our own figure is to be at most.
    """

    what: str
    unit: str
    digits: int = 0
    values: Times
    target: float | None = None
    most: bool = True
    limit: float | None = None

    def cells(self, names: Sequence[str]) -> list[str]:
        """The line's cells."""
        figures = [self._figure(self.values[name]) for name in names]
        return [self.what, *figures, *([self._ratio()] if PEER in names else []), self._target()]

    def _figure(self, values: Sequence[float]) -> str:
        middle, *ends = (
            f"{value:,.{self.digits}f}"
            for value in (statistics.median(values), min(values), max(values))
        )
        return f"{middle} {self.unit} ({' to '.join(ends)})".replace("  ", " ")

    def _ratio(self) -> str:
        ours, theirs = (statistics.median(self.values[name]) for name in (OURS, PEER))
        if not theirs or (self.target is None and self.limit is not None):
            return ""
        return f"{ours / theirs:.2f}{TIMES}"

    def _target(self) -> str:
        parts = []
        if self.target is not None:
            parts.append(f"{'≤' if self.most else '≥'} {self.target:g}{TIMES}")
        if self.limit is not None:
            parts.append(f"≤ {self.limit:g} {self.unit}".rstrip())
        return ", ".join(parts) + self._verdict()

    def _verdict(self) -> str:
        """Whether it was met; nothing where there is nothing to compare with."""
        ours = statistics.median(self.values[OURS])
        met = self.limit is None or ours <= self.limit
        if self.target is not None and PEER in self.values:
            ratio = ours / statistics.median(self.values[PEER])
            met = met and (ratio <= self.target if self.most else ratio >= self.target)
        return "" if met else " **missed**"


@dataclass(slots=True)
class Table:
    """All lines, and on what they were measured."""

    names: Sequence[str]
    kubernetes: str = ""
    peer: Path | None = None
    peer_sources: str = ""
    rows: list[Row] = field(default_factory=list)

    def render(self) -> str:
        """It as Markdown."""
        with_peer = PEER in self.names
        head = ["", *self.names, *(["ratio"] if with_peer else []), "target"]
        lines = [head, ["---"] * len(head), *(row.cells(self.names) for row in self.rows)]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"{self._about()}\n\n{table}"

    def _about(self) -> str:
        day = f"{datetime.now(UTC):%d %B %Y}".lstrip("0")
        openssl = " ".join(ssl.OPENSSL_VERSION.split()[:2])
        python = f"Python {platform.python_version()}, {openssl}"
        parts = [
            f"`bench/webhook.py`, {day}: {_machine()}; Kubernetes {self.kubernetes}",
            f"irsa {irsa.__version__}{_commit()} with {python}",
        ]
        if self.peer:
            sources = f", {self.peer_sources}" if self.peer_sources else ""
            parts.append(f"amazon-eks-pod-identity-webhook{sources}, built with {_go(self.peer)}")
        return "; ".join(parts) + "."

    def write(self, document: Path) -> None:
        """Put it between its marks in a document."""
        text = document.read_text()
        marked = re.compile(f"{re.escape(BEGIN)}\n.*{re.escape(END)}", re.DOTALL)
        if not marked.search(text):
            raise SystemExit(f"{document} has no {BEGIN} … {END}")
        fresh = f"{BEGIN}\n\n{self.render()}\n\n{END}"
        document.write_text(marked.sub(lambda _: fresh, text))


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.machine()
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{name}, {len(models)} cores, Linux {kernel}"


def _commit() -> str:
    """Of which commit the benchmark is, and with it what it measures; nothing outside of git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    return f" ({ended.stdout.strip()})" if ended.returncode == 0 else ""


def _go(peer: Path) -> str:
    """The compiler's version, which every Go program carries."""
    found = re.search(rb"go1\.\d+(\.\d+)?", _build_information(peer))
    return found[0].decode() if found else "an unknown compiler"


def _build_information(peer: Path) -> bytes:
    ended = subprocess.run(["go", "version", str(peer)], check=False, capture_output=True)
    return ended.stdout
