"""The frame of every command: exit codes, and errors as sentences."""

import subprocess
import sys

import pytest
import typer

from irsa import __version__, cli
from irsa.cli import app as frame
from irsa.errors import AwsError, IrsaError, RefusedError


@pytest.fixture(name="raising")
def _raising(monkeypatch):
    """A command line whose command ends with an error of the test's choice."""

    def install(error):
        def app(*_arguments, **_options):
            raise error

        monkeypatch.setattr(frame, "app", app)

    return install


def test_version_is_a_result(capsys):
    """It goes to stdout, alone."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"irsa {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["aply"], "aply"),
        (["plan", "--bogus"], "--bogus"),
        (["keys", "show"], "missing argument"),
        (["verify", "--timeout", "0"], "--timeout"),
        (["plan", "--output", "toml"], "'--output' / '-o': 'toml' is not one of 'text'"),
    ],
    ids=["command", "option", "argument", "range", "choice"],
)
def test_wrong_usage_is_64_and_points_to_the_help(argv, words, capsys):
    """What is wrong is named, and the next thing to type."""
    assert cli.main(argv) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "--help" in err


def test_a_group_without_a_command_shows_its_help(capsys):
    """Whoever types `irsa issuer` sees what there is."""
    assert cli.main(["issuer"]) == 64
    out, err = capsys.readouterr()
    assert "activate" in out + err


@pytest.mark.parametrize(
    ("error", "code"),
    [(RefusedError("no"), 3), (AwsError("no", hint="ask"), 4), (IrsaError("no"), 1)],
    ids=["refused", "aws", "other"],
)
def test_an_error_knows_its_exit_code(error, code, raising, capsys):
    """The message and its hint go to stderr."""
    raising(error)
    assert cli.main([]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "irsa: error: no" in err
    assert ("irsa: hint: ask" in err) is bool(error.hint)


def test_a_bug_is_a_sentence_too(raising, capsys):
    """No traceback without --debug, and a word on what to do."""
    raising(ZeroDivisionError("division by zero"))
    assert cli.main([]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert "--debug" in err


def test_no_is_an_answer(raising, capsys):
    """Declining a question changes nothing and says so."""
    raising(typer.Abort())
    assert cli.main([]) == 130
    assert "before anything was changed" in capsys.readouterr().err


def test_debug_shows_the_traceback(tmp_path):
    """What a report needs is one option away."""
    ended = subprocess.run(
        [sys.executable, "-m", "irsa", "--debug", "keys", "show", str(tmp_path / "none.pem")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 65
    assert "Traceback" in ended.stderr
    assert "irsa: error: cannot read" in ended.stderr


def test_a_closed_pipe_is_no_error():
    """`irsa … | head -1` ends quietly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "irsa", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()
