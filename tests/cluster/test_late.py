"""Apply and destroy where IAM is seconds late: they end when it shows what they did."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from tests.cluster.sites import POLICY, late, site

pytestmark = pytest.mark.cluster

SHOWS = "IAM shows what was written"


@pytest.fixture(name="made")
def _made(rig, tmp_path):
    with site(rig, tmp_path, "late") as made, late(rig, "iam=4s", "jwks=60s"):
        yield made


def test_a_plan_right_afterwards_is_empty(made):
    """After an apply, an update and a prune: none ends before its changes are seen."""
    first = {"serviceAccounts": ["shop/late"], "policies": [POLICY]}
    for roles in ([first, {"serviceAccounts": ["shop/later"]}], [first | {"policies": []}]):
        made.write(roles=roles)
        ended = made.irsa("apply", "--yes", "--prune")
        assert f"✓ {SHOWS}" in ended.stderr
        assert "waiting: IAM does not show it yet: " in ended.stderr
        assert made.irsa("plan", "--prune").stdout.strip() == "nothing to change"


def test_a_destroy_right_afterwards_finds_nothing(made):
    """The provider and the roles are gone for whoever looks."""
    made.apply()
    assert f"✓ {SHOWS}" in made.destroy().stderr
    assert made.destroy().stdout.strip() == "nothing of this cluster is left"


def test_without_delays_nobody_waits(made):
    """One more look, and no word of waiting."""
    with late(made.rig, "iam=0s"):
        ended = made.apply()
    assert f"✓ {SHOWS}" in ended.stderr
    assert "waiting" not in ended.stderr


def _kill_after(made, call, *command):
    """A real SIGKILL the moment a call was made; the audit log tells of it first."""
    log = made.file.with_name("audit.jsonl")
    argv = [sys.executable, "-m", "irsa", *command, "--config", str(made.file)]
    with subprocess.Popen(
        [*argv, "--audit-log", str(log)],
        env=made.rig.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as running:
        deadline = time.monotonic() + 120
        while not _is_done(log, call):
            assert running.poll() is None, f"it ended before {call}"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        os.kill(running.pid, signal.SIGKILL)
    assert running.returncode == -signal.SIGKILL


def _is_done(log, call):
    """Whether the log holds the outcome of a call."""
    lines = log.read_text().splitlines() if log.exists() else []
    entries = [json.loads(one) for one in lines if one.endswith("}")]
    numbers = [one["number"] for one in entries if one.get("call") == call]
    done = [one["number"] for one in entries if one.get("outcome") == "done" and "number" in one]
    return bool(set(numbers) & set(done))


def test_an_apply_right_after_a_killed_one_goes_on(made):
    """What the killed one made does not show yet: it is waited for, and nothing is made twice."""
    _kill_after(made, "iam:CreateRole", "apply", "--yes")
    ended = made.apply()
    assert "yet as it is (EntityAlreadyExists)" in ended.stderr
    assert made.plan()["changes"] == []


def test_a_destroy_right_after_a_killed_one_goes_on(made):
    """What is gone still shows."""
    made.apply()
    _kill_after(made, "iam:DeleteRole", "destroy", "--confirm-name", made.name, "--delete-bucket")
    made.destroy()
    assert made.destroy().stdout.strip() == "nothing of this cluster is left"


def test_a_destroy_right_after_a_killed_apply_finds_all(made):
    """The role does not show yet; the audit log tells that there may be one."""
    _kill_after(made, "iam:CreateRole", "apply", "--yes")
    ended = made.destroy("--audit-log", str(made.file.with_name("audit.jsonl")))
    assert "waiting: an earlier run did not finish" in ended.stderr
    assert (
        "NoSuchEntity"
        in made.rig.aws("iam", "get-role", "--role-name", made.role, check=False).stderr
    )
