"""The parts that `--only` names."""

import pytest

from irsa.errors import InputError
from irsa.provision.scope import ALL, AWS, CLUSTER, Part, parse, spell


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        ([], ALL),
        (["roles"], {Part.roles}),
        (["issuer,provider", "roles"], AWS),
        (["aws"], AWS),
        (["cluster"], CLUSTER),
        (["service-accounts, injection"], CLUSTER),
        (["aws,injection"], AWS | {Part.injection}),
    ],
)
def test_parts_are_named_one_by_one_or_joined(names, parts):
    """With `aws` and `cluster` for the two halves; nothing named is everything."""
    assert parse(names) == parts


@pytest.mark.parametrize("names", [["role"], ["roles,"], [""]])
def test_an_unknown_part_is_refused(names):
    """And the known ones are told."""
    with pytest.raises(InputError, match="is no part") as caught:
        parse(names)
    assert "service-accounts" in caught.value.hint


def test_names_come_back_in_order():
    """The same, whatever the order they were given in."""
    assert spell(parse(["roles,issuer"])) == ["issuer", "roles"]
    assert parse(spell(ALL)) == ALL
