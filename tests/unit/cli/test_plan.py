"""`irsa plan`."""

import json

import pytest
from tests.fakes.stage import command_line, make_stage

from irsa.cli.render.console import Output


@pytest.fixture(name="stage")
def _stage():
    return make_stage()


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch)


def test_it_ends_with_a_summary(irsa, capsys):
    """The last line says how much would happen."""
    assert irsa("plan") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "23 to create, 1 to change, 0 to remove"


def test_it_changes_nothing(irsa, stage):
    """A plan only reads."""
    irsa("plan")
    assert stage.aws.calls == []
    assert stage.aws.empty


def test_changes_have_an_exit_code_if_asked(irsa, stage, capsys):
    """2 while something would change, 0 when nothing would."""
    assert irsa("plan", "--detailed-exitcode") == 2
    stage.apply()
    capsys.readouterr()
    assert irsa("plan", "--detailed-exitcode") == 0
    assert "nothing to change" in capsys.readouterr().out


def test_keys_that_only_verify_are_listed_and_left_out(irsa, capsys):
    """Whoever has an old private key must not become an AWS identity."""
    irsa("plan")
    text = " ".join(capsys.readouterr().out.split())
    assert "only verifies tokens, nothing is signed with it: it is not published" in text


@pytest.mark.parametrize("output", [Output.json, Output.yaml])
def test_the_data_hold_what_is_sent(irsa, output, capsys):
    """Every call and every object, for scripts."""
    from ruamel.yaml import YAML

    assert irsa("plan", "--output", output) == 0
    plan = YAML(typ="safe").load(capsys.readouterr().out)
    calls = [step["call"] for one in plan["changes"] for step in one["steps"] if "call" in step]
    assert calls[:2] == ["s3:CreateBucket", "s3:PutBucketTagging"]
    assert plan["summary"] == {"create": 23, "change": 1, "remove": 0}


def test_what_is_sent_is_what_the_json_says(irsa, stage, capsys):
    """The plan in JSON and the calls of the apply that follows are the same."""
    irsa("plan", "--output", "json")
    plan = json.loads(capsys.readouterr().out)
    stage.apply()
    planned = [step for one in plan["changes"] for step in one["steps"] if "call" in step]
    assert planned == [call.to_json() for call in stage.aws.calls]


def test_no_secret_is_in_a_plan(irsa, capsys):
    """Neither Secret data nor `caBundle`: they belong to the controller."""
    irsa("plan", "--output", "json")
    text = capsys.readouterr().out
    assert "caBundle" not in text
    assert '"kind": "Secret"' not in text
    assert "PRIVATE" not in text
