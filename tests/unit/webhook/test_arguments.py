"""The webhook's options, read without the command line's library: the same as with it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from irsa.cli import serving
from irsa.cli.app import app
from irsa.webhook.arguments import Arguments, parse
from irsa.webhook.flags import BOOLEANS

COMMAND: Any = typer.main.get_command(app).commands["webhook"]  # type: ignore[attr-defined]
OPTIONS = [parameter for parameter in COMMAND.params if parameter.opts != ["--help"]]


def by_the_library(line: list[str]) -> Arguments:
    """What the command hands over when the library has read the line."""
    handed: list[Arguments] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "run", handed.append)
        COMMAND.main(line, standalone_mode=False)
    [only] = handed
    return only


def values(parameter: Any) -> st.SearchStrategy[list[str]]:
    """Ways to give one option."""
    [option] = parameter.opts
    if parameter.is_flag:
        ours = [[option], parameter.secondary_opts]
        return st.sampled_from([*ours, [f"{option}=false"]] if option in BOOLEANS else ours)
    texts: st.SearchStrategy[Any] = st.sampled_from(["x", "a=b", "/tmp/x", "=", "ü", " "])
    if parameter.name in ("port", "token_expiration"):
        texts = st.integers(600, 65535).map(str)
    elif parameter.name == "stop_delay":
        texts = st.sampled_from(["0", "3", "0.5", "2."])
    joined = texts.map(lambda text: [f"{option}={text}"])
    return joined | texts.map(lambda text: [option, text])


LINES = st.lists(
    st.one_of([values(parameter) for parameter in OPTIONS])
    | st.sampled_from([["--logtostderr"], ["-v=5"], ["--service-name", "x"]]),
    max_size=8,
).map(lambda parts: [word for part in parts for word in part])


@given(LINES)
def test_plain_lines_mean_the_same_with_and_without_the_library(line: list[str]) -> None:
    """Every option, in every way to write it."""
    assert parse(line) == by_the_library(line)


def test_every_option_is_known() -> None:
    """Neither side has one that the other has not."""
    declared = {parameter.name for parameter in OPTIONS}
    assert declared == {field.name for field in dataclasses.fields(Arguments)} - {"notes"}
    for parameter in OPTIONS:
        [option] = parameter.opts
        assert parse([option] if parameter.is_flag else [option, "700"]) is not None, option


@pytest.mark.parametrize(
    "line",
    [
        ["--help"],
        ["-h"],
        ["--bogus"],
        ["--port"],
        ["--port", "65536"],
        ["--port", "-1"],
        ["--port", "0x50"],
        ["--port", "²"],
        ["--port", "1" * 5000],
        ["--token-expiration", "599"],
        ["--stop-delay", "nan"],
        ["--stop-delay", "-1"],
        ["--tls_cert", "x"],
        ["--host", "--port"],
        ["--no-port", "1"],
        ["--role-session-name=maybe"],
        ["--no-role-session-name=true"],
        ["--in-cluster"],
        ["extra"],
        ["--"],
        ["--tls-cer", "x"],
    ],
    ids=" ".join,
)
def test_what_is_not_plain_is_left_to_the_library(line: list[str]) -> None:
    """It has the words for it."""
    assert parse(line) is None


def test_options_become_values() -> None:
    """Paths are paths, numbers are numbers, and what may be repeated adds up."""
    line = "--port=1 --client-name a --tls-key k --client-name=b --no-compose-role-arn -v 3"
    assert parse(line.split()) == Arguments(
        port=1,
        client_name=("a", "b"),
        tls_key=Path("k"),
        notes=("-v has no effect: logs are JSON lines on stderr",),
    )
