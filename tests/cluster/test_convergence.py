"""Killed between any two calls and run again, on a real API server and a strict AWS."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cluster.sites import site
from tests.fakes.killing import KilledError, Killer

from irsa.aws.client import Aws
from irsa.cli.provisioning import Site as Doors
from irsa.cli.provisioning import plan, plan_removal
from irsa.cli.session import load
from irsa.kube.client import Kube
from irsa.provision.apply import run
from irsa.provision.desired import Wish
from irsa.provision.world import World
from irsa.web import Web

pytestmark = pytest.mark.cluster


@pytest.fixture(name="made")
def _made(rig, tmp_path, monkeypatch):
    for name in ("HTTPS_PROXY", "NO_PROXY", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, rig.env[name])
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, rig.env[name])
    with site(rig, tmp_path, "killed") as made:
        yield made


@contextmanager
def _doors(made, killer):
    config = load(made.file)
    with (
        Kube.open(kubeconfig=str(made.rig.kubeconfig), observer=killer) as kube,
        Aws.open(region=config.aws.region, observer=killer) as aws,
        Web(ca_bundle=Path(made.rig.env["AWS_CA_BUNDLE"])) as web,
    ):
        world = World(aws=aws, kube=kube, web=web)
        yield Doors(path=made.file, config=config, wish=Wish(config=config), kube=kube, world=world)


def _apply(made, killer):
    with _doors(made, killer) as doors:
        list(run(replace(plan(doors), checks=()), doors.world))


def _destroy(made, killer):
    with _doors(made, killer) as doors:
        list(run(plan_removal(doors, delete_bucket=True), doors.world))


def _left(made):
    with _doors(made, Killer()) as doors:
        return plan(doors).changes, plan_removal(doors, delete_bucket=True).changes


def _recorded(action, made):
    killer = Killer()
    action(made, killer)
    return killer.calls


def _killed(action, made, *, at, after_it):
    with pytest.raises(KilledError):
        action(made, Killer(at=at, after_it=after_it))
    action(made, Killer())


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_an_apply_converges(made, after_it):
    """Whatever call it dies at, the next run completes it, and nothing is orphaned."""
    calls = _recorded(_apply, made)
    assert "iam:CreateRole" in calls
    for at, name in enumerate(calls):
        _destroy(made, Killer())
        _killed(_apply, made, at=at, after_it=after_it)
        assert _left(made)[0] == (), f"killed at {name}"


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_a_destroy_converges(made, after_it):
    """Whatever call it dies at, the next run leaves nothing."""
    _apply(made, Killer())
    calls = _recorded(_destroy, made)
    assert "s3:DeleteBucket" in calls
    for at, name in enumerate(calls):
        _apply(made, Killer())
        _killed(_destroy, made, at=at, after_it=after_it)
        assert _left(made)[1] == (), f"killed at {name}"


@pytest.mark.parametrize("line", ["create OIDC provider", "create Deployment"])
def test_a_real_kill_is_survived(made, line):
    """SIGKILL in the middle of a real run, webhook and all; the next run completes it."""
    made.sections["injection"] = {"engine": "webhook"}
    made.write()
    _kill_at(made, line)
    made.apply()
    assert made.plan()["changes"] == []


def _kill_at(made, line):
    argv = [sys.executable, "-m", "irsa", "apply", "--yes", "--config", str(made.file)]
    with subprocess.Popen(
        argv,
        env=made.rig.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        for said in running.stderr:
            if line in said:
                os.kill(running.pid, signal.SIGKILL)
                break
        running.stderr.read()
    assert running.returncode == -signal.SIGKILL
