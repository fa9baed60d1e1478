"""`irsa plan --out` and `irsa apply FILE`."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.fakes.stage import BUCKET, command_line, config_text, make_stage

from irsa.provision import saved


@pytest.fixture(name="stage")
def _stage():
    return make_stage()


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch)


@pytest.fixture(name="command")
def _command(irsa, stage):
    return irsa, stage


@pytest.fixture(name="file")
def _file(irsa, tmp_path):
    file = tmp_path / "plan.json"
    assert irsa("plan", "--out", str(file)) == 0
    return file


def test_the_file_holds_what_is_sent(stage, file):
    """Readable JSON, for its owner; the plan as `--output json` prints it."""
    found = json.loads(file.read_text())
    assert found["terms"]["aws"]["account"] == "111122223333"
    assert found["terms"]["cluster"]["uid"] == stage.kube.cluster_uid()
    assert found["plan"]["changes"] == json.loads(json.dumps(stage.plan().to_json()["changes"]))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_is_carried_out(irsa, stage, file, capsys):
    """Exactly that; nothing is left to change."""
    planned = json.loads(file.read_text())["plan"]["changes"]
    capsys.readouterr()
    assert irsa("apply", str(file), "--yes") == 0
    calls = [step for one in planned for step in one["steps"] if "call" in step]
    assert calls == [call.to_json() for call in stage.aws.calls]
    assert stage.plan().changes == ()


def test_a_world_that_moved_on_is_refused(irsa, stage, file, capsys):
    """What somebody else made meanwhile is seen; nothing is changed."""
    stage.apply()
    before = len(stage.aws.calls)
    assert irsa("apply", str(file), "--yes") == 3
    assert "the plan is out of date: create bucket" in capsys.readouterr().err
    assert len(stage.aws.calls) == before


def test_another_configuration_is_refused(irsa, stage, file, tmp_path, capsys):
    """Even if it would mean the same."""
    (tmp_path / "irsa.yaml").write_text(config_text(stage.kube.cluster_uid()) + "\n# later\n")
    assert irsa("apply", str(file), "--yes") == 3
    assert "from a configuration with the digest" in capsys.readouterr().err
    assert stage.aws.empty


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"uid": "ffffffff-0000-4000-8000-000000000000"}, "made for cluster"),
        ({"account": "999999999999"}, "made for AWS account 999999999999"),
        ({"version": "0.0.0"}, "made by irsa 0.0.0"),
    ],
)
def test_a_plan_for_something_else_is_refused(command, file, capsys, change, words):
    """Another cluster, another account, another irsa: as written there, digest and all."""
    irsa, stage = command
    terms = replace(saved.parse(file.read_bytes(), "x").terms, **change)
    file.write_bytes(saved.build(terms, stage.plan(), now=datetime.now(UTC)))
    assert irsa("apply", str(file), "--yes") == 3
    assert words in " ".join(capsys.readouterr().err.split())
    assert stage.aws.empty


def test_a_changed_plan_is_refused(irsa, stage, file, capsys):
    """By its digest."""
    file.write_text(file.read_text().replace(BUCKET, "evil-bucket"))
    assert irsa("apply", str(file), "--yes") == 65
    assert "was changed since it was written" in capsys.readouterr().err
    assert stage.aws.empty


@pytest.mark.parametrize("option", [["--only", "roles"], ["--prune"]])
def test_the_plan_says_what_it_is_about(irsa, file, option):
    """Options of its making are refused."""
    assert irsa("apply", str(file), "--yes", *option) == 65


def test_the_parts_of_a_plan_are_those_of_its_apply(irsa, stage, tmp_path):
    """`--only` is in the file."""
    file = tmp_path / "roles.json"
    assert irsa("plan", "--only", "issuer", "--out", str(file)) == 0
    assert irsa("apply", str(file), "--yes") == 0
    assert stage.aws.buckets
    assert not stage.aws.roles


def test_it_goes_with_the_exit_code(irsa, tmp_path):
    """2 where there is something to apply, as without a file."""
    out = ("--out", str(tmp_path / "plan.json"))
    assert irsa("plan", "--detailed-exitcode", *out) == 2
    irsa("apply", "--yes")
    assert irsa("plan", "--detailed-exitcode", *out) == 0


def test_a_file_that_cannot_be_written_is_an_error(irsa):
    """Named."""
    assert irsa("plan", "--out", "/proc/plan.json") == 65


def test_every_apply_is_on_record(irsa, stage, file, tmp_path):
    """Who, by which plan, which gates with which reason; the same digest as in the file."""
    log = tmp_path / "log" / "audit.jsonl"
    gate = ("--override", "read-back", "--reason", "no way out")
    assert irsa("apply", str(file), "--yes", "--audit-log", str(log), *gate) == 0
    begin, *calls, end = [json.loads(line) for line in log.read_text().splitlines()]
    assert begin["command"] == "apply"
    assert begin["caller"] == stage.aws.identity().arn
    assert begin["plan"] == json.loads(file.read_text())["digest"]
    assert begin["overrides"] == [{"gate": "read-back", "reason": "no way out"}]
    assert begin["cluster"]["uid"] == stage.kube.cluster_uid()
    assert len([one for one in calls if one["event"] == "outcome"]) > 20
    assert end["outcome"] == "done"


def test_the_log_is_where_the_configuration_says(irsa, stage, tmp_path):
    """Beside it, if the path is relative; else in the user's state directory."""
    irsa("apply", "--yes")
    assert (tmp_path / "state" / "irsa" / "audit.jsonl").exists()
    text = config_text(stage.kube.cluster_uid(), auditLog="logs/irsa.jsonl")
    (tmp_path / "irsa.yaml").write_text(text)
    sure = ("--yes", "--confirm-name", "prod-eu")
    assert irsa("destroy", *sure) == 0
    lines = (tmp_path / "logs" / "irsa.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["command"] == "destroy"


@pytest.mark.parametrize("command", [["apply"], ["destroy", "--confirm-name", "prod-eu"]])
def test_a_full_disk_stops_it_before_anything_is_changed(irsa, stage, command, capsys):
    """Nothing is done that is not on record."""
    if command[0] == "destroy":
        stage.apply()
    before = len(stage.aws.calls)
    assert irsa(*command, "--yes", "--audit-log", "/dev/full") == 65
    assert "the audit log /dev/full cannot be written" in capsys.readouterr().err
    assert len(stage.aws.calls) == before


def test_only_an_earlier_plan_is_overwritten(irsa, tmp_path, capsys):
    """Not the configuration, nor anything else that lies there; nothing is asked of AWS first."""
    file = tmp_path / "irsa.yaml"
    before = file.read_text()
    assert irsa("plan", "--out", str(file)) == 65
    said = capsys.readouterr()
    assert "irsa.yaml exists and is not a plan of irsa: it is not overwritten" in said.err
    assert (file.read_text(), said.out) == (before, "")


def test_what_is_no_file_is_not_replaced(irsa, tmp_path):
    """A directory, a pipe, /dev/stdout."""
    assert irsa("plan", "--out", str(tmp_path)) == 65
    assert irsa("plan", "--out", "/dev/null") == 65


def test_an_earlier_plan_is_overwritten(irsa, stage, file):
    """The name is used again and again."""
    stage.apply()
    assert irsa("plan", "--out", str(file)) == 0
    assert json.loads(file.read_text())["plan"]["changes"] == []
