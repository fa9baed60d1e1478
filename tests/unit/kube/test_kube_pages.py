"""Pages of lists in protobuf, however they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import protobuf

from irsa.kube.pages import MAX_FIELD, Item, PageReader

PREFIX = "eks.amazonaws.com/"
ROLE = {f"{PREFIX}role-arn": "arn:aws:iam::111122223333:role/wéb", "other": "x" * 500}
PAGE = protobuf.page(
    "77",
    "more",
    [
        protobuf.item("web", "shop", ROLE),
        protobuf.item("plain", "shop", {"other": "y"}),
        protobuf.item("n" * 200, "bank"),
    ],
)
ITEMS = [Item("web", "shop", ROLE), Item("plain", "shop"), Item("n" * 200, "bank")]


def read(data: bytes, *cuts: int) -> tuple[list[Item], PageReader]:
    """What comes of a page that is cut in pieces."""
    reader = PageReader(PREFIX)
    ends = [*sorted(cuts), len(data)]
    pieces = [data[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    items = [item for piece in pieces for item in reader.feed(piece)]
    reader.end()
    return items, reader


def test_objects_are_read_with_the_annotations_that_are_wanted() -> None:
    """Who does not mention the prefix comes by name alone."""
    items, reader = read(PAGE)
    assert items == ITEMS
    assert (reader.resource_version, reader.following) == ("77", "more")


@given(st.lists(st.integers(0, len(PAGE)), max_size=6))
def test_pieces_may_be_of_any_length(cuts: list[int]) -> None:
    """What counts is what they are together."""
    assert read(PAGE, *cuts)[0] == ITEMS


def test_every_byte_may_come_alone() -> None:
    """Nothing is read before it is here."""
    assert read(PAGE, *range(len(PAGE)))[0] == ITEMS


def test_what_follows_is_known_before_the_first_object() -> None:
    """So that the next page can be asked for early."""
    reader = PageReader(PREFIX)
    assert list(reader.feed(PAGE[: PAGE.index(b"web")])) == []
    assert reader.following == "more"


def test_empty_list_is_a_list() -> None:
    """A cluster without ServiceAccounts."""
    items, reader = read(protobuf.page("7", "", []))
    assert items == []
    assert (reader.resource_version, reader.following) == ("7", "")


def test_prefix_that_is_mentioned_elsewhere_makes_nothing_up() -> None:
    """A value that holds it is no annotation of that name."""
    annotations = {"other": PREFIX}
    page = protobuf.page("7", "", [protobuf.item("web", "shop", annotations)])
    assert read(page)[0] == [Item("web", "shop", annotations)]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>",
        PAGE[:-700],
        PAGE[:3],
        b"k8s\0" + protobuf.field(2, b"\x13"),
        b"k8s\0" + protobuf.field(2, protobuf.field(2, protobuf.field(2, "x"))),
        b"k8s\0" + protobuf.field(2, protobuf.field(2, b"\x0a\x05\x0a")),
        b"k8s\0" + protobuf.field(2, protobuf.field(2, protobuf.field(1, b"\x0a\x7f"))),
        b"k8s\0" + protobuf.field(2, protobuf.field(2, protobuf.field(1, b"\x0a\x01\xff"))),
        b"k8s\0" + b"\x12\x03" + protobuf.field(2, "xxxxx") + bytes(30),
        b"k8s\0" + b"\x0a" + b"\xff" * 12,
        b"k8s\0" + b"\x12" + b"\xff" * 8 + b"\x01" + b"\x12" + b"\xff" * 8 + b"\x01" + bytes(99),
    ],
    ids=[
        *("nothing", "html", "cut", "begun", "kind", "other", "short"),
        *("outgrows", "no-text", "beyond", "endless", "huge"),
    ],
)
def test_anything_else_is_refused(data: bytes) -> None:
    """By these errors alone; nothing is waited for that never comes."""
    with pytest.raises((ValueError, IndexError)):
        read(data)


def test_nothing_is_gathered_without_end() -> None:
    """An object of gigabytes is none."""
    reader = PageReader(PREFIX)
    huge = b"k8s\0\x12\xff\xff\xff\xff\x07\x12\xff\xff\xff\xff\x06"
    assert list(reader.feed(huge)) == []
    with pytest.raises(ValueError, match="longer"):
        list(reader.feed(bytes(MAX_FIELD + 1)))


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_end_in_those_errors(data: bytes) -> None:
    """Whatever stands between us and the API server."""
    try:
        read(b"k8s\0" + data)
    except (ValueError, IndexError):
        return
