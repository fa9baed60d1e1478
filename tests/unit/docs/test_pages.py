"""The pages for people: their configurations are good, and their links lead somewhere."""

import re
from pathlib import Path

import pytest

from irsa.config import Config, parse

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"
)
CONFIGURATIONS = [
    pytest.param(text, id=f"{page.stem}-{at}")
    for page in PAGES
    for at, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    if "apiVersion: irsa/v1" in text
]
PLACEHOLDER = "PUT-THE-UID-HERE"


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_on_a_page_can_be_used(text: str) -> None:
    """Whoever copies it gets no error, but for the uid that they have to fill in."""
    filled = text.replace(PLACEHOLDER, "6f0c2a0e-58b1-4c83-9a57-0d6f1f9f2b11")
    assert isinstance(parse(filled, source="page"), Config)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    """Links to other sites are not followed."""
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
