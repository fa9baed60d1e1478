"""
Policies as documents: compared by meaning, spelt for a request.

AWS answers with a single value where one was sent in a list, and the other way round.
"""

import json
from collections.abc import Mapping
from typing import Any


def spell(policy: Mapping[str, Any]) -> str:
    """A policy as the text that is sent."""
    return json.dumps(policy, separators=(",", ":"))


def same(one: Any, other: Any) -> bool:
    """Whether two policies (or parts, or settings) say the same, however they are spelt."""
    return bool(_canonical(one) == _canonical(other))


def _canonical(value: Any) -> Any:
    match value:
        case Mapping():
            return {key: _canonical(item) for key, item in value.items()}
        case list() | tuple():
            items = sorted((_canonical(item) for item in value), key=_order)
            return items[0] if len(items) == 1 else items
        case bool():
            return str(value).lower()
        case _:
            return value


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
