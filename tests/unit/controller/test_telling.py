"""Events: who is told of what, how often, and what happens when the API server does not take it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from irsa.controller.certificates import Trouble
from irsa.controller.clock import Clock
from irsa.controller.complaints import Complaints
from irsa.controller.events import FORGET, TELL_AGAIN, TELL_CHANGED, About, Events
from irsa.controller.metrics import State
from irsa.controller.patrol import Patrol
from irsa.controller.pods import Bare, OwnerReference
from irsa.controller.survey import Found
from irsa.controller.telling import AT_ONCE, HOUR, PODS_OF_AN_OWNER, Telling
from irsa.errors import KubeError
from irsa.kube.objects import Ref

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
POD = About(ref=Ref("v1", "Pod", "web-1", "shop"), uid="0123")


class Server:
    """Events as an API server keeps them, each for an hour."""

    def __init__(self) -> None:
        self.events: dict[str, dict] = {}
        self.requests = 0
        self.failure: KubeError | None = None
        self.at = 0.0

    def create(self, obj: Any) -> Any:
        self._asked()
        name = obj["metadata"]["name"]
        if name in self.events:
            raise KubeError("exists", status=409, reason="AlreadyExists")
        self.events[name] = obj
        return obj

    def patch(self, ref: Ref, patch: Any) -> Any:
        self._asked()
        if ref.name not in self.events:
            raise KubeError("not found", status=404, reason="NotFound")
        self.events[ref.name] = self.events[ref.name] | patch
        return self.events[ref.name]

    def _asked(self) -> None:
        self.requests += 1
        if self.failure:
            raise self.failure

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.at)

    def about(self, kind: str) -> list[dict]:
        """The Events about objects of a kind."""
        return [one for one in self.events.values() if one["involvedObject"]["kind"] == kind]


@pytest.fixture(name="server")
def _server() -> Server:
    return Server()


def events(server: Server) -> Events:
    return Events(kube=server, clock=server.now, ticks=lambda: server.at)


def telling(server: Server) -> Telling:
    return Telling(events=events(server), ticks=lambda: server.at)


def test_the_same_is_told_once_and_counted_while_it_goes_on(server: Server) -> None:
    """Twice an hour, so that it never disappears while it is true."""
    writer = events(server)
    assert writer.tell(POD, "Odd", message="a")
    assert not writer.tell(POD, "Odd", message="a")
    server.at += TELL_AGAIN
    assert writer.tell(POD, "Odd", message="a")
    [event] = server.events.values()
    assert event["count"] == 2
    assert event["lastTimestamp"] > event["firstTimestamp"]
    assert event["involvedObject"]["uid"] == "0123"
    assert writer.results == {"written": 2}


def test_long_message_is_cut(server: Server) -> None:
    """The API server takes no more than this."""
    events(server).tell(POD, "Odd", message="x" * 5000)
    assert [len(event["message"]) for event in server.events.values()] == [1024]


def test_changed_message_is_told_a_little_earlier(server: Server) -> None:
    """Numbers that go up and down do not make a request each time."""
    writer = events(server)
    writer.tell(POD, "Odd", message="a")
    assert not writer.tell(POD, "Odd", message="b")
    server.at += TELL_CHANGED
    assert writer.tell(POD, "Odd", message="b")
    assert [event["message"] for event in server.events.values()] == ["b"]


def test_event_that_has_run_out_is_made_anew(server: Server) -> None:
    """The API server forgets Events after a while."""
    writer = events(server)
    writer.tell(POD, "Odd", message="a")
    server.events.clear()
    server.at += TELL_AGAIN
    assert writer.tell(POD, "Odd", message="a")
    assert [event["count"] for event in server.events.values()] == [1]


def test_event_of_an_earlier_controller_is_gone_on_with(server: Server) -> None:
    """One Event, not one for each process."""
    events(server).tell(POD, "Odd", message="a")
    second = events(server)
    second.tell(POD, "Odd", message="a")
    server.at += TELL_AGAIN
    second.tell(POD, "Odd", message="a")
    assert [event["count"] for event in server.events.values()] == [2]


@pytest.mark.parametrize("status", [None, 409, 429, 500])
def test_refused_event_is_an_error_and_told_the_next_time(
    server: Server, status: int | None
) -> None:
    """Nothing is taken for told that was not."""
    writer = events(server)
    server.failure = KubeError("no", status=status)
    with pytest.raises(KubeError):
        writer.tell(POD, "Odd", message="a")
    server.failure = None
    assert writer.tell(POD, "Odd", message="a")
    assert writer.results == {"failed": 1, "written": 1}


def test_memory_does_not_grow(server: Server) -> None:
    """What is no longer told is forgotten."""
    writer = events(server)
    writer.tell(POD, "Odd", message="a")
    server.at += FORGET + 1
    writer.forget_old()
    assert not writer._told


def test_event_about_what_has_no_namespace_is_kept_in_default(server: Server) -> None:
    """The API server takes it nowhere else."""
    ref = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "irsa-webhook")
    events(server).tell(About(ref=ref), "Odd", message="a")
    [event] = server.events.values()
    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["involvedObject"]


def pod(number: int, owner: str | None = "web-7d", kind: str = "ReplicaSet") -> Bare:
    reference = OwnerReference(api_version="apps/v1", kind=kind, name=owner or "", uid=f"{owner}")
    return Bare(
        namespace="shop",
        name=f"{owner}-{number:04}",
        uid=f"{owner}-{number}",
        service_account="web",
        role_arn="arn:aws:iam::111122223333:role/web",
        containers=("app",),
        owner=reference if owner else None,
        why="the webhook could not help: no answer",
    )


def test_few_pods_are_told_of_one_by_one(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """An Event beside each, and a line in the log, with the reason."""
    teller = telling(server)
    for _ in range(3):
        teller.tell([pod(1), pod(2)])
    assert [event["involvedObject"]["name"] for event in server.about("Pod")] == [
        "web-7d-0001",
        "web-7d-0002",
    ]
    [first, _] = server.about("Pod")
    assert (first["reason"], first["type"]) == ("RoleMissing", "Warning")
    assert "role/web" in first["message"]
    assert "No answer" in first["message"] or "no answer" in first["message"]
    assert server.about("ReplicaSet") == []
    assert caplog.text.count("a running pod has no role") == 2
    assert server.requests == 2


@pytest.mark.parametrize(("owner", "kind"), [("web-7d", "ReplicaSet"), (None, "ServiceAccount")])
def test_many_pods_of_one_owner_are_told_of_together(
    server: Server, owner: str | None, kind: str
) -> None:
    """A few by name, all by number, on the owner; those of nobody on their ServiceAccount."""
    teller = telling(server)
    for _ in range(10):
        teller.tell([pod(number, owner) for number in range(1000)])
        server.at += 60
    assert len(server.about("Pod")) == PODS_OF_AN_OWNER
    [event] = server.about(kind)
    assert "1000 pods" in event["message"]
    assert server.requests == PODS_OF_AN_OWNER + 1
    server.at += 2 * HOUR
    teller.tell([pod(number, owner) for number in range(1000)])
    assert len(server.about("Pod")) == PODS_OF_AN_OWNER


def test_an_owner_whose_pods_come_and_go_makes_few_events(server: Server) -> None:
    """A Job that fails every minute: a few an hour."""
    teller = telling(server)
    for minute in range(120):
        teller.tell([pod(minute)])
        server.at += 60
    assert len(server.about("Pod")) <= 2 * PODS_OF_AN_OWNER + 1
    assert len(server.about("ReplicaSet")) == 1


def test_forgotten_owners_are_told_of_again(server: Server) -> None:
    """Neither for ever known, nor for ever silent."""
    teller = telling(server)
    teller.tell([pod(1)])
    server.at += HOUR + 1
    teller.tell([])
    assert not teller._spent
    assert not teller._told


def test_one_survey_makes_a_bounded_number_of_events(server: Server) -> None:
    """The next one goes on where it ended, until everybody is told."""
    pods = [pod(1, f"owner-{number}") for number in range(2 * AT_ONCE + 1)]
    teller = telling(server)
    counts = []
    for _ in range(4):
        teller.tell(pods)
        counts.append(len(server.events))
    assert counts == [AT_ONCE, 2 * AT_ONCE, len(pods), len(pods)]


@pytest.mark.parametrize("status", [None, 429, 503])
def test_overloaded_api_server_is_left_alone_and_told_later(
    server: Server, status: int | None
) -> None:
    """One request, not one for each pod; afterwards all of them."""
    pods = [pod(number) for number in range(3)]
    teller = telling(server)
    server.failure = KubeError("no", status=status)
    with pytest.raises(KubeError):
        teller.tell(pods)
    assert server.requests == 1
    server.failure = None
    teller.tell(pods)
    assert len(server.about("Pod")) == 3


def test_namespace_that_takes_no_events_keeps_no_other_from_theirs(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """It is being deleted, or the permission is missing: said once."""
    teller = telling(server)
    server.failure = KubeError("namespace is being terminated", status=403)
    for _ in range(3):
        teller.tell([pod(1), pod(2)])
    assert caplog.text.count("being terminated") == 1
    server.failure = None
    teller.tell([pod(1), pod(2)])
    assert len(server.about("Pod")) == 2


TROUBLE = Trouble(
    about=Ref("v1", "Secret", "irsa-webhook-ca", "irsa-system"),
    error=KubeError("not allowed to update it", status=403),
)


def test_trouble_with_our_own_objects_is_told_beside_them(server: Server) -> None:
    """Which one, and why."""
    Complaints(events=events(server)).tell(TROUBLE)
    [event] = server.about("Secret")
    assert event["reason"] == "NotKept"
    assert "not allowed" in event["message"]


def test_complaint_that_may_not_be_written_changes_nothing(server: Server) -> None:
    """The log says the same; an overloaded API server is another matter."""
    complaints = Complaints(events=events(server))
    server.failure = KubeError("no", status=403)
    complaints.tell(TROUBLE)
    server.failure = KubeError("no", status=429)
    with pytest.raises(KubeError):
        complaints.tell(TROUBLE)


class Steps:
    """A search that finds, and a restarter that is asked."""

    def __init__(self) -> None:
        self.restarts = 1
        self.asked: list[Any] = []

    def find(self) -> Found:
        return Found(bare=(pod(1),))

    def step(self, pods: Any) -> None:
        self.asked.append(pods)


def test_patrol_finds_tells_and_restarts(server: Server) -> None:
    """What was found is shown, also when it cannot be told."""
    steps, state = Steps(), State()
    patrol = Patrol(
        search=steps, telling=telling(server), state=state, clock=server.now, restarter=steps
    )
    server.failure = KubeError("no", status=429)
    with pytest.raises(KubeError):
        patrol.go()
    assert (len(state.bare), state.survey_at, steps.asked) == (1, NOON, [])
    server.failure = None
    patrol.go()
    assert state.restarts == 1
    assert len(server.about("Pod")) == 1


@pytest.mark.parametrize("ahead", [timedelta(days=365), timedelta(days=-365)], ids=str)
def test_clock_of_the_api_server_counts(ahead: timedelta, caplog: pytest.LogCaptureFixture) -> None:
    """It judges the certificates; the difference is shown, and told once."""
    heard: datetime | None = None
    clock = Clock(server=lambda: heard, local=lambda: NOON + ahead, state=State())
    assert clock.now() == NOON + ahead
    heard = NOON
    assert [clock.now() for _ in range(3)] == [NOON] * 3
    assert clock.state.skew == -ahead
    assert caplog.text.count("differ") == 1
