"""`irsa schema`."""

import json

import pytest

from irsa.cli import main
from irsa.config import schema


def test_the_schema_is_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """On stdout and nowhere else, so that it can be redirected into a file."""
    assert main(["schema"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == json.loads(json.dumps(schema()))
    assert captured.err == ""


def test_the_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    """As every command's help."""
    assert main(["schema", "--help"]) == 0
    assert "Example:" in capsys.readouterr().out
