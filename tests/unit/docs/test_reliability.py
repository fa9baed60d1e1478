"""The page of faults names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)


def test_every_fault_has_a_test_that_exists() -> None:
    """A row of a table ends with one; a renamed test would leave it without proof."""
    files = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    assert [name for file, name in NAMED if f"\ndef {name}(" not in files.get(file, "")] == []


def test_every_row_names_a_test() -> None:
    """Nothing is claimed that nobody tried."""
    rows = [row for row in PAGE.splitlines() if row.startswith("| ")]
    faults = [row for row in rows if not row.startswith("| fault |")]
    assert [row for row in faults if "::test_" not in row] == []
    assert len(faults) > 30
