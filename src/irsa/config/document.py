"""
YAML text as a tree of nodes that know their lines, with every scalar kept as it was written.

Refused here: what YAML allows and a configuration must not hold (equal keys, several documents,
foreign tags, keys that are no text, an alias to its own surroundings).
Never here: knowledge of the configuration's keys.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from irsa.config.problems import Problems, child, quoted
from irsa.errors import excerpt

_YAML_TAG = "tag:yaml.org,2002:"
_SURROGATE = re.compile("[\ud800-\udfff]")
_MERGE = f"{_YAML_TAG}merge"
_TAGS = frozenset(
    _YAML_TAG + name
    for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq", "merge", "value")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A value as it was written; `plain` if without quotes, so that `null` may mean nothing."""

    line: int
    text: str
    plain: bool

    @property
    def is_null(self) -> bool:
        """Whether nothing was written, or one of YAML's words for it."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """A list of values."""

    line: int
    items: tuple["Tree", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of a mapping, the line it stands on, and its value."""

    line: int
    key: str
    value: "Tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """Keys and values, each key once."""

    line: int
    entries: tuple[Entry, ...]


Tree = Scalar | List | Mapping


def compose(text: str, problems: Problems) -> Tree | None:
    """The document as a tree; None if there is no document, or none that can be read."""
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it: the last counts
            root = yaml.compose(text.removeprefix("\ufeff"))
        return None if root is None else _Builder(problems).tree(root, "")
    except MarkedYAMLError as error:
        problems.add(*_place(error), _explained(error))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add(line, "", f"holds U+{error.character:04X}, which YAML does not allow")
    except RecursionError:
        problems.add(1, "", "is nested too deeply")
    except Exception as error:  # noqa: BLE001 # ruamel fails on some escapes with errors of Python
        problems.add(1, "", f"is not YAML: {excerpt(str(error))}")
    return None


def _place(error: MarkedYAMLError) -> tuple[int, str]:
    mark = error.problem_mark or error.context_mark
    return (mark.line + 1 if mark else 1), ""


def _explained(error: MarkedYAMLError) -> str:
    problem = str(error.problem or error.context or "")
    if "found another document" in problem:
        return "a second document begins here; a configuration is one document"
    if r"'\t'" in problem:
        return "a tab cannot indent YAML; use spaces"
    return f"is not YAML: {excerpt(problem)}"


class _Builder:
    """Turns ruamel's nodes into ours; a node that aliases repeat is built once."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._built: dict[int, Tree] = {}
        self._open: set[int] = set()

    def tree(self, node: Node, path: str) -> Tree:
        if id(node) in self._built:
            return self._built[id(node)]
        line = node.start_mark.line + 1
        if id(node) in self._open:
            self._problems.add(line, path, f"the alias *{node.anchor} stands inside itself")
            return Scalar(line=line, text="", plain=True)
        self._open.add(id(node))
        built = self._build(node, line, path)
        self._open.discard(id(node))
        self._built[id(node)] = built
        return built

    def _build(self, node: Node, line: int, path: str) -> Tree:
        if node.tag not in _TAGS:
            self._problems.add(line, path, f"the tag {quoted(str(node.tag))} has no meaning here")
        if isinstance(node, SequenceNode):
            items = (self.tree(item, f"{path}[{at}]") for at, item in enumerate(node.value))
            return List(line=line, items=tuple(items))
        if isinstance(node, MappingNode):
            return Mapping(line=line, entries=self._entries(node, path))
        return self._scalar(node, path)

    def _scalar(self, node: Node, path: str) -> Scalar:
        line = node.start_mark.line + 1
        text = str(node.value)
        if _SURROGATE.search(text):
            self._problems.add(line, path, "holds half a character (a lone surrogate)")
            text = ""
        forced = node.tag == f"{_YAML_TAG}str" and text in {"", "~", "null", "Null", "NULL"}
        quoted_or_block = getattr(node, "style", None)
        return Scalar(line=line, text=text, plain=not quoted_or_block and not forced)

    def _entries(self, node: MappingNode, path: str) -> tuple[Entry, ...]:
        own: dict[str, Entry] = {}
        merged: list[Entry] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged.extend(self._merged(value, path))
            elif isinstance(key, ScalarNode):
                self._add(own, self._entry(key, value, path), path)
            else:
                self._problems.add(key.start_mark.line + 1, path, "a key is not text")
        for entry in merged:
            own.setdefault(entry.key, entry)
        return tuple(own.values())

    def _entry(self, key: ScalarNode, node: Node, path: str) -> Entry:
        name = self._scalar(key, path)
        value = self.tree(node, child(path, name.text))
        if isinstance(value, Scalar) and value.is_null and not value.text:
            value = replace(value, line=name.line)  # nothing stands nowhere; its key has a line
        return Entry(line=name.line, key=name.text, value=value)

    def _add(self, entries: dict[str, Entry], entry: Entry, path: str) -> None:
        first = entries.setdefault(entry.key, entry)
        if first is not entry:
            text = f"this key stands on line {first.line} already"
            self._problems.add(entry.line, child(path, entry.key), text)

    def _merged(self, node: Node, path: str) -> Iterator[Entry]:
        tree = self.tree(node, child(path, "<<"))
        for part in tree.items if isinstance(tree, List) else (tree,):
            if isinstance(part, Mapping):
                yield from part.entries
            else:
                self._problems.add(part.line, child(path, "<<"), "only mappings can be merged")
