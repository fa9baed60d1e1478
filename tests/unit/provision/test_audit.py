"""The audit log."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.fakes.aws import RefusalError

from irsa.aws.call import Call
from irsa.errors import AwsError, InputError
from irsa.kube.objects import Ref
from irsa.provision import audit
from irsa.provision.apply import run


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def _apply(stage, path):
    with audit.run(path, "apply", caller="arn:admin") as trail:
        list(run(stage.plan(), audit.audited(stage.world, trail)))


def test_every_change_is_on_record_before_it_is_made_and_after(stage, tmp_path):
    """In order, and nothing else: neither reads nor dry runs."""
    path = tmp_path / "audit.jsonl"
    _apply(stage, path)
    lines = _lines(path)
    aws = [one["call"] for one in lines if one["event"] == "call" and "kube:" not in one["call"]]
    assert aws == [call.name for call in stage.aws.calls]
    calls = [one["number"] for one in lines if one["event"] == "call"]
    done = [one["number"] for one in lines if one.get("outcome") == "done" and "number" in one]
    assert calls == done == list(range(1, len(calls) + 1))
    assert [lines[0]["event"], lines[-1]["event"]] == ["begin", "end"]
    assert len({one["run"] for one in lines}) == 1
    assert all(datetime.fromisoformat(one["time"]).tzinfo == UTC for one in lines)


def test_a_refusal_is_on_record_with_the_id_of_the_request(stage, tmp_path):
    """And the run ends as failed."""
    path = tmp_path / "audit.jsonl"
    stage.aws.denied = {"iam:CreateRole"}
    with pytest.raises(AwsError):
        _apply(stage, path)
    outcome, end = _lines(path)[-2:]
    assert (outcome["outcome"], outcome["code"], outcome["requestId"]) == (
        "failed",
        "AccessDenied",
        "R1",
    )
    assert (end["event"], end["outcome"]) == ("end", "failed")


def test_every_attempt_is_on_record(stage, tmp_path):
    """AWS gives each an id of its own."""
    path = tmp_path / "audit.jsonl"
    stage.aws.failures["iam:CreateRole"] = [RefusalError("ConcurrentModification")]
    _apply(stage, path)
    codes = [one.get("code") for one in _lines(path) if one["event"] == "outcome"]
    assert codes.count("ConcurrentModification") == 1


def test_ids_of_requests_come_from_the_answers(tmp_path):
    """AWS's support asks for them."""

    class Door:
        def call(self, _):
            return {"ResponseMetadata": {"RequestId": "R9"}}

    path = tmp_path / "audit.jsonl"
    with audit.run(path, "apply") as trail:
        call = Call(service="iam", operation="DeleteRole", params={"RoleName": "web"})
        audit.AuditedAws(door=Door(), trail=trail).call(call)
    _, before, after, _ = _lines(path)
    assert before["target"] == {"RoleName": "web"}
    assert after["requestId"] == "R9"


def test_a_killed_run_leaves_what_it_was_about_to_do(stage, tmp_path):
    """A call without an outcome: nobody knows whether it took effect."""
    path = tmp_path / "audit.jsonl"

    class Killed(BaseException):
        pass

    class Door:
        def call(self, _):
            raise Killed

    world = stage.world
    with pytest.raises(Killed), audit.run(path, "apply") as trail:
        list(run(stage.plan(), audit.audited(replace(world, aws=Door()), trail)))
    *_, call, end = _lines(path)
    assert call["event"] == "call"
    assert end["outcome"] == "interrupted"


def test_it_is_appended_and_for_its_owner_alone(stage, tmp_path):
    """Runs follow each other; directories are made."""
    path = tmp_path / "new" / "audit.jsonl"
    _apply(stage, path)
    first = path.read_bytes()
    _apply(stage, path)
    assert path.read_bytes().startswith(first)
    assert [one["event"] for one in _lines(path)][-2:] == ["begin", "end"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path):
    """As a full disk leaves it."""
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b'{"event": "ca')
    with audit.run(path, "apply"):
        pass
    cut, *lines = path.read_text().splitlines()
    assert cut == '{"event": "ca'
    assert [json.loads(line)["event"] for line in lines] == ["begin", "end"]


@pytest.mark.parametrize("where", ["/dev/full", "/proc/audit.jsonl", "."])
def test_a_log_that_cannot_be_written_stops_everything(stage, where, tmp_path, monkeypatch):
    """Before anything is changed: a full disk, a place without permission, a directory."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"the audit log .* cannot be written") as caught:
        _apply(stage, Path(where))
    assert "--audit-log" in caught.value.hint
    assert stage.aws.calls == []


def test_no_body_is_in_it(stage, tmp_path):
    """Neither documents nor policies nor tokens: names only."""
    path = tmp_path / "audit.jsonl"
    _apply(stage, path)
    text = path.read_text()
    assert "Statement" not in text
    assert '"kty"' not in text
    assert Ref("v1", "ServiceAccount", "web", "shop").path in text


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "/home/me/.local/state/irsa/audit.jsonl"),
        ({"XDG_STATE_HOME": "/state"}, "/state/irsa/audit.jsonl"),
        ({"XDG_STATE_HOME": "relative"}, "/home/me/.local/state/irsa/audit.jsonl"),
    ],
)
def test_the_default_is_the_users_state_directory(environment, path):
    """As the XDG base directory specification has it: relative values are ignored."""
    assert audit.default_path(environment, Path("/home/me")) == Path(path)
