"""The history of an issuer's change."""

from datetime import UTC, datetime

import pytest

from irsa.apiserver import history
from irsa.apiserver.flags import Issuance
from irsa.apiserver.history import Event, Record, flags_of
from irsa.apiserver.stages import Past, Stage
from irsa.errors import KubeError

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://b.s3.eu-west-1.amazonaws.com"
ORIGINAL = Issuance(issuers=(OLD,))
ACCEPT = Issuance(issuers=(OLD, NEW), audiences=(OLD,))
ACTIVATE = Issuance(issuers=(NEW, OLD), audiences=(OLD,))


def _record(before, after, *, server="cp-1", event=Event.done, stage=Stage.accept):
    return Record(
        time=datetime(2026, 1, 2, tzinfo=UTC),
        server=server,
        event=event,
        stage=stage,
        issuer=NEW,
        before=flags_of(before),
        after=flags_of(after),
        version="1",
    )


def test_a_history_reads_back():
    """What is written is what is read."""
    records = (_record(ORIGINAL, ACCEPT), _record(ACCEPT, ACTIVATE, stage=Stage.activate))
    assert history.decode(history.encode(records), "test") == records


def test_a_foreign_history_is_an_error():
    """What this tool did not write is not guessed at."""
    with pytest.raises(KubeError, match="cannot be read"):
        history.decode("[{}]", "test")


def test_an_edit_that_was_only_begun_counts_as_active():
    """A killed run may have brought the new issuer up for a moment."""
    begun = _record(ACCEPT, ACTIVATE, event=Event.begun, server="cp-2")
    assert history.past_of([begun], "cp-1", new=NEW).activated


def test_the_original_is_that_of_the_server_before_its_first_edit():
    """Each server has its own."""
    other = Issuance(issuers=("https://other",))
    records = [_record(other, ACCEPT, server="cp-2"), _record(ORIGINAL, ACCEPT)]
    past = history.past_of(records, "cp-1", new=NEW)
    assert past == Past(kept=True, activated=False, original=ORIGINAL)


def test_another_issuers_history_does_not_count():
    """Each change of issuer has its own past."""
    assert history.past_of([_record(ORIGINAL, ACCEPT)], "cp-1", new="https://x") == Past()
