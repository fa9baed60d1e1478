"""The page for those who come from AWS's webhook names every flag, as the code treats it."""

import re
from pathlib import Path

import pytest
import typer

from irsa.cli.app import app
from irsa.webhook.flags import BOOLEANS, DROPPED, DROPPED_BOOLEANS, IN_CLUSTER, REFUSED

PAGE = Path(__file__).parents[3] / "docs" / "guides" / "from-the-aws-webhook.md"
ROWS = re.findall(r"^\| (`-[^|]*) \| ([^|]*) \|", PAGE.read_text(), flags=re.MULTILINE)
TREATED = {flag: treated for flags, treated in ROWS for flag in re.findall(r"`(-[^`=]+)`", flags)}


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        (BOOLEANS, "same"),
        ((*DROPPED, *DROPPED_BOOLEANS), "no effect"),
        (REFUSED, "refused"),
        ((IN_CLUSTER,), "refused"),
    ],
    ids=["understood", "dropped", "refused", "in-cluster"],
)
def test_every_flag_is_on_the_page(flags: tuple, word: str) -> None:
    """Whoever moves finds what becomes of each."""
    assert all(word in TREATED[flag] for flag in flags)


def test_what_is_the_same_exists() -> None:
    """Every flag that the page promises is an option of the command."""
    command = typer.main.get_command(app).commands["webhook"]
    options = {option for parameter in command.params for option in parameter.opts}
    secondary = {option for parameter in command.params for option in parameter.secondary_opts}
    for flag, treated in TREATED.items():
        if "refused" not in treated and "no effect" not in treated:
            assert flag in options | secondary
    assert options - {"--host"} <= set(TREATED) | {"--role-session-name"}
