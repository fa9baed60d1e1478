"""
Values as people read them: flat ones on a line, deep ones spread out, two as what differs.

Never here: plans, printing.
"""

import json
from collections.abc import Mapping
from difflib import unified_diff
from typing import Any

_STEP = "  "
_CONTEXT = 1


def shown(name: str, value: Any, *, width: int) -> list[str]:
    """A value with its name, on one line if it fits."""
    flat = _flat(value)
    if flat is not None and len(name) + len(flat) + 2 <= width:
        return [f"{name}: {flat}"]
    return [f"{name}:", *(_STEP + line for line in _spread(value))]


def compared(name: str, before: Any, after: Any, *, width: int) -> list[str]:
    """Two values with their name: the old and the new, or only the lines that differ."""
    old, new = _flat(before), _flat(after)
    if old is not None and new is not None:
        line = f"{name}: {old} → {new}"
        if len(line) <= width:
            return [line]
    if before is None or after is None:
        sign, value = ("+", after) if before is None else ("-", before)
        return [f"{name}:", *(f"{_STEP}{sign} {line}" for line in _spread(value))]
    lines = unified_diff(_spread(before), _spread(after), lineterm="", n=_CONTEXT)
    hunks = [_diff_line(line) for line in list(lines)[2:]]
    return [f"{name}:", *hunks[1:]]  # not even "…" before the first


def _diff_line(line: str) -> str:
    return f"{_STEP}  …" if line.startswith("@@") else f"{_STEP}{line[:1]} {line[1:]}".rstrip()


def _flat(value: Any) -> str | None:
    """A value on one line; None if it is too deep for that."""
    match value:
        case None:
            return "none"
        case bool() | int() | float():
            return json.dumps(value)
        case str():
            return None if _document(value) is not None or "\n" in value else value
        case Mapping() if all(map(_scalar, value.values())):
            return ", ".join(f"{key}={_flat(item)}" for key, item in value.items()) or "none"
        case list() | tuple() if all(map(_scalar, value)):
            return ", ".join(str(_flat(item)) for item in value) or "none"
    return None


def _scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _document(content: str) -> Any:
    """The object or list in a JSON text; None if it is another text."""
    if content[:1] not in ("{", "["):
        return None
    try:
        return json.loads(content)
    except ValueError:
        return None


def _spread(value: Any) -> list[str]:
    """A value over several lines, as YAML without its quoting."""
    match value:
        case str() if (document := _document(value)) is not None:
            return _spread(document)
        case str():
            return value.splitlines() or [""]
        case Mapping() if value:
            return [line for key, item in value.items() for line in _entry(f"{key}:", item)]
        case list() | tuple() if value:
            return [line for item in value for line in _item(item)]
    return [_flat(value) or ""]


def _entry(key: str, value: Any) -> list[str]:
    if _scalar(value) or not value:
        return [f"{key} {_flat(value)}"]
    return [key, *(_STEP + line for line in _spread(value))]


def _item(value: Any) -> list[str]:
    first, *others = _spread(value)
    return [f"- {first}", *(_STEP + line for line in others)]
