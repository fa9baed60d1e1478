"""Watches that go on, against a server by script."""

import json

import pytest
from tests.fakes.api_server import Answer, status

from irsa.errors import KubeError
from irsa.kube import watching
from irsa.kube.transport import Request, Transport
from irsa.kube.watching import Seen, Watch

PODS = Request(path="/api/v1/pods", params={"labelSelector": "a=b"})


def pod(name: str, version: int, uid: str = "u") -> dict:
    metadata = {"name": name, "namespace": "x", "uid": uid, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def listed(version: int, *pods: dict) -> Answer:
    metadata = {"resourceVersion": str(version)}
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods}
    return Answer(body=json.dumps(body).encode())


def line(kind: str, obj: dict) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def watched(*lines: bytes, cut: bool = False) -> Answer:
    return Answer(chunks=iter(lines), cut=cut)


def gone() -> bytes:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "code": 410,
        "reason": "Expired",
        "message": "old",
    }
    return line("ERROR", body)


@pytest.fixture(name="events")
def _events(api, connection, monkeypatch):
    """Runs a watch over a script, until a pod called `last` is seen."""
    monkeypatch.setattr(watching, "LONGEST_PAUSE", 0.01)
    transport = Transport(connection, timeout=5.0, sleep=lambda _seconds: None)

    def run(*answers):
        api.answers(*answers, listed(99))
        seen = []
        for kind, obj in (events := Watch(transport, PODS, timeout=None).events()):
            seen.append((kind, obj["metadata"]["name"], obj["metadata"]["resourceVersion"]))
            if obj["metadata"]["name"] == "last":
                events.close()
        return seen

    yield run
    transport.close()


LAST = line("ADDED", pod("last", 100))


def test_watch_begins_where_the_list_ends(api, events):
    """Every object as ADDED, then the changes since that very version."""
    seen = events(listed(5, pod("a", 3)), watched(line("MODIFIED", pod("a", 6)), LAST))
    assert seen == [("ADDED", "a", "3"), ("MODIFIED", "a", "6"), ("ADDED", "last", "100")]
    query = api.seen[1].path
    assert "resourceVersion=5" in query
    assert "labelSelector=a%3Db" in query
    assert "allowWatchBookmarks=true" in query
    assert "timeoutSeconds=60" in query


@pytest.mark.parametrize("cut", [False, True], ids=["ended", "cut"])
def test_watch_is_resumed_where_it_ended(api, events, cut):
    """Whether the server ended it in order or died: no list anew, nothing twice."""
    first = watched(line("ADDED", pod("a", 6)), cut=cut)
    seen = events(listed(5), first, watched(LAST))
    assert seen == [("ADDED", "a", "6"), ("ADDED", "last", "100")]
    assert "resourceVersion=6" in api.seen[2].path


def test_bookmark_moves_the_version_only(api, events):
    """It is no event."""
    bookmark = line("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "50"}})
    assert events(listed(5), watched(bookmark), watched(LAST)) == [("ADDED", "last", "100")]
    assert "resourceVersion=50" in api.seen[2].path


@pytest.mark.parametrize(
    "expired",
    [watched(gone()), status(410, "Expired")],
    ids=["event", "answer"],
)
def test_expired_version_lists_anew_and_tells_the_difference(events, expired):
    """What vanished meanwhile is DELETED, as it was last seen; the unchanged is not repeated."""
    if expired.chunks:
        expired = watched(gone())
    seen = events(
        listed(5, pod("same", 1), pod("changed", 2), pod("vanished", 3), pod("reborn", 4, "old")),
        expired,
        listed(20, pod("same", 1), pod("changed", 12), pod("reborn", 13, "new"), pod("born", 14)),
        watched(LAST),
    )
    assert seen[4:] == [
        ("DELETED", "vanished", "3"),
        ("DELETED", "reborn", "4"),
        ("MODIFIED", "changed", "12"),
        ("ADDED", "reborn", "13"),
        ("ADDED", "born", "14"),
        ("ADDED", "last", "100"),
    ]


@pytest.mark.parametrize(
    "trouble",
    [None, status(500), status(429), status(403), status(401), status(504)],
    ids=["cut", "500", "429", "403", "401", "504"],
)
def test_server_that_restarts_is_waited_for(events, trouble):
    """A server that just started may even answer 401 and 403 for a moment."""
    assert events(listed(5), trouble, trouble, watched(LAST)) == [("ADDED", "last", "100")]


def test_other_refusals_end_the_watch(events):
    """What cannot get better is told."""
    with pytest.raises(KubeError) as caught:
        events(listed(5), status(422, "Invalid", "bad selector"))
    assert caught.value.status == 422


def test_lasting_refusal_ends_the_watch(events, monkeypatch):
    """Rights that were taken away do not come back by waiting."""
    monkeypatch.setattr(watching, "GRACE", -1.0)
    with pytest.raises(KubeError) as caught:
        events(listed(5), status(403, "Forbidden", "no"))
    assert caught.value.status == 403


def test_first_list_that_fails_is_told_at_once(events):
    """Whoever begins a watch learns that it cannot be."""
    with pytest.raises(KubeError):
        events(status(403, "Forbidden", "no"))


def test_error_in_the_stream_is_understood(events):
    """A server error in the middle is waited out like any."""
    error = line("ERROR", {"kind": "Status", "code": 500, "message": "etcd"})
    assert events(listed(5), watched(error), watched(LAST)) == [("ADDED", "last", "100")]


def test_watch_ends_when_the_transport_is_closed(api, connection):
    """Without an error: whoever closed it knows."""
    transport = Transport(connection, timeout=5.0)
    api.answers(listed(5, pod("a", 1)), watched(line("ADDED", pod("b", 6))), None)
    events = Watch(transport, PODS, timeout=None).events()
    assert [next(events)[1]["metadata"]["name"] for _ in "ab"] == ["a", "b"]
    transport.close()
    assert list(events) == []


def test_relist_after_relist_tells_nothing():
    """The same list twice has no differences."""
    seen, items = Seen(), [pod("a", 1), pod("b", 2)]
    assert [kind for kind, _ in seen.relisted(items)] == ["ADDED", "ADDED"]
    assert list(seen.relisted(items)) == []
