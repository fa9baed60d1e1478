"""What holds for all tests."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """
    Measure the coverage of the tests' own processes, not of the programs that they start.

    `make test` has every Python measured; those programs run elsewhere, and would be slower.
    """
    alone = not config.getoption("numprocesses", None)
    if alone or hasattr(config, "workerinput"):
        os.environ.pop("COVERAGE_PROCESS_START", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the dear tests, in whatever order otherwise: no core waits for them at last."""
    items.sort(key=lambda item: item.get_closest_marker("cluster") is None)
