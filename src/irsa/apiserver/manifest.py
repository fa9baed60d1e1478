"""
A static pod's manifest, edited by splicing: all that is not the issuer's flags keeps its bytes.

Places are found by the marks of the YAML parser. What is not understood is refused, and whatever
was edited is read again and compared with what was meant.
Never here: files, and which flags are wanted.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

from irsa.apiserver import flags
from irsa.apiserver.flags import Flag, Issuance
from irsa.errors import InputError, excerpt

_BOM = "\ufeff"
_PLAIN = re.compile(r"(--[a-z-]+=)?https?://[\w./:~%+-]*\w|--[a-z-]+=\w[\w./:,~%+-]*\w")
_STRING_TAG = "tag:yaml.org,2002:str"
_HINT = "edit the manifest by hand: `irsa issuer status` shows which flags belong there"


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element of `command` or `args`: its value, and where its scalar stands in the text."""

    value: str
    start: int
    end: int
    style: str
    flow: bool
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Splice:
    """One replacement in the text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The manifest of an API server, with the places of its command's elements."""

    source: str
    text: str
    bom: bool
    elements: tuple[Element, ...]
    pod: dict[str, Any]

    @classmethod
    def parse(cls, data: bytes, source: str) -> "Manifest":
        """
        Read a manifest.

        Raises:
            InputError: It is not understood well enough to be edited safely.
        """
        text = _decode(data, source)
        bom = text.startswith(_BOM)
        text = text.removeprefix(_BOM)
        elements = tuple(_elements(_container(_root(text, source), source), source))
        manifest = cls(
            source=source, text=text, bom=bom, elements=elements, pod=_load(text, source)
        )
        if not flags.issuance_of(manifest.flags).issuers:
            raise _refused(source, f"it has no --{flags.ISSUER}")
        return manifest

    @property
    def data(self) -> bytes:
        """The bytes that were read."""
        return self._bytes(self.text)

    @property
    def command(self) -> tuple[str, ...]:
        """The whole command line: `command`, then `args`."""
        return tuple(element.value for element in self.elements)

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags on the command line."""
        return flags.parse(self.command, self.source)

    @property
    def issuance(self) -> Issuance:
        """The issuers and audiences that it gives."""
        return flags.issuance_of(self.flags)

    def with_issuance(self, wanted: Issuance) -> bytes:
        """
        The manifest's bytes with other issuers and audiences.

        Raises:
            InputError: The edit would not say exactly what is wanted; nothing is lost.
        """
        if wanted == self.issuance:
            return self.data
        data = self._bytes(_spliced(self.text, _splices(self, wanted)))
        self._check(data, wanted)
        return data

    def _bytes(self, text: str) -> bytes:
        return ((_BOM if self.bom else "") + text).encode()

    def _check(self, data: bytes, wanted: Issuance) -> None:
        edited = Manifest.parse(data, self.source)
        same = _without_command(edited.pod) == _without_command(self.pod)
        others = flags.differences(self.flags, edited.flags)
        if edited.issuance != wanted or others or not same:
            raise _refused(self.source, "the edited text would not say what is meant")


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _refused(source, f"it is not UTF-8 text (byte {error.start})") from error


def _yaml() -> YAML:
    return YAML(typ="safe", pure=True)


def _root(text: str, source: str) -> Node:
    try:
        for token in _yaml().scan(StringIO(text)):
            if isinstance(token, AliasToken | AnchorToken | TagToken):
                line = token.start_mark.line + 1
                raise _refused(source, f"line {line} has an anchor, an alias or a tag")
        documents = [node for node in _yaml().compose_all(StringIO(text)) if node is not None]
    except YAMLError as error:
        raise _refused(source, f"it is not YAML: {excerpt(str(error))}") from error
    if len(documents) != 1:
        raise _refused(source, f"it holds {len(documents)} documents instead of one")
    root: Node = documents[0]
    return root


def _load(text: str, source: str) -> dict[str, Any]:
    try:
        pod: dict[str, Any] = _yaml().load(StringIO(text))
    except YAMLError as error:
        raise _refused(source, f"it is not YAML: {excerpt(str(error))}") from error
    return pod


def _container(root: Node, source: str) -> Node:
    containers = _child(_child(root, "spec", source), "containers", source)
    if not isinstance(containers, SequenceNode) or len(containers.value) != 1:
        count = len(containers.value) if isinstance(containers, SequenceNode) else "no"
        raise _refused(source, f"it has {count} containers instead of one")
    container: Node = containers.value[0]
    return container


def _child(node: Node | None, key: str, source: str) -> Node | None:
    if not isinstance(node, MappingNode):
        return None
    found = [value for name, value in node.value if name.value == key]
    if len(found) > 1:
        raise _refused(source, f"it has the key {key!r} twice")
    return found[0] if found else None


def _elements(container: Node, source: str) -> Iterator[Element]:
    if _child(container, "command", source) is None:
        raise _refused(source, "its container has no command")
    for key in ("command", "args"):
        node = _child(container, key, source)
        if node is None:
            continue
        if not isinstance(node, SequenceNode):
            raise _refused(source, f"{key} is not a list")
        yield from _of_sequence(node, key, source)


def _of_sequence(node: SequenceNode, key: str, source: str) -> Iterator[Element]:
    items: list[Node] = node.value
    for index, item in enumerate(items):
        if not isinstance(item, ScalarNode) or item.tag != _STRING_TAG:
            raise _refused(source, f"{key} holds something that is not text")
        yield Element(
            value=item.value,
            start=item.start_mark.index,
            end=item.end_mark.index,
            style=item.style or "",
            flow=bool(node.flow_style),
            before=items[index - 1].end_mark.index if index else None,
            after=items[index + 1].start_mark.index if index + 1 < len(items) else None,
        )


def _splices(manifest: Manifest, wanted: Issuance) -> Iterator[Splice]:
    issuers = [flag for flag in manifest.flags if flag.name == flags.ISSUER]
    audiences = [flag for flag in manifest.flags if flag.name == flags.AUDIENCES]
    added = []
    if wanted.issuers != manifest.issuance.issuers:
        yield from _replaced(manifest, issuers, wanted.issuers)
        added = [f"--{flags.ISSUER}={one}" for one in wanted.issuers[len(issuers) :]]
    if wanted.audiences != manifest.issuance.audiences:
        values = () if wanted.audiences is None else (flags.join_list(wanted.audiences),)
        yield from _replaced(manifest, audiences, values)
        added += [f"--{flags.AUDIENCES}={one}" for one in values[len(audiences) :]]
    if added:
        kept = issuers[min(len(issuers), len(wanted.issuers)) - 1]
        yield _insertion(manifest, manifest.elements[kept.last], added)


def _replaced(
    manifest: Manifest, present: Sequence[Flag], values: Sequence[str]
) -> Iterator[Splice]:
    for flag, value in zip(present, values, strict=False):
        if flag.value != value:
            yield _replacement(manifest, flag, value)
    for flag in present[len(values) :]:
        for element in manifest.elements[flag.first : flag.last + 1]:
            yield _deletion(manifest, element)


def _replacement(manifest: Manifest, flag: Flag, value: str) -> Splice:
    element = manifest.elements[flag.last]
    _require_simple(manifest, element)
    text = value if flag.width == 2 else f"--{flag.name}={value}"
    return Splice(start=element.start, end=element.end, text=_scalar(text, element))


def _insertion(manifest: Manifest, element: Element, texts: Iterable[str]) -> Splice:
    _require_simple(manifest, element)
    scalars = [_scalar(text, element) for text in texts]
    if element.flow:
        new = "".join(f", {scalar}" for scalar in scalars)
        return Splice(start=element.end, end=element.end, text=new)
    start, dash = _item_start(manifest, element)
    end = _line_end(manifest.text, element.end)
    gap = manifest.text[dash + 1 : element.start]
    lead = manifest.text[start : dash + 1] + (gap if gap.isspace() and "\n" not in gap else " ")
    return Splice(start=end, end=end, text="".join(lead + scalar for scalar in scalars))


def _deletion(manifest: Manifest, element: Element) -> Splice:
    _require_simple(manifest, element)
    if not element.flow:
        start, _ = _item_start(manifest, element)
        return Splice(start=start, end=_line_end(manifest.text, element.end), text="")
    if element.before is not None:
        return Splice(start=element.before, end=element.end, text="")
    if element.after is not None:
        return Splice(start=element.start, end=element.after, text="")
    raise _refused(manifest.source, "a list would be left empty")


def _require_simple(manifest: Manifest, element: Element) -> None:
    if element.style in {"|", ">"}:
        raise _refused(manifest.source, f"{excerpt(element.value)!r} is a block of text")


def _item_start(manifest: Manifest, element: Element) -> tuple[int, int]:
    """Where the line break before an item of a block list is, and where its dash is."""
    text = manifest.text
    dash = len(text[: element.start].rstrip(" \t\r\n")) - 1
    start = len(text[:dash].rstrip(" "))
    if dash < 0 or text[dash] != "-" or start == 0 or text[start - 1] not in "\r\n":
        raise _refused(manifest.source, f"the line of {excerpt(element.value)!r} has more on it")
    return start - (2 if text[:start].endswith("\r\n") else 1), dash


def _line_end(text: str, position: int) -> int:
    found = re.compile(r"[\r\n]").search(text, position)
    return found.start() if found else len(text)


def _scalar(text: str, like: Element) -> str:
    if like.style == "'":
        return "'" + text.replace("'", "''") + "'"
    plain = not like.style and _PLAIN.fullmatch(text) and not (like.flow and "," in text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def _spliced(text: str, splices: Iterable[Splice]) -> str:
    for splice in sorted(splices, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: splice.start] + splice.text + text[splice.end :]
    return text


def _without_command(pod: dict[str, Any]) -> dict[str, Any]:
    spec = pod["spec"]
    containers = [
        {key: value for key, value in one.items() if key not in {"command", "args"}}
        for one in spec["containers"]
    ]
    return {**pod, "spec": {**spec, "containers": containers}}


def _refused(source: str, why: str) -> InputError:
    return InputError(f"{source} is left alone: {why}", hint=_HINT)
