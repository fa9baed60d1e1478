"""`irsa apply`."""

import json

import pytest
from tests.fakes.stage import command_line, make_stage


@pytest.fixture(name="stage")
def _stage():
    return make_stage()


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch)


def _calls_of_an_apply():
    stage = make_stage()
    stage.apply()
    return dict.fromkeys(call.name for call in stage.aws.calls)


def test_it_applies_and_sums_up(irsa, stage, capsys):
    """Afterwards nothing is left to change."""
    assert irsa("apply", "--yes") == 0
    assert capsys.readouterr().out == "23 created, 1 changed, 0 removed\n"
    assert stage.plan().changes == ()


def test_a_second_run_says_that_all_is_well(irsa, capsys):
    """Nothing is changed, and that is said."""
    irsa("apply", "--yes")
    capsys.readouterr()
    assert irsa("apply", "--yes") == 0
    assert capsys.readouterr().out == "everything is as the configuration says\n"


def test_it_asks_before_the_first_change(irsa, stage, capsys):
    """Without a terminal and without --yes nothing happens."""
    assert irsa("apply") == 65
    assert stage.aws.empty
    assert "--yes" in capsys.readouterr().err


def test_the_data_hold_what_was_done(irsa, capsys):
    """For scripts: the plan that was carried out."""
    irsa("apply", "--yes", "--output", "json")
    done = json.loads(capsys.readouterr().out)
    assert done["applied"] is True
    assert done["summary"]["create"] == 23


def test_a_failure_says_what_is_done(irsa, stage, capsys):
    """And that running it again goes on from there; which it does."""
    stage.aws.denied = {"iam:CreateRole"}
    assert irsa("apply", "--yes") == 4
    error = capsys.readouterr().err
    assert "4 of 24 changes are done" in error
    assert "AWS denied iam:CreateRole" in error
    stage.aws.denied = set()
    assert irsa("apply", "--yes") == 0


def test_every_denied_call_is_named(tmp_path, monkeypatch, capsys):
    """Each call of a real run in turn: exit code 4, permission and caller named; it goes on."""
    for name in _calls_of_an_apply():
        stage = make_stage()
        irsa = command_line(stage, tmp_path, monkeypatch)
        stage.aws.denied = {name}
        assert irsa("apply", "--yes") == 4, name
        error = capsys.readouterr().err
        assert f"AWS denied {name}" in error
        assert "user/admin the permission" in error
        stage.aws.denied = set()
        assert irsa("apply", "--yes") == 0, name


def test_the_read_back_can_be_overridden(irsa, stage):
    """For whoever cannot reach S3 from where irsa runs; with a reason."""
    assert irsa("apply", "--yes", "--override", "read-back") == 65
    assert irsa("apply", "--yes", "--override", "read-back", "--reason", "no way out") == 0
    assert len(stage.aws.providers) == 1


def test_an_unknown_gate_is_refused(irsa, stage, capsys):
    """And the gates that there are, are named."""
    assert irsa("apply", "--yes", "--override", "everything", "--reason", "hurry") == 65
    assert "read-back" in capsys.readouterr().err
    assert stage.aws.empty
