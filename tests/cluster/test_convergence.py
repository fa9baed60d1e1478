"""Killed between any two calls and run again, on a real API server and a strict AWS."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.cluster.sites import POLICY, site
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

STAGES = ("apply", "update", "prune", "destroy")
INLINE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}],
}


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
    """A site with its doors held open, that can be killed at any call of a stage of its life."""

    before: Doors
    after: Doors
    relay: Relay

    def plan(self, stage):
        match stage:
            case "apply":
                return plan(self.before)
            case "update":
                return plan(self.after)
            case "prune":
                return plan(self.after, prune=True)
            case _:
                return plan_removal(self.after, delete_bucket=True)

    def run(self, stage, killer=None):
        self.relay.to = killer or Killer()
        list(run(self.plan(stage), self.before.world))
        return self.relay.to.calls

    def kill(self, stage, *, at):
        """Die after a call took effect; which is the same as before the next one."""
        with pytest.raises(KilledError):
            self.run(stage, Killer(at=at, after_it=True))


@pytest.fixture(name="made")
def _made(rig, tmp_path):
    with site(rig, tmp_path, "killed") as made:
        made.sections["roles"] = [
            {"serviceAccounts": ["shop/killed"], "policies": [POLICY], "inlinePolicy": INLINE},
            {"serviceAccounts": ["shop/killed-2"]},
            {"serviceAccounts": ["shop/killed-3"]},
        ]
        made.write()
        yield made


@pytest.fixture(name="doomed")
def _doomed(made, monkeypatch):
    names = ("HTTPS_PROXY", "NO_PROXY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    for name in (*names, "AWS_CA_BUNDLE"):
        monkeypatch.setenv(name, made.rig.env[name])
    relay, config = Relay(), load(made.file)
    made.write(**_changed(made))
    changed = load(made.file)
    with (
        Kube.open(kubeconfig=str(made.rig.kubeconfig), observer=relay) as kube,
        Aws.open(region=config.aws.region, observer=relay) as aws,
        Web(ca_bundle=Path(made.rig.env["AWS_CA_BUNDLE"])) as web,
    ):
        world = World(aws=aws, kube=kube, web=web)
        before = Doors(
            path=made.file,
            config=config,
            wish=Wish(config=config),
            kube=kube,
            aws=aws,
            world=world,
        )
        after = replace(before, config=changed, wish=Wish(config=changed))
        yield Doomed(before=before, after=after, relay=relay)


def _changed(made):
    """Other policies, tags and audiences; a role that moved, and one with another name."""
    accounts = [f"shop/{made.name}", f"shop/{made.name}-2"]
    issuer = {"publish": "s3", "bucket": made.bucket, "audiences": ["sts.amazonaws.com", "other"]}
    moved = {"serviceAccounts": accounts[:1], "path": "/moved/", "tags": {"team": "shop"}}
    renamed = {"serviceAccounts": accounts[1:], "name": f"{made.name}-renamed", "tags": {"a": "b"}}
    return {"issuer": issuer, "roles": [moved, renamed | {"inlinePolicy": INLINE}]}


def test_it_converges(doomed):
    """
    Whatever call a stage dies at, the next run completes it; nothing is orphaned.

    The whole table, with more kinds of change, is tried in memory; this is the same on real parts.
    """
    recorded = {stage: doomed.run(stage) for stage in STAGES}
    assert {"iam:CreateRole", "iam:DetachRolePolicy", "s3:DeleteBucket"} <= _union(recorded)
    for at in range(max(map(len, recorded.values()))):
        for stage, calls in recorded.items():
            if at < len(calls):
                doomed.kill(stage, at=at)
            doomed.run(stage)
            assert doomed.plan(stage).changes == (), f"{stage} killed at {calls[at:]}"


def _union(recorded):
    return {call for calls in recorded.values() for call in calls}


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
