"""
JSON in one form: the same value is always the same bytes.

Keys sorted, no spaces, ASCII only, one line end at the end. Reading is strict: a key twice, or
a number that is none, is refused.
Never here: what a document means.
"""

import json
from typing import Any, NoReturn


def dump(value: object) -> bytes:
    """The canonical bytes of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def load(data: bytes | str) -> Any:
    """
    Read JSON strictly.

    Raises:
        ValueError: It is not JSON, has a key twice, or is nested too deeply.
    """
    try:
        return json.loads(data, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("it has a key twice")
    return value


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number in JSON")
