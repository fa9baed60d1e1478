"""Questions, and what answers them."""

import io

import pytest
import typer

from irsa.cli.interview import Interview, Question, ask
from irsa.errors import InputError


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def _complain(text):
    return "is too short" if len(text) < 3 else None


NAME = Question(option="--name", text="Name", complain=_complain, suggestion="prod-eu")
BUCKET = Question(option="--bucket", text="Bucket", complain=_complain)


@pytest.fixture(name="types")
def _types(monkeypatch):
    return lambda text: monkeypatch.setattr("sys.stdin", _Terminal(text))


@pytest.fixture(name="nobody", autouse=True)
def _nobody(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("never read"))


def test_an_option_answers():
    """Nothing else is looked at."""
    assert Interview().answer(NAME, "given") == "given"


def test_a_wrong_option_is_refused():
    """With the option's name, its value, and why."""
    with pytest.raises(InputError, match=r"--name: 'x' is too short"):
        Interview().answer(NAME, "x")


def test_yes_takes_the_suggestion(types):
    """Also where somebody could be asked."""
    types("other\n")
    assert Interview(yes=True).answer(NAME, None) == "prod-eu"


def test_return_takes_the_suggestion(types, capsys):
    """Which the question shows, on stderr."""
    types("\n")
    assert Interview().answer(NAME, None) == "prod-eu"
    shown = capsys.readouterr()
    assert shown.err.strip() == "Name [prod-eu]:"
    assert shown.out.strip() == ""


def test_a_wrong_answer_is_asked_for_again(types, capsys):
    """With the reason."""
    types("x\n  fine  \n")
    assert ask(BUCKET) == "fine"
    assert "'x' is too short" in capsys.readouterr().err


def test_the_end_of_the_input_ends_it(types):
    """Nothing was written; `main` says so."""
    types("")
    with pytest.raises(typer.Abort):
        ask(BUCKET)


def test_without_a_terminal_everything_missing_is_named_at_once():
    """With what could be said instead."""
    interview = Interview()
    assert [interview.answer(one, None) for one in (NAME, BUCKET)] == ["", ""]
    error = interview.unanswered()
    assert error.message == "there is no terminal to ask on; missing: --name, --bucket"
    assert error.hint == (
        "add --name prod-eu --bucket …; or take the suggestions with --yes, "
        "and say --bucket yourself"
    )


def test_yes_cannot_answer_what_has_no_suggestion():
    """It is named."""
    interview = Interview(yes=True)
    interview.answer(BUCKET, None)
    error = interview.unanswered()
    assert error.message == "no good value for --bucket can be found out"
    assert error.hint == "say it: --bucket …"
