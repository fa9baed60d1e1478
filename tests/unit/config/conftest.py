"""A configuration to start from, as text, with one place to change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from irsa.config import parse
from irsa.errors import ConfigError

GOLDEN = Path(__file__).parents[2] / "golden" / "config"


@pytest.fixture
def minimal() -> str:
    """The smallest sensible configuration."""
    return (GOLDEN / "minimal.yaml").read_text()


@pytest.fixture
def complaints(minimal: str) -> Callable[..., list[str]]:
    """What is said about the smallest configuration after one replacement, line by line."""

    def after(old: str, new: str) -> list[str]:
        assert old in minimal
        with pytest.raises(ConfigError) as caught:
            parse(minimal.replace(old, new), source="irsa.yaml")
        lines = caught.value.message.splitlines()
        return [line.strip() for line in (lines if len(lines) == 1 else lines[1:])]

    return after
