"""Every pattern of AWS's models can be asked here."""

import re

import botocore.session
import pytest

from irsa.local.aws.operations import OPERATIONS


def _shapes(shape, seen):
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    yield shape
    members = list(shape.members.values()) if shape.type_name == "structure" else []
    for member in members + ([shape.member] if shape.type_name == "list" else []):
        yield from _shapes(member, seen)


@pytest.mark.parametrize("service", ["iam", "sts"])
def test_every_pattern_of_an_operation_compiles(service):
    """Java's expressions are written so that Python reads them, but for classes of letters."""
    model = botocore.session.get_session().get_service_model(service)
    for name in OPERATIONS[service]:
        for shape in _shapes(model.operation_model(name).input_shape, set()):
            pattern = shape.metadata.get("pattern", "")
            assert r"\p{" in pattern or re.compile(pattern)


# What a browser opens has no model.
PAGES = {"AllowDevice", "Authorize"}


@pytest.mark.parametrize("service", sorted(set(OPERATIONS) - {"sso-device"}))
def test_every_operation_of_the_table_exists(service):
    """By the name that AWS gives it."""
    model = botocore.session.get_session().get_service_model(service)
    assert set(OPERATIONS[service]) - PAGES <= set(model.operation_names)
