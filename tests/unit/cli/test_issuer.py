"""`irsa issuer`: what is said, what is refused, which exit code."""

import json
from functools import partial

import pytest
from tests.fakes.plane import FakeClock, make_node, make_plane
from tests.fakes.stage import config_text

from irsa.apiserver import flags
from irsa.cli import main, rollout
from irsa.kube.client import Kube

NEW = "https://b.s3.eu-west-1.amazonaws.com"
ACKNOWLEDGED = ("--ack-external-consumers",)
PASSED = ("--override", "documents", "--reason", "nothing is published in a test")


@pytest.fixture(name="node")
def _node(tmp_path):
    return make_node(tmp_path / "node")


@pytest.fixture(name="plane")
def _plane(node, tmp_path, monkeypatch):
    plane = make_plane(node)
    monkeypatch.setattr(Kube, "open", lambda **_: plane)
    sleep = FakeClock(plane).sleep
    monkeypatch.setattr(rollout, "Pace", partial(rollout.Pace, sleep=sleep))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return plane


@pytest.fixture(name="run")
def _run(node, plane, capsys):
    assert plane

    def run(goal, *more):
        code = main(["issuer", goal, "--issuer", NEW, "--root", str(node.root), *more])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def _accept_elsewhere(plane):
    old = plane.here.issuance.issuers
    server = plane.servers["https://10.0.0.12:6443"]
    server.command = ("kube-apiserver", *flags.Issuance(issuers=(*old[:1], NEW)).render())
    plane._show(server)


def test_accept_says_what_is_still_to_be_done(run):
    """The other servers are named with their stages."""
    code, out, err = run("accept", "--yes")
    assert (code, out) == (0, "cp-1: accept\n")
    assert f"+ --service-account-issuer={NEW}" in err
    assert "still to be done: cp-2 (original)" in err


def test_accept_twice_is_nothing_to_do(run, node):
    """The second run changes no byte."""
    run("accept", "--yes")
    edited = node.read()
    assert run("accept", "--yes")[1] == "cp-1: accept already: nothing to do\n"
    assert node.read() == edited


def test_without_yes_and_without_a_terminal_nothing_is_changed(run, node):
    """There is nobody to ask."""
    original = node.read()
    assert run("accept")[0] == 65
    assert node.read() == original


def test_activate_before_accept_is_refused(run):
    """The stages have an order."""
    code, _, err = run("activate", "--yes", *ACKNOWLEDGED)
    assert code == 3
    assert "irsa issuer accept" in err


def test_activate_names_the_server_that_does_not_accept(run):
    """And the gate that it is."""
    run("accept", "--yes")
    code, _, err = run("activate", "--yes", *ACKNOWLEDGED, *PASSED)
    assert code == 3
    assert "cp-2 does not accept" in err
    assert "gate every-server-accepts" in err


def test_activate_asks_for_external_consumers(run, plane):
    """Both documents are shown, and nothing happens before they were told."""
    run("accept", "--yes")
    _accept_elsewhere(plane)
    code, out, err = run("activate", "--yes", *PASSED)
    assert code == 3
    assert f"+ issuer: {NEW}" in out
    assert "--ack-external-consumers" in err


def test_the_whole_way_there_and_back(run, plane, node):
    """Every stage in turn, and the last one refused as long as tokens may live."""
    original = node.read()
    run("accept", "--yes")
    _accept_elsewhere(plane)
    assert run("activate", "--yes", *ACKNOWLEDGED, *PASSED)[:2][0] == 0
    assert plane.here.issuance.issuers[0] == NEW
    assert run("rollback", "--yes")[0] == 0
    assert run("rollback", "--yes")[0] == 3
    assert run("rollback", "--yes", "--override", "new-tokens", "--reason", "test")[0] == 0
    assert node.read() == original


def test_activate_is_refused_while_documents_cannot_be_read(run, plane):
    """The gate is named, so that it can be passed."""
    run("accept", "--yes")
    _accept_elsewhere(plane)
    code, _, err = run("activate", "--yes", *ACKNOWLEDGED)
    assert code == 3
    assert "--override documents" in err


def test_an_override_needs_a_reason_and_a_gate_that_exists(run):
    """A gate is passed one at a time, and never silently."""
    assert run("accept", "--yes", "--override", "documents")[0] == 65
    assert run("accept", "--yes", "--override", "all", "--reason", "x")[0] == 65


def test_another_node_is_refused(run):
    """A change window is for one node."""
    assert run("accept", "--yes", "--node", "cp-2")[0] == 3


def test_a_manifest_that_is_not_understood_is_left_alone(run, node):
    """Its exit code is that of a bad file."""
    node.write(b"a: [")
    assert run("accept", "--yes")[0] == 65
    assert node.read() == b"a: ["


def test_a_server_that_does_not_come_up_has_its_own_exit_code(run, plane, node):
    """The back-up is in place again."""
    original = node.read()
    plane.breaks = lambda command: None if NEW in str(command) else command
    assert run("accept", "--yes", "--timeout", "1")[0] == 5
    assert node.read() == original


def test_another_cluster_is_refused(run, tmp_path, node):
    """The configuration says which one it is."""
    (tmp_path / "irsa.yaml").write_text(config_text("6f0c1c39-0000-4000-8000-000000000000"))
    original = node.read()
    code, _, err = run("accept", "--yes")
    assert (code, "uid" in err) == (3, True)
    assert node.read() == original


def test_status_is_for_scripts_too(run):
    """Every server with stage, issuers and audiences."""
    code, out, _ = run("status", "--output", "json")
    servers = json.loads(out)["servers"]
    assert code == 0
    assert [(one["name"], one["stage"]) for one in servers] == [
        ("cp-1", "original"),
        ("cp-2", "original"),
    ]


def test_status_shows_history_and_what_kubeadm_would_drop(run, plane):
    """What stands only in the manifest is lost at the next upgrade."""
    configuration = "apiVersion: kubeadm.k8s.io/v1beta4\nkubernetesVersion: v1.36.3\n"
    metadata = {"name": "kubeadm-config", "namespace": "kube-system"}
    data = {"ClusterConfiguration": configuration}
    plane.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    assert "kubeadm upgrade would drop them" in run("accept", "--yes")[2]
    _, out, _ = run("status")
    assert "cp-1: accept done" in out
    assert "name: service-account-issuer" in out


def test_status_warns_of_an_api_server_open_to_sts_tokens(run, plane, node):
    """A hole that the 2019 guides made; it is told, not mended."""
    hole = b"    - --api-audiences=sts.amazonaws.com\n    - --secure-port"
    node.write(node.read().replace(b"    - --secure-port", hole))
    plane.kubelet()
    assert "sts.amazonaws.com is among --api-audiences" in run("status")[2]


def test_an_interrupted_run_is_taken_up(run, plane):
    """The next run proves what was left, and then has nothing to do."""

    def interrupt(_):
        raise KeyboardInterrupt

    plane.breaks = interrupt
    code = run("accept", "--yes", "--timeout", "5")[0]
    plane.breaks = lambda command: command
    again, out, err = run("accept", "--yes", "--timeout", "5")
    assert (code, again) == (130, 0)
    assert "an earlier run left its edit of cp-1 to accept unfinished" in err
    assert out == "cp-1: accept already: nothing to do\n"


def test_an_interrupted_run_is_taken_up_even_if_no_server_answers(run, plane, node):
    """A server that the edit broke cannot be asked, and is put back all the same."""
    original = node.read()

    def interrupt(_):
        raise KeyboardInterrupt

    plane.breaks = interrupt
    run("accept", "--yes", "--timeout", "5")
    plane.here.up = False
    plane.breaks = lambda command: None if NEW in str(command) else command
    code, _, err = run("accept", "--yes", "--timeout", "5")
    assert (code, node.read()) == (5, original)
    assert "going on without the cluster's answer" in err


def test_an_interrupted_rollback_goes_one_stage_back_and_not_two(run, plane):
    """What was asked for is done once the interrupted edit is proved."""

    def interrupt(_):
        raise KeyboardInterrupt

    run("accept", "--yes")
    _accept_elsewhere(plane)
    run("activate", "--yes", *ACKNOWLEDGED, *PASSED)
    plane.breaks = interrupt
    assert run("rollback", "--yes")[0] == 130
    plane.breaks = lambda command: command
    assert run("rollback", "--yes")[:2] == (0, "cp-1: accept\n")
    assert len(plane.here.issuance.issuers) == 2


def test_every_edit_is_on_record(run, node, tmp_path):
    """Which server, which flags before and after, which gates with which reason."""
    run("accept", "--yes")
    lines = (tmp_path / "state" / "irsa" / "audit.jsonl").read_text().splitlines()
    begin, end = map(json.loads, lines)
    assert (begin["command"], begin["server"], begin["issuer"]) == ("issuer accept", "cp-1", NEW)
    assert begin["after"]["issuers"] == [*begin["before"]["issuers"], NEW]
    assert begin["file"] == str(node.path)
    assert end["outcome"] == "done"


def test_without_a_record_nothing_is_edited(run, node):
    """A full disk is seen before the manifest is touched."""
    before = node.read()
    code, _, err = run("accept", "--yes", "--audit-log", "/dev/full")
    assert code == 65
    assert "the audit log /dev/full cannot be written" in err
    assert node.read() == before
