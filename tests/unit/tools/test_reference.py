"""The generator of the reference pages."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[3] / "tools" / "reference.py"


@pytest.fixture(name="reference", scope="module")
def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pages_as_written_are_in_order(reference: ModuleType, tmp_path: Path) -> None:
    """What was just written does not differ."""
    (tmp_path / "a.md").write_text("# A\n")
    assert reference.check({"a.md": "# A\n"}, tmp_path) == 0


@pytest.mark.parametrize("written", ["# B\n", None], ids=["changed", "missing"])
def test_a_difference_is_shown_with_the_command_that_mends_it(
    reference: ModuleType,
    tmp_path: Path,
    written: str | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a diff, on stderr, with exit code 1."""
    if written:
        (tmp_path / "a.md").write_text(written)
    assert reference.check({"a.md": "# A\n"}, tmp_path) == 1
    said = capsys.readouterr().err
    assert "+# A" in said
    assert "mend it with: python tools/reference.py" in said


def test_every_command_is_in_the_page(reference: ModuleType) -> None:
    """With an example, as a command to type."""
    sections = reference.pages()["cli.md"].split("\n## ")[1:]
    assert "`irsa plan`" in [section.splitlines()[0] for section in sections]
    assert [section for section in sections if "```console\n$ " not in section] == []


def test_one_line_holds_one_sentence(reference: ModuleType) -> None:
    """A full stop inside a name does not end a line."""
    assert reference.sentences("Read irsa.yaml first.\nThen `plan` it. Done") == [
        "Read irsa.yaml first.",
        "Then `plan` it.",
        "Done",
    ]


def test_other_arguments_are_wrong_usage(reference: ModuleType) -> None:
    """Nothing is written then."""
    assert reference.main(["--chek"]) == 64
