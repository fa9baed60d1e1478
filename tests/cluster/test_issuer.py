"""`irsa issuer` on a real API server: edited, proved, put back, killed and taken up again."""

import itertools
import json
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.cluster

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://keys.s3.eu-west-1.amazonaws.com"
SECONDS = "60"
CRASHES = """#!/bin/bash
case "$*" in *{new}*) echo "broken" >&2; exit 1;; esac
exec -a kube-apiserver {real} "$@"
"""
DROPS = """#!/bin/bash
kept=()
for flag in "$@"; do
  case "$*" in *{new}*) case "$flag" in --allow-privileged*) continue;; esac;; esac
  kept+=("$flag")
done
exec -a kube-apiserver {real} "${{kept[@]}}"
"""
# Runs the command line, and kills itself before (odd) or after (even) the n-th half of a change.
KILLED = """
import os, signal, sys
from irsa.apiserver import archive, node
from irsa.cli import main

left = int(sys.argv[1])

def tick():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def watched(change):
    def call(*arguments, **options):
        tick()
        answer = change(*arguments, **options)
        tick()
        return answer
    return call

for name in ("back_up", "begin", "write", "finish"):
    setattr(node.Node, name, watched(getattr(node.Node, name)))
archive.append = watched(archive.append)
sys.exit(main(sys.argv[2:]))
"""
WRITTEN = 8
CRASH_SECONDS = "12"


class Site:
    """A rig's first control-plane node, and the commands on it."""

    def __init__(self, rig):
        self.rig = rig
        server = rig.status["apiServers"][0]
        self.root = server["nodeDirectory"]
        self.manifest = Path(server["manifest"])
        self.binary = Path(rig.status["directory"]) / "bin" / "kube-apiserver"
        self.real = self.binary.resolve()

    def command(self, goal, *more):
        options = ("--issuer", NEW, "--root", self.root, "--timeout", SECONDS, "--yes")
        return ("issuer", goal, *options, *more)

    def run(self, goal, *more, check=True):
        return self.rig.irsa(*self.command(goal, *more), check=check)

    def run_killed(self, goal, boundary):
        argv = [sys.executable, "-c", KILLED, str(boundary), *self.command(goal)]
        return self.rig.run(argv, check=False).returncode

    def replace_binary(self, script):
        self.binary.unlink()
        if script is None:
            self.binary.symlink_to(self.real)
            return
        self.binary.write_text(script.format(new=NEW, real=self.real))
        self.binary.chmod(0o755)

    @property
    def server(self):
        answer = self.rig.irsa("issuer", "status", "--issuer", NEW, "--output", "json")
        return json.loads(answer.stdout)["servers"][0]

    @property
    def leftovers(self):
        beside = [path.name for path in self.manifest.parent.glob(".*")]
        notes = Path(self.root, "etc/kubernetes/irsa-backup").glob("unfinished*")
        return beside + [path.name for path in notes]


@pytest.fixture(name="site")
def _site(make_rig):
    return Site(make_rig())


def test_the_issuer_goes_there_and_back(site):
    """Accept, activate and rollback change what is signed, each only once."""
    original = site.manifest.read_bytes()
    assert site.run("activate", check=False).returncode == 3
    assert site.run("accept").stdout.startswith("cp-1: accept\n")
    assert (site.server["stage"], site.server["documentIssuer"]) == ("accept", OLD)
    assert site.server["audiences"] == [OLD]
    assert "nothing to do" in site.run("accept").stdout
    unread = site.run("activate", "--ack-external-consumers", check=False)
    assert (unread.returncode, "gate documents" in unread.stderr) == (3, True)
    passed = ("--override", "documents", "--reason", "no bucket here")
    refused = site.run("activate", *passed, check=False)
    assert (refused.returncode, NEW in refused.stdout) == (3, True)
    site.run("activate", *passed, "--ack-external-consumers")
    assert (site.server["stage"], site.server["documentIssuer"]) == ("activate", NEW)
    site.run("rollback")
    assert site.server["documentIssuer"] == OLD
    assert "tokens of it may be alive" in site.run("rollback", check=False).stderr
    site.run("rollback", "--override", "new-tokens", "--reason", "a test")
    assert site.manifest.read_bytes() == original


def test_a_server_that_does_not_come_up_right_is_put_back(site):
    """A crash loop is seen by the deadline, a dropped flag at once; the back-up returns."""
    original = site.manifest.read_bytes()
    site.replace_binary(CRASHES)
    crashed = site.run("accept", "--timeout", CRASH_SECONDS, check=False)
    assert (crashed.returncode, site.manifest.read_bytes()) == (5, original)
    assert "runs with its former flags again" in crashed.stderr
    assert site.run_killed("accept", WRITTEN) == -9
    taken_up = site.run("accept", "--timeout", CRASH_SECONDS, check=False)
    assert (taken_up.returncode, site.manifest.read_bytes()) == (5, original)
    site.replace_binary(DROPS)
    dropped = site.run("accept", check=False)
    assert (dropped.returncode, site.manifest.read_bytes()) == (5, original)
    assert "--allow-privileged is gone" in dropped.stderr
    assert (site.server["stage"], site.leftovers) == ("original", [])


def test_a_run_killed_anywhere_converges(site):
    """Killed after each change and run again, there and back, it gets there."""
    goals = itertools.cycle([("accept", "accept"), ("rollback", "original")])
    for boundary, (goal, stage) in zip(itertools.count(2, 2), goals, strict=False):
        code = site.run_killed(goal, boundary)
        if code == 0:
            break
        assert code == -9
        site.run(goal)
        assert (site.server["stage"], site.leftovers) == (stage, [])
    assert boundary > WRITTEN
