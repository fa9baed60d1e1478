"""The JSON Schema."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from irsa.config import schema

GOLDEN = Path(__file__).parents[2] / "golden" / "config" / "schema.json"


def test_the_schema_is_the_reviewed_one() -> None:
    """A change of the format shows as a change of this file."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_every_key_is_described() -> None:
    """Editors have something to show for each."""
    undescribed = [name for name, property_ in _properties() if "description" not in property_]
    assert undescribed == []


def test_a_service_account_is_text_for_editors() -> None:
    """It is written as one text, although it is read into two parts."""
    assert schema()["$defs"]["ServiceAccountName"]["type"] == "string"


def test_the_version_is_required() -> None:
    """So that a later format can be told apart."""
    assert "apiVersion" in schema()["$defs"]["Config"]["required"]


def _properties() -> Iterator[tuple[str, dict[str, Any]]]:
    for definition in schema()["$defs"].values():
        yield from definition.get("properties", {}).items()
