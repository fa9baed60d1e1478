"""Killed between any two calls and run again, on a real API server and a strict AWS."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
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


@dataclass
class Relay:
    """An observer that passes on to another one: the doors stay open, the killers change."""

    to: Killer = field(default_factory=Killer)

    def before(self, *call):
        self.to.before(*call)

    def after(self, *call):
        self.to.after(*call)


@dataclass
class Doomed:
    """A site with its doors held open, that can be killed at any call."""

    doors: Doors
    relay: Relay

    def apply(self, killer):
        self.relay.to = killer
        list(run(replace(plan(self.doors), checks=()), self.doors.world))

    def destroy(self, killer):
        self.relay.to = killer
        list(run(plan_removal(self.doors, delete_bucket=True), self.doors.world))

    def left_to_apply(self):
        return plan(self.doors).changes

    def left_to_destroy(self):
        return plan_removal(self.doors, delete_bucket=True).changes


@pytest.fixture(name="made")
def _made(rig, tmp_path):
    with site(rig, tmp_path, "killed") as made:
        yield made


@pytest.fixture(name="doomed")
def _doomed(made, monkeypatch):
    names = ("HTTPS_PROXY", "NO_PROXY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in (*names, "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, made.rig.env[name])
    config, relay = load(made.file), Relay()
    with (
        Kube.open(kubeconfig=str(made.rig.kubeconfig), observer=relay) as kube,
        Aws.open(region=config.aws.region, observer=relay) as aws,
        Web(ca_bundle=Path(made.rig.env["AWS_CA_BUNDLE"])) as web,
    ):
        world = World(aws=aws, kube=kube, web=web)
        doors = Doors(
            path=made.file, config=config, wish=Wish(config=config), kube=kube, world=world
        )
        yield Doomed(doors=doors, relay=relay)


def _recorded(action):
    killer = Killer()
    action(killer)
    return killer.calls


def _killed(action, *, at, after_it):
    killer = Killer(at=at, after_it=after_it)
    with pytest.raises(KilledError):
        action(killer)
    action(Killer())


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_it_converges(doomed, after_it):
    """Whatever call apply or destroy dies at, the next run completes it; nothing is orphaned."""
    applying, destroying = _recorded(doomed.apply), _recorded(doomed.destroy)
    assert {"iam:CreateRole", "s3:DeleteBucket"} <= {*applying, *destroying}
    for at in range(max(len(applying), len(destroying))):
        if at < len(applying):
            _killed(doomed.apply, at=at, after_it=after_it)
            assert doomed.left_to_apply() == (), f"killed at {applying[at]}"
        else:
            doomed.apply(Killer())
        if at < len(destroying):
            _killed(doomed.destroy, at=at, after_it=after_it)
        else:
            doomed.destroy(Killer())
        assert doomed.left_to_destroy() == (), f"killed at {destroying[at:]}"


@pytest.mark.parametrize("line", ["create OIDC provider", "create Deployment"])
def test_a_real_kill_is_survived(made, line):
    """SIGKILL in the middle of a real run, webhook and all; the next run completes it."""
    made.sections["injection"] = {"engine": "webhook"}
    made.write()
    _kill_at(made, line)
    made.apply()
    assert made.plan()["changes"] == []


def test_a_real_kill_of_a_destroy_is_survived(made):
    """While the webhook goes, which takes the API server a while; the next run goes on."""
    made.sections["injection"] = {"engine": "webhook"}
    made.write()
    made.apply()
    _kill_at(made, "waiting: ", "destroy", "--confirm-name", made.name)
    made.destroy()
    assert made.destroy().stdout.strip() == "nothing of this cluster is left"


def _kill_at(made, line, *command):
    command = command or ("apply", "--yes")
    argv = [sys.executable, "-m", "irsa", *command, "--config", str(made.file)]
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
