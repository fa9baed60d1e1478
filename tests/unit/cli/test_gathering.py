"""Options that become one value."""

from dataclasses import dataclass, field
from typing import Annotated

import pytest
import typer

from irsa.cli.gathering import gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What a command is told."""

    width: Annotated[int, typer.Option("--width", help="How wide.")]
    names: Annotated[list[str], typer.Option("--name")] = field(default_factory=list)


@pytest.fixture(name="run")
def _run():
    app, seen = typer.Typer(), []

    @app.command()
    @gathered
    def show(size: Size, *, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        """Show it."""
        seen.append((size, loud))

    def run(*arguments):
        app(list(arguments), standalone_mode=False)
        return seen.pop()

    return run


def test_options_come_as_one_value_and_the_others_beside_it(run):
    """With their defaults where they are not given."""
    assert run("--width", "3", "--loud") == (Size(width=3), True)
    assert run("--width", "3", "--name", "a", "--name", "b") == (
        Size(width=3, names=["a", "b"]),
        False,
    )


def test_a_field_without_a_default_has_to_be_given(run):
    """As with an option of a function."""
    with pytest.raises(typer.TyperException, match="width"):
        run()


def test_help_is_that_of_the_function_and_of_the_fields(run, capsys):
    """Nothing of the gathering is seen."""
    with pytest.raises(IndexError):
        run("--help")
    said = capsys.readouterr().out
    assert "Show it." in said
    assert "How wide." in said
