"""The pages for people: what they show can be used, and what they name is there."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from irsa.cli.app import app
from irsa.config import Config, parse

ROOT = Path(__file__).parents[3]
PAGES = sorted(
    path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.name != "CHANGELOG.md"
)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
CONFIGURATIONS = [
    pytest.param(text, id=f"{page.stem}-{at}")
    for page in PAGES
    for at, text in enumerate(re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL))
    if "apiVersion: irsa/v1" in text
]
PLACEHOLDER = "PUT-THE-UID-HERE"
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)\s]+)\)")


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_a_configuration_on_a_page_can_be_used(text: str) -> None:
    """Whoever copies it gets no error, but for the uid that they have to fill in."""
    filled = text.replace(PLACEHOLDER, "6f0c2a0e-58b1-4c83-9a57-0d6f1f9f2b11")
    assert isinstance(parse(filled, source="page"), Config)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    """Links to other sites are not followed."""
    assert [
        link for link in LINK.findall(page.read_text()) if not leads_somewhere(page, link)
    ] == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_what_can_be_made_can_be_made(page: Path) -> None:
    """Every target that a page names is in the Makefile."""
    targets = re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:`|^\$ )make ([a-z0-9]+)", page.read_text(), re.MULTILINE)
    assert set(named) - set(targets) == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_are_commands_and_have_the_options_that_they_are_given(page: Path) -> None:
    """Both in the text and in what is to be typed."""
    lines = re.findall(r"(?:`|^[$#] |\$\()(irsa [a-z][^`\n]*)", page.read_text(), re.MULTILINE)
    assert [line for line in lines if unknown(line)] == []


@pytest.mark.parametrize(
    "line",
    ["irsa sing", "irsa local sing", "irsa plan --sing", "irsa local up --only aws --sing=1"],
)
def test_what_irsa_does_not_know_is_noticed(line: str) -> None:
    """Or the test above would prove nothing."""
    assert "sing" in unknown(line)


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a link's file is there, and has its heading."""
    file, _, heading = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not heading or heading in anchors(target.read_text()))


def anchors(text: str) -> list[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE
    )
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def unknown(line: str) -> str:
    """The first word of a command line that irsa does not know; empty if it knows all."""
    command: Any = typer.main.get_command(app)
    for word in line.split(" #", maxsplit=1)[0].split()[1:]:
        if subcommands := getattr(command, "commands", None):
            name = word.strip(',;.)"')
            if name not in subcommands:
                return name
            command = subcommands[name]
        elif option := re.match(r"--[a-z][a-z-]*", word):
            known = [name for one in command.params for name in (*one.opts, *one.secondary_opts)]
            if option[0] not in (*known, "--help"):
                return option[0]
        elif word in ("|", "&&", ";", ">"):
            break
    return ""
