"""
How a plan looks: what is made, changed and removed, grouped, with a line that sums it up.

Never here: printing.
"""

import json
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from irsa.provision.resource import Action, Change, Field, Plan

_SYMBOLS = {Action.create: "+", Action.change: "~", Action.recreate: "±", Action.remove: "-"}
_GROUPS = {
    "bucket": "S3",
    "document": "S3",
    "OIDC provider": "IAM",
    "role": "IAM",
}
_DEFAULT_GROUP = "Kubernetes"
_INDENT = "      "
_WIDTH = 80
_MANY_LINES = 24


def summary(plan: Plan, *, past: bool = False) -> str:
    """The plan in one line."""
    counts = plan.summary
    if past:
        made = (
            f"{counts['create']} created",
            f"{counts['change']} changed",
            f"{counts['remove']} removed",
        )
        return ", ".join(made)
    return ", ".join(f"{count} to {verb}" for verb, count in counts.items())


def text(plan: Plan, *, nothing: str = "nothing to change") -> str:
    """
    The plan as plain text.

    Args:
        plan: The plan.
        nothing: What is said of an empty one.
    """
    parts = [*_groups(plan.changes), *_notes(plan.notes)]
    parts.append(summary(plan) if plan.changes else nothing)
    return "\n\n".join(parts)


def _groups(changes: Iterable[Change]) -> list[str]:
    return [
        "\n".join([title, *(line for change in group for line in _change(change))])
        for title, group in groupby(changes, key=lambda one: _GROUPS.get(one.kind, _DEFAULT_GROUP))
    ]


def _notes(notes: Iterable[str]) -> list[str]:
    lines = [f"  ! {note}" for note in notes]
    return ["\n".join(["Notes", *lines])] if lines else []


def _change(change: Change) -> list[str]:
    head = f"  {_SYMBOLS[change.action]} {change.kind} {change.name}"
    return [head, *(line for field in change.fields for line in _field(field, change.action))]


def _field(field: Field, action: Action) -> list[str]:
    if action is Action.create or field.before is None:
        return _value(field.name, field.after, "" if action is Action.create else "+ ")
    if field.after is None:
        return _value(field.name, field.before, "- ")
    before, after = _short(field.before), _short(field.after)
    line = f"{_INDENT}{field.name}: {before} → {after}"
    if len(line) <= _WIDTH and "\n" not in line:
        return [line]
    return [*_value(field.name, field.before, "- "), *_value(field.name, field.after, "+ ")]


def _value(name: str, value: Any, sign: str) -> list[str]:
    line = f"{_INDENT}{sign}{name}: {_short(value)}"
    if len(line) <= _WIDTH and "\n" not in line:
        return [line]
    return [f"{_INDENT}{sign}{name}:", *(f"{_INDENT}  {part}" for part in _long(value))]


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _long(value: Any) -> list[str]:
    spread = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    lines = _unfolded(spread).splitlines()
    if len(lines) <= _MANY_LINES:
        return lines
    left = len(lines) - _MANY_LINES
    return [*lines[:_MANY_LINES], f"… {left} more lines (--output json shows all)"]


def _unfolded(content: str) -> str:
    """A JSON document on one line, spread over several."""
    try:
        return json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except ValueError:
        return content
