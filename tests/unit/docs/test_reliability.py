"""The page of faults names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reliability.md").read_text()
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)


def test_every_fault_has_a_test_that_exists() -> None:
    """A row of a table ends with one; a renamed test would leave it without proof."""
    paths = list((ROOT / "tests").rglob("test_*.py"))
    found = {
        (path.name, name)
        for path in paths
        for name in re.findall(r"^def (test_\w+)\(", path.read_text(), flags=re.MULTILINE)
    }
    assert set(NAMED) - found == set()


def test_every_row_names_a_test() -> None:
    """Nothing is claimed that nobody tried."""
    rows = [row for row in PAGE.splitlines() if row.startswith("| ")]
    faults = [row for row in rows if not row.startswith("| fault |")]
    assert [row for row in faults if "::test_" not in row] == []
    assert len(faults) > 30
