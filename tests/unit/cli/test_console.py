"""Where text goes, and what is said while something lasts."""

import contextlib
import os
import threading

import pytest

from irsa.cli.render import console
from irsa.errors import InputError


def test_a_step_says_that_it_is_done_on_stderr(capsys):
    """Results alone are on stdout."""
    with console.step("do it"):
        pass
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("✓ do it (")


def test_a_lasting_step_says_what_goes_on(monkeypatch, capsys):
    """Without a terminal, a line tells that the step has begun and lasts."""
    told = threading.Event()
    note = console.note

    def listening(text):
        note(text)
        told.set()

    monkeypatch.setattr(console, "LASTING", 0.0)
    monkeypatch.setattr(console, "note", listening)
    with console.step("build it"):
        assert told.wait(30)
    assert capsys.readouterr().err.startswith("… build it (")


def test_a_failed_step_is_not_called_done(capsys):
    """The error follows; the step leaves no line of success."""
    with pytest.raises(InputError), console.step("break it"):
        raise InputError("broken")
    assert "✓" not in capsys.readouterr().err


def test_without_a_terminal_nobody_is_asked(monkeypatch):
    """A pipeline gets a refusal that names the option, not a prompt that hangs."""
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123 # closed below
    with pytest.raises(InputError) as caught:
        console.confirm("sure?", yes=False)
    console.sys.stdin.close()
    assert "--yes" in (caught.value.hint or "")


def test_columns_says_how_wide_output_is(monkeypatch, capsys):
    """Where nobody watches, COLUMNS decides, and nonsense in it is ignored."""
    monkeypatch.setenv("COLUMNS", "40")
    console.show("word " * 20)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40
    monkeypatch.setenv("COLUMNS", "many")
    console.show("word " * 30)
    assert max(map(len, capsys.readouterr().out.splitlines())) > 40


def test_a_full_disk_behind_stdout_is_no_fault_of_irsa(monkeypatch):
    """It is named, and what to look at."""
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123 # a device
        monkeypatch.setattr("sys.stdout", full)
        with pytest.raises(InputError, match="the result cannot be written: no space left"):
            console.result("something")
        with pytest.raises(InputError, match="the result cannot be written: no space left"):
            console.show("something")
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()


def test_who_reads_no_further_is_another_matter(monkeypatch):
    """As with `| head`: it ends quietly."""
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1) as pipe:  # noqa: PTH123 # a descriptor
        monkeypatch.setattr("sys.stdout", pipe)
        with pytest.raises(BrokenPipeError):
            console.result("something")
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            pipe.close()
