"""An API server that says nothing, says it slowly, or has fallen back behind itself."""

from collections.abc import Callable

import pytest
from tests.fakes import protobuf

from irsa.tls.certs import Authority

from .faults import Asked, Way, answer
from .objects import ROLE
from .placing import KNOWN, Place, Setup
from .serving import Webhook
from .waiting import until

pytestmark = pytest.mark.cluster


def test_watch_that_swallows_everything_is_noticed(setup: Setup) -> None:
    """A ServiceAccount that is known and changes meanwhile is seen; a new one is read live."""
    setup.known("swallowed", role=False)
    watches = setup.way.count("watch")
    setup.way.swallow()
    setup.place.annotate("swallowed", role=ROLE)
    setup.place.account("swallowed-new")
    assert setup.gives("swallowed-new")
    assert setup.way.count("watch") == watches
    until(lambda: setup.gives("swallowed"))
    assert setup.way.count("watch") > watches


def test_slow_list_is_waited_for(
    way: tuple[Way, Authority], place: Place, begin: Callable[..., Webhook]
) -> None:
    """A page may take longer than any answer's time-out, if only something comes."""
    way[0].rate = 2500
    webhook = begin()
    until(lambda: webhook.is_ready)
    assert [one.status for one in way[0].asked if one.kind == "list"].count(200) == 1
    way[0].rate = None
    place.account("slow")
    until(lambda: webhook.gives_role("slow", namespace=place.pods))


def test_version_that_the_api_server_has_not_reached(
    way: tuple[Way, Authority], place: Place, begin: Callable[..., Webhook]
) -> None:
    """As after etcd was restored: such a watch is silent for ever, and everything is listed."""
    place.account("restored")
    restored = protobuf.page("99999999", "", [])
    told = [answer(200, restored, Content_Type=protobuf.TYPE)]

    def fault(asked: Asked) -> bytes | None:
        return told.pop() if asked.kind == "list" and told else None

    way[0].fault = fault
    webhook = begin()
    until(lambda: webhook.is_ready)
    assert webhook.metric(KNOWN) == 0
    until(lambda: webhook.metric(KNOWN) > 0)
    assert webhook.gives_role("restored", namespace=place.pods)
