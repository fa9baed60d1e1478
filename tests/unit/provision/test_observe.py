"""Reading side by side."""

import threading
from types import SimpleNamespace

from irsa.provision import observe
from irsa.provision.observe import WORKERS


def _meeting(together):
    """A thing whose read ends only when as many others are being read."""
    return SimpleNamespace(read=lambda _: together.wait(timeout=30))


def test_reads_run_side_by_side():
    """As many as there are workers are under way at once."""
    together = threading.Barrier(WORKERS)
    things = [_meeting(together) for _ in range(WORKERS)]
    assert [thing for thing, _ in observe.observe(things, SimpleNamespace())] == things
