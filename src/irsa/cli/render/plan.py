"""
How a plan looks: what is made, changed and removed, grouped, with a line that sums it up.

Never here: printing.
"""

from collections.abc import Iterable
from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING

from irsa.cli.render import values
from irsa.provision.resource import Action, Change, Field, Plan

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 80

_SYMBOLS = {Action.create: "+", Action.change: "~", Action.recreate: "±", Action.remove: "-"}
_COLOURS = {"+": "green", "~": "yellow", "±": "magenta", "-": "red", "!": "cyan"}
_GROUPS = {"bucket": "S3", "document": "S3", "OIDC provider": "IAM", "role": "IAM"}
_DEFAULT_GROUP = "Kubernetes"
_INDENT = 6
_SIGN = 8  # the column of the signs in what differs


def summary(plan: Plan, *, past: bool = False) -> str:
    """The plan in one line, before it is carried out or after."""
    counts = plan.summary
    if past:
        participles = {"create": "created", "change": "changed", "remove": "removed"}
        return ", ".join(f"{count} {participles[verb]}" for verb, count in counts.items())
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


def styled(plain: str) -> "Text":
    """The plain text with colours, for a terminal."""
    from rich.text import Text

    whole, block = Text(), ""
    for line in plain.splitlines(keepends=True):
        if _is_head(line):
            block = line[2]
        sign = line[2] if _is_head(line) else line[_SIGN : _SIGN + 1] if block == "~" else ""
        whole.append(line, style=_COLOURS.get(sign, ""))
    whole.rstrip()
    return whole


def _is_head(line: str) -> bool:
    return line[:2] == "  " and line[2:3] in _COLOURS and line[3:4] == " "


def _groups(changes: Iterable[Change]) -> list[str]:
    return [
        "\n".join([title, *(line for change in group for line in _change(change))])
        for title, group in groupby(changes, key=lambda one: _GROUPS.get(one.kind, _DEFAULT_GROUP))
    ]


def _notes(notes: Iterable[str]) -> list[str]:
    lines = [line for note in notes for line in _note(note)]
    return ["\n".join(["Notes", *lines])] if lines else []


def _note(note: str) -> list[str]:
    """A sentence, wrapped; what follows it on lines of its own is to be copied, and stays."""
    sentence, *verbatim = note.splitlines()
    wrapped = fill(
        sentence,
        width=WIDTH,
        initial_indent="  ! ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [wrapped, *(f"    {line}" for line in verbatim)]


def _change(change: Change) -> list[str]:
    head = f"  {_SYMBOLS[change.action]} {change.kind} {change.name}"
    fields = [line for field in change.fields for line in _field(field, change.action)]
    return [head, *(" " * _INDENT + line for line in fields)]


def _field(field: Field, action: Action) -> list[str]:
    if action is Action.create:
        return values.shown(field.name, field.after, width=WIDTH - _INDENT)
    if action is Action.remove:
        return values.shown(field.name, field.before, width=WIDTH - _INDENT)
    return values.compared(field.name, field.before, field.after, width=WIDTH - _INDENT)
