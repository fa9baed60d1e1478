"""How problems are put into words."""

import pytest

from irsa.config.problems import Problems, child, quoted, suggestion


def test_problems_are_listed_in_the_order_of_the_file_and_once() -> None:
    """Whatever the order in which they were found."""
    problems = Problems(source="a.yaml")
    for line, text in ((7, "late"), (2, "early"), (7, "late")):
        problems.add(line, "x", text)
    assert problems.error().message == (
        "2 things are wrong in a.yaml\n  a.yaml:2: x: early\n  a.yaml:7: x: late"
    )


def test_nothing_wrong_raises_nothing() -> None:
    """An empty list is no error."""
    Problems(source="a.yaml").raise_any()


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        ("", "a", "a"),
        ("a", "b", "a.b"),
        ("a", "b.c/d", 'a["b.c/d"]'),
        ("", "x y", '["x y"]'),
    ],
)
def test_paths_are_readable(path: str, key: str, expected: str) -> None:
    """A key with unusual characters stands in brackets."""
    assert child(path, key) == expected


def test_foreign_text_is_cut_to_one_short_line() -> None:
    """A value cannot fill the terminal."""
    assert quoted("a\nb" + "x" * 999).startswith('"a bxx')
    assert len(quoted("x" * 999)) == 258


@pytest.mark.parametrize("word", ["keys_from", "KeysFrom", "keyfrom", "keys-from"])
def test_a_word_in_another_spelling_is_recognised(word: str) -> None:
    """Case, dashes and underscores do not hide what is meant."""
    assert suggestion(word, ["bucket", "keysFrom"]) == "did you mean keysFrom?"
