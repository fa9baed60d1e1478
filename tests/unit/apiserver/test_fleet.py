"""Every API server asked: who signs with which key, who accepts what."""

import pytest

from irsa.apiserver import fleet
from irsa.apiserver.probe import Probe, look
from irsa.apiserver.servers import Server
from irsa.errors import KubeError, RefusedError


def test_every_server_is_discovered(plane):
    """Mirror pods tell where each answers."""
    assert [server.name for server in fleet.discover(plane)] == ["cp-1", "cp-2"]


def test_a_contradiction_is_refused(plane):
    """A control-plane node without a server is named."""
    labels = {"node-role.kubernetes.io/control-plane": ""}
    plane.create(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "cp-3", "labels": labels}}
    )
    with pytest.raises(RefusedError, match="node cp-3 has no API server pod"):
        fleet.discover(plane)


def test_the_keys_seen_signing_are_those_of_every_server(plane):
    """A token is minted at each; its audience is nobody's."""
    servers = fleet.discover(plane)
    assert fleet.signing_kids(plane, servers) == {"kid-1"}
    assert len(plane.tokens) == 2
    assert all(audiences[0].startswith("urn:irsa:probe:") for _, _, audiences, _ in plane.tokens)


def test_a_server_that_is_down_is_no_answer(plane):
    """A key that may sign later must not be missed."""
    servers = fleet.discover(plane)
    plane.here.up = False
    with pytest.raises(KubeError):
        fleet.signing_kids(plane, servers)


def test_a_server_is_known_by_flags_and_document(plane):
    """Both are shown, since they can differ."""
    known = look(plane, fleet.discover(plane)[0])
    assert known.answers
    assert known.issuance == plane.here.issuance
    assert known.document_issuer == plane.here.issuance.issuers[0]


def test_what_cannot_be_learnt_is_told(plane):
    """A dead server and one without a pod are known as such."""
    first = fleet.discover(plane)[0]
    plane.here.up = False
    assert "cannot reach" in (look(plane, first).problem or "")
    plane.here.up = True
    unseen = look(plane, Server(name="x", url="https://10.0.0.12:6443"))
    assert (unseen.answers, unseen.issuance) == (True, None)
    shell = Server(name="x", url="https://10.0.0.12:6443", command=("sh", "-c", "x"))
    assert look(plane, shell).issuance is None


def test_a_token_is_accepted_where_its_issuer_is(plane):
    """What one server mints is shown to the other."""
    first, second = fleet.discover(plane)
    with Probe(plane, first) as here, Probe(plane, second) as there:
        token = here.mint()
        assert there.rejects(token) is None
        plane.servers[second.url].command = ("kube-apiserver", "--service-account-issuer=https://x")
        assert there.rejects(token) == "unknown iss"
