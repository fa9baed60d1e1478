"""A control-plane node in memory."""

import pytest
from tests.fakes.plane import FakeClock, Steps, make_node, make_plane

from irsa.apiserver.lock import Lock


@pytest.fixture(name="node")
def _node(tmp_path):
    return make_node(tmp_path)


@pytest.fixture(name="plane")
def _plane(node):
    return make_plane(node)


@pytest.fixture(name="clock")
def _clock(plane):
    return FakeClock(plane)


@pytest.fixture(name="lock")
def _lock(plane):
    return Lock(plane)


@pytest.fixture(name="steps")
def _steps():
    return Steps()
