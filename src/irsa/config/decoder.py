"""
A tree of nodes into plain data of the types that the model declares; whatever misfits is noted.

Guided by msgspec's description of the Structs. A part with a problem becomes BROKEN, so that the
rest is still looked at. A text field takes the text as written: `no`, `012` and `1_000` stay.
Never here: rules over several keys.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from msgspec import inspect

from irsa.config import rules
from irsa.config.document import Entry, List, Mapping, Scalar, Tree
from irsa.config.problems import Problems, child, quoted, suggestion
from irsa.config.roles import ServiceAccountName

_MAX_NODES = 100_000
_MAX_DIGITS = 18
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Broken(Enum):
    """The value of what could not be decoded."""

    BROKEN = "broken"


BROKEN: Final = Broken.BROKEN


class Decoder:
    """
    Decodes one document, and remembers on which line each path stands.

    Args:
        problems: Where to note what misfits.
    """

    def __init__(self, problems: Problems) -> None:
        self.lines: dict[str, int] = {}
        self._problems = problems
        self._nodes = 0
        self._decoders: dict[type[inspect.Type], Callable[[Any, Tree, str], Any]] = {
            inspect.StructType: self._struct,
            inspect.VarTupleType: self._list,
            inspect.DictType: self._dict,
            inspect.DataclassType: self._service_account,
            inspect.LiteralType: self._literal,
            inspect.UnionType: self._union,
            inspect.StrType: self._text,
            inspect.IntType: self._number,
            inspect.BoolType: self._truth,
            inspect.AnyType: self._anything,
        }

    def decode(self, kind: inspect.Type, tree: Tree, path: str) -> Any:
        """The plain data of a tree, or BROKEN with the reasons noted."""
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            return self._too_much()
        self.lines.setdefault(path, tree.line)
        if isinstance(kind, inspect.Metadata):
            return self._with_rules(kind, tree, path)
        return self._decoders[type(kind)](kind, tree, path)

    def _too_much(self) -> Broken:
        if self._nodes == _MAX_NODES + 1:
            self._problems.add(1, "", f"holds more than {_MAX_NODES} values once aliases are read")
        return BROKEN

    def _no(self, tree: Tree, path: str, text: str) -> Broken:
        self._problems.add(tree.line, path, text)
        return BROKEN

    def _with_rules(self, kind: inspect.Metadata, tree: Tree, path: str) -> Any:
        extra = kind.extra or {}
        later = extra.get("later", {})
        if isinstance(tree, Scalar) and tree.text in later:
            return self._no(tree, path, f"{quoted(tree.text)} {later[tree.text]}")
        value = self.decode(kind.type, tree, path)
        if value is BROKEN:
            return value
        if isinstance(tree, Mapping) and "entry_rule" in extra:
            self._check_entries(extra["entry_rule"], tree, path)
        judged = "rule" in extra and self._nodes <= _MAX_NODES and _whole(value)
        complaint = extra["rule"](value) if judged else None
        if complaint is None:
            return value
        shown = f"{quoted(value)} {complaint}" if isinstance(value, str) else complaint
        return self._no(tree, path, shown)

    def _check_entries(
        self, rule: Callable[[str, str], str | None], tree: Mapping, path: str
    ) -> None:
        for entry in tree.entries:
            if not isinstance(entry.value, Scalar) or entry.value.is_null:
                continue
            complaint = rule(entry.key, entry.value.text)
            if complaint:
                self._problems.add(entry.line, path, f"{quoted(entry.key)} {complaint}")

    def _struct(self, kind: inspect.StructType, tree: Tree, path: str) -> Any:
        fields = {field.encode_name: field for field in kind.fields}
        if not isinstance(tree, Mapping):
            return self._no(tree, path, f"{_shown(tree)} where keys belong: {', '.join(fields)}")
        given = {entry.key: entry for entry in tree.entries}
        for entry in given.values():
            if entry.key not in fields:
                text = f"there is no such key; {suggestion(entry.key, fields)}"
                self._problems.add(entry.line, child(path, entry.key), text)
        for name, field in fields.items():
            if name not in given and _required(field):
                self._problems.add(tree.line, child(path, name), "is missing")
        return {
            name: self.decode(field.type, given[name].value, child(path, name))
            for name, field in fields.items()
            if name in given and not _left_out(field, given[name])
        }

    def _list(self, kind: inspect.VarTupleType, tree: Tree, path: str) -> Any:
        if not isinstance(tree, List):
            return self._no(tree, path, f"{_shown(tree)} where a list belongs (`- …` or `[…]`)")
        return [
            self.decode(kind.item_type, item, f"{path}[{at}]") for at, item in enumerate(tree.items)
        ]

    def _dict(self, kind: inspect.DictType, tree: Tree, path: str) -> Any:
        if not isinstance(tree, Mapping):
            return self._no(tree, path, f"{_shown(tree)} where keys and values belong")
        return {
            entry.key: self.decode(kind.value_type, entry.value, child(path, entry.key))
            for entry in tree.entries
        }

    def _service_account(self, _: inspect.DataclassType, tree: Tree, path: str) -> Any:
        text = self._text(None, tree, path)
        if text is BROKEN:
            return BROKEN
        complaint = rules.service_account(text)
        if complaint:
            return self._no(tree, path, f"{quoted(text)} {complaint}")
        namespace, _, name = text.partition("/")
        return ServiceAccountName(namespace=namespace, name=name)

    def _literal(self, kind: inspect.LiteralType, tree: Tree, path: str) -> Any:
        text = self._text(None, tree, path)
        known = [str(value) for value in kind.values]
        if text is BROKEN or text in known:
            return text
        return self._no(tree, path, f"{quoted(text)} is not known; {suggestion(text, known)}")

    def _union(self, kind: inspect.UnionType, tree: Tree, path: str) -> Any:
        members = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
        lists = [member for member in members if isinstance(member, inspect.VarTupleType)]
        if isinstance(tree, List) and lists:
            return self.decode(lists[0], tree, path)
        first = members[0]
        if lists and isinstance(first, inspect.LiteralType):
            text = self._text(None, tree, path)
            if text is BROKEN or text in first.values:
                return text
            names = " or ".join(str(value) for value in first.values)
            return self._no(tree, path, f"{quoted(text)} is neither {names} nor a list")
        return self.decode(first, tree, path)

    def _text(self, _: object, tree: Tree, path: str) -> Any:
        if not isinstance(tree, Scalar):
            return self._no(tree, path, f"{_shown(tree)} where text belongs")
        if not tree.is_null:
            return tree.text
        if tree.text:
            return self._no(tree, path, f'{tree.text} means nothing; "{tree.text}" is the text')
        return self._no(tree, path, "is empty")

    def _number(self, kind: inspect.IntType, tree: Tree, path: str) -> Any:
        number = _integer(tree)
        if number is None:
            return self._no(tree, path, f"{_shown(tree)} where a whole number belongs")
        least, most = kind.ge, kind.le
        if (least is not None and number < least) or (most is not None and number > most):
            return self._no(tree, path, f"{number} is not between {least} and {most}")
        return number

    def _truth(self, _: object, tree: Tree, path: str) -> Any:
        if isinstance(tree, Scalar) and tree.plain and tree.text in _TRUTH:
            return _TRUTH[tree.text]
        return self._no(tree, path, f"{_shown(tree)} where true or false belongs")

    def _anything(self, kind: inspect.AnyType, tree: Tree, path: str) -> Any:
        if isinstance(tree, Mapping):
            return {
                entry.key: self.decode(kind, entry.value, child(path, entry.key))
                for entry in tree.entries
            }
        if isinstance(tree, List):
            return [self.decode(kind, item, f"{path}[{at}]") for at, item in enumerate(tree.items)]
        return _json_value(tree)


def _json_value(scalar: Scalar) -> Any:
    """
    A scalar of a policy document: JSON's words and numbers when plain, else text.

    Dates stay text (`Version: 2012-10-17`), and so do account numbers and what begins with 0.
    """
    if not scalar.plain:
        return scalar.text
    if scalar.is_null:
        return None
    if scalar.text in _TRUTH:
        return _TRUTH[scalar.text]
    if rules.account(scalar.text) is None or len(scalar.text) > _MAX_DIGITS:
        return scalar.text
    if _INTEGER.fullmatch(scalar.text):
        return int(scalar.text)
    return float(scalar.text) if _DECIMAL.fullmatch(scalar.text) else scalar.text


def _integer(tree: Tree) -> int | None:
    if not isinstance(tree, Scalar) or not tree.plain or len(tree.text) > _MAX_DIGITS:
        return None
    return int(tree.text) if _INTEGER.fullmatch(tree.text) else None


def _required(field: inspect.Field) -> bool:
    extra = field.type.extra if isinstance(field.type, inspect.Metadata) else None
    return field.required or bool((extra or {}).get("required"))


def _left_out(field: inspect.Field, entry: Entry) -> bool:
    """Whether a key with nothing behind it may be read as if it were not there."""
    empty = isinstance(entry.value, Scalar) and entry.value.is_null
    return empty and not _required(field)


def _whole(value: object) -> bool:
    """Whether a value can be judged: nothing directly in it is broken."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(part is not BROKEN for part in parts)


def _shown(tree: Tree) -> str:
    if isinstance(tree, Scalar):
        return quoted(tree.text) if tree.text else "nothing stands"
    return "a list stands" if isinstance(tree, List) else "keys and values stand"
