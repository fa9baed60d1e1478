"""Whatever happens between the webhook and the API server, its cache comes to be true again."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from irsa.errors import KubeError
from irsa.tls.certs import Authority

from .faults import Asked, Way, answer
from .placing import Setup, registered
from .rigs import Rig, rig_up
from .serving import Webhook
from .store import etcd
from .waiting import until

pytestmark = pytest.mark.cluster


@pytest.fixture(name="there", scope="module")
def _there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig whose API server may be killed."""
    with rig_up("faults", tmp_path_factory.mktemp("rig")) as up:
        yield up


def gaps(asked: list[Asked]) -> list[float]:
    """The seconds between requests."""
    times = [one.at for one in asked]
    return [after - before for before, after in itertools.pairwise(times)]


def kill_api_server(rig: Rig) -> None:
    """Kill it, and wait until another one answers; its node starts it again."""
    pid = rig.status["apiServers"][0]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: rig.status["apiServers"][0]["pid"] not in (None, pid))
    until(lambda: answers(rig))


def answers(rig: Rig) -> bool:
    """Whether the API server is ready."""
    try:
        return rig.kube.raw("/readyz") == b"ok"
    except KubeError:
        return False


def test_cut_watch_goes_on_where_it_was(setup: Setup) -> None:
    """A connection that is reset costs no list, and no change."""
    setup.known("cut", role=False)
    lists = setup.way.count("list")
    setup.way.cut()
    setup.changes_are_seen("cut")
    assert setup.way.count("list") == lists


def test_unreachable_api_server_at_the_start(
    way: tuple[Way, Authority], begin: Callable[..., Webhook]
) -> None:
    """It is alive, not ready, and says why; once the API server is there it is ready."""
    way[0].close()
    webhook = begin()
    until(lambda: "connection refused" in webhook.get("/readyz")[1])
    assert webhook.get("/readyz")[0] == 503
    assert webhook.get("/healthz")[0] == 200
    way[0].open()
    until(lambda: webhook.is_ready)
    assert webhook.child.poll() is None


def test_unreachable_api_server_later(setup: Setup) -> None:
    """It serves what it knows and says how old that is; a pod of an unknown account is let go."""
    setup.known("later")
    setup.known("later-changes", role=False)
    setup.way.close()
    setup.place.account("later-new")
    until(lambda: setup.age > 3)
    assert setup.webhook.is_ready
    assert setup.gives("later")
    said = setup.webhook.review("later-new", namespace=setup.place.pods, seconds=2)
    assert said.response["allowed"]
    assert not said.has_role
    assert "could not be read in time: cannot reach" in said.warning
    assert setup.webhook.metric('irsa_webhook_reviews_total{outcome="failed"}') == 1
    setup.way.open()
    assert setup.gives("later-new")
    setup.changes_are_seen("later-changes")
    assert setup.age < 3


def test_api_server_that_refuses_everything_for_a_while(setup: Setup) -> None:
    """It is asked less and less often, nothing is listed anew, and no pod loses its role."""
    setup.known("errors", role=False)
    setup.place.account("errors-new")
    lists = setup.way.count("list")
    ill = [503, 500, 502, 503]
    refused: list[Asked] = []

    def fault(asked: Asked) -> bytes | None:
        if asked.kind == "watch" and len(refused) < 5:
            refused.append(asked)
            return answer(503, b"no")
        return answer(ill.pop()) if asked.kind == "get" and ill else None

    setup.way.fault = fault
    setup.way.hold()
    setup.way.cut()
    assert setup.gives("errors-new")
    until(lambda: len(refused) == 5)
    setup.way.release()
    # 0.2 s, twice as long each time, shortened by half at most.
    assert all(gap >= 0.1 * 2**n for n, gap in enumerate(gaps(refused)))
    setup.changes_are_seen("errors")
    # After three refusals the version may be what is refused: that list was the only one.
    assert setup.way.count("list") - lists <= 2


def test_busy_api_server_is_left_alone_for_as_long_as_it_asks(setup: Setup) -> None:
    """429 with Retry-After, on the watch: no request before, and nothing is listed anew."""
    setup.known("busy", role=False)
    lists = setup.way.count("list")
    refused: list[Asked] = []

    def fault(asked: Asked) -> bytes | None:
        if asked.kind != "watch" or len(refused) == 4:
            return None
        refused.append(asked)
        return answer(429, b"Too many requests", Retry_After="2")

    setup.way.fault = fault
    setup.way.cut()
    setup.changes_are_seen("busy")
    assert len(refused) == 4
    assert min(gaps(refused)) >= 2
    assert setup.way.count("list") == lists


def test_live_read_outlives_a_busy_moment(setup: Setup) -> None:
    """429 with Retry-After, on a live read: the pod waits for it, and has its role."""
    refusals = [answer(429, b"Too many requests", Retry_After="1")]

    def fault(asked: Asked) -> bytes | None:
        return refusals.pop() if asked.kind == "get" and refusals else None

    setup.way.hold()
    setup.place.account("moment")
    setup.way.fault = fault
    assert setup.gives("moment")
    first, second = [one for one in setup.way.asked if one.path.endswith("/moment")]
    assert second.at - first.at >= 1


def test_watch_that_ends_at_once_is_asked_less_and_less_often(setup: Setup) -> None:
    """Answered 200, and over: no hot loop."""
    setup.known("ended", role=False)
    ended: list[Asked] = []

    def fault(asked: Asked) -> bytes | None:
        if asked.kind != "watch" or len(ended) == 5:
            return None
        ended.append(asked)
        return answer(200)

    setup.way.fault = fault
    setup.way.cut()
    setup.changes_are_seen("ended")
    assert all(gap >= 0.1 * 2**n for n, gap in enumerate(gaps(ended)))


def test_token_that_is_renewed_is_used(setup: Setup) -> None:
    """Kubelet replaces the file; the next request carries what is in it."""
    setup.known("renewed", role=False)
    token = setup.place.token()
    setup.webhook.token_file.write_text(token)
    setup.way.cut()
    setup.changes_are_seen("renewed")
    assert setup.way.asked[-1].authorization == token


def test_token_that_is_not_accepted_is_read_again(setup: Setup) -> None:
    """401 for a while: it serves what it knows, and goes on with the next token."""
    setup.known("refused")
    setup.known("refused-changes", role=False)
    setup.webhook.token_file.write_text("of-another-cluster")
    setup.way.cut()
    until(lambda: any(one.status == 401 for one in setup.way.asked))
    assert setup.gives("refused")
    setup.place.account("refused-new")
    threading.Timer(1.0, setup.webhook.token_file.write_text, [setup.place.token()]).start()
    assert setup.gives("refused-new")
    setup.changes_are_seen("refused-changes")


def test_api_server_is_restarted_while_pods_are_created(there: Rig, setup: Setup) -> None:
    """Every pod that came through has its role, with a ServiceAccount known or new."""
    lost: list[str] = []
    made: list[str] = []
    end = threading.Event()

    def create() -> None:
        for number in itertools.count():
            if end.is_set():
                return
            name = f"restart-{number}"
            try:
                setup.place.account(name)
                for account in (name, "registered"):
                    made.append(account)
                    if not setup.place.pod(account):
                        lost.append(account)
            except KubeError:
                end.wait(0.05)

    with registered(setup.place, setup.webhook):
        thread = threading.Thread(target=create)
        thread.start()
        try:
            until(lambda: len(made) > 40)
            kill_api_server(there)
            before = len(made)
            until(lambda: len(made) > before + 40)
        finally:
            end.set()
            thread.join()
    assert lost == []
    assert setup.webhook.child.poll() is None


def test_expired_version_leads_to_a_new_list(there: Rig, setup: Setup) -> None:
    """
    A real 410: etcd is compacted and the API server begun anew while the webhook is cut off.

    What was deleted meanwhile is known no more, what was created is.
    """
    setup.known("expired")
    setup.known("expired-changes", role=False)
    setup.way.close()
    setup.place.delete("expired")
    setup.place.account("expired-new")
    with etcd(there) as store:
        store.compact()
    kill_api_server(there)
    lists = setup.way.count("list")
    setup.way.open()
    until(lambda: setup.webhook.said("too old resource version"))
    until(lambda: setup.way.count("list") > lists)
    setup.changes_are_seen("expired-changes")
    assert not setup.gives("expired")
    assert setup.gives("expired-new")
    assert setup.way.count("get", "expired-new") == 0
