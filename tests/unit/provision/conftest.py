"""The stage that provisioning is tried on."""

import pytest
from tests.fakes.stage import Stage, make_stage


@pytest.fixture
def stage() -> Stage:
    return make_stage()
