"""
Everything that is wrong with a document, collected before anything is said.

Never here: deciding what is wrong.
"""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from irsa.errors import ConfigError, excerpt

HINT = "`irsa schema` prints every key and its meaning, for your editor too"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong: where, and what."""

    line: int
    path: str
    text: str


@dataclass(slots=True, kw_only=True)
class Problems:
    """
    What is wrong with one document.

    Args:
        source: The name of the file, for people.
    """

    source: str
    found: list[Problem] = field(default_factory=list)

    def add(self, line: int, path: str, text: str) -> None:
        """Note one problem."""
        self.found.append(Problem(line=line, path=path, text=text))

    def error(self) -> ConfigError:
        """All of it as one error: a sentence, or a list with one line each, in the file's order."""
        lines = [self._line(problem) for problem in sorted(set(self.found))]
        if len(lines) == 1:
            return ConfigError(lines[0], hint=HINT)
        head = f"{len(lines)} things are wrong in {self.source}"
        return ConfigError("\n  ".join([head, *lines]), hint=HINT)

    def raise_any(self) -> None:
        """
        Go on only if nothing is wrong.

        Raises:
            ConfigError: Something is wrong; the message lists everything.
        """
        if self.found:
            raise self.error()

    def _line(self, problem: Problem) -> str:
        path = f" {problem.path}:" if problem.path else ""
        return f"{self.source}:{problem.line}:{path} {problem.text}"


def quoted(value: str) -> str:
    """A value from the file, in quotes and cut to fit."""
    return json.dumps(excerpt(value), ensure_ascii=False)


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown word: the known one it resembles, or all of them."""
    by_shape = {_shape(candidate): candidate for candidate in known}
    close = difflib.get_close_matches(_shape(word), by_shape, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_shape[close[0]]}?"
    return f"known here: {', '.join(by_shape.values())}"


def child(path: str, key: str) -> str:
    """The path of a key inside a mapping."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", key)
    step = key if plain else f"[{quoted(key)}]"
    return f"{path}.{step}" if path and plain else f"{path}{step}"


def _shape(word: str) -> str:
    return re.sub(r"[_\s-]", "", word).lower()
