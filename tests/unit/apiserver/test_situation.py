"""What is known now, and the step that follows."""

import pytest

from irsa.apiserver.node import Node
from irsa.apiserver.situation import Goal, gather, next_step
from irsa.apiserver.stages import Gate, Stage
from irsa.errors import InputError, RefusedError

NEW = "https://b.s3.eu-west-1.amazonaws.com"


def _step(goal, plane, node):
    found = gather(plane, node=node)
    assert found.here
    return next_step(goal, found, NEW, here=found.here)


def test_the_nodes_server_is_found_among_the_clusters(plane, node):
    """Node and cluster belong together."""
    found = gather(plane, node=node)
    assert found.here
    assert found.here.server.name == "cp-1"
    assert [server.name for server in found.others()] == ["cp-2"]


def test_a_node_of_another_cluster_is_refused(plane, node):
    """The wrong kubeconfig must not restart the right server."""
    node.write(node.read().replace(b"10.0.0.11:6443", b"10.9.9.9:6443"))
    with pytest.raises(RefusedError, match="no API server of this cluster"):
        gather(plane, node=node)


def test_a_machine_without_a_manifest_is_told(plane, tmp_path):
    """The hint says what the right place looks like."""
    with pytest.raises(InputError, match="no API server manifest"):
        gather(plane, node=Node(tmp_path / "elsewhere"))


def test_a_linked_manifest_is_left_alone(node):
    """The rename would replace the link, not what it points to."""
    target = node.path.rename(node.path.with_name(".real"))
    node.path.symlink_to(target)
    with pytest.raises(InputError, match="a link"):
        node.read()


def test_accept_follows(plane, node):
    """Nothing speaks against the first step."""
    step = _step(Goal.accept, plane, node)
    assert (step.stage, step.refusals) == (Stage.accept, ())


def test_activate_waits_for_every_server(plane, node):
    """The other server does not accept yet."""
    accepted = _step(Goal.accept, plane, node).wanted
    node.write(node.manifest().with_issuance(accepted))
    plane.kubelet()
    step = _step(Goal.activate, plane, node)
    assert {refusal.gate for refusal in step.refusals} == {Gate.every_server_accepts}


def test_a_manifest_that_does_not_run_is_refused(plane, node):
    """A flag that nobody proved would come along."""
    node.write(node.read().replace(b"    - --secure-port", b"    - --v=2\n    - --secure-port"))
    step = _step(Goal.accept, plane, node)
    assert [refusal.gate for refusal in step.refusals] == [Gate.running_as_written]


def test_an_uncertain_fleet_refuses_every_step(plane, node):
    """A server that nobody sees may be the one that rejects."""
    labels = {"node-role.kubernetes.io/control-plane": ""}
    plane.create(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp-3", "labels": labels}}
    )
    assert [one.gate for one in _step(Goal.accept, plane, node).refusals] == [Gate.servers_agree]


def test_rollback_to_the_original_needs_a_history(plane, node):
    """Without one it is not known that no token is alive."""
    node.write(node.manifest().with_issuance(_step(Goal.accept, plane, node).wanted))
    plane.kubelet()
    step = _step(Goal.rollback, plane, node)
    assert [refusal.gate for refusal in step.refusals] == [Gate.new_tokens]
