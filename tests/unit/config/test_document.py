"""YAML text as a tree: what is kept as written, and what is refused."""

import pytest

from irsa.config.document import List, Mapping, Scalar, compose
from irsa.config.problems import Problem, Problems


def tree_of(text: str) -> object:
    """The tree of a text in which nothing is wrong."""
    problems = Problems(source="a.yaml")
    tree = compose(text, problems)
    assert problems.found == []
    return tree


def problems_of(text: str) -> list[Problem]:
    """What is wrong with a text."""
    problems = Problems(source="a.yaml")
    compose(text, problems)
    return problems.found


def values_of(text: str) -> dict[str, Scalar]:
    """The scalars of a mapping, by key."""
    tree = tree_of(text)
    assert isinstance(tree, Mapping)
    return {entry.key: entry.value for entry in tree.entries if isinstance(entry.value, Scalar)}


@pytest.mark.parametrize(
    "word", ["012", "no", "1_000", "0o17", "0x1f", "1e3", "2012-10-17", ".inf"]
)
def test_scalars_are_kept_as_written(word: str) -> None:
    """No number, date or boolean is made of a scalar."""
    assert values_of(f"a: {word}") == {"a": Scalar(line=1, text=word, plain=True)}


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff"])
def test_no_document_is_no_tree(text: str) -> None:
    """An empty file, or one of comments, has no tree, and nothing is wrong with its YAML."""
    assert tree_of(text) is None


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    """Editors that write one do no harm."""
    assert values_of("\ufeffa: 1")["a"].text == "1"


@pytest.mark.parametrize(
    ("written", "null"),
    [
        pytest.param("", True, id="nothing"),
        pytest.param("~", True, id="tilde"),
        pytest.param("null", True, id="null"),
        pytest.param("'null'", False, id="quoted"),
        pytest.param("!!str null", False, id="tagged"),
        pytest.param("|-\n  null", False, id="block"),
    ],
)
def test_null_is_told_from_the_text_null(written: str, null: bool) -> None:
    """Only the plain word means nothing."""
    assert values_of(f"a: {written}")["a"].is_null is null


def test_lines_are_those_of_keys_and_values() -> None:
    """A value on the next line has a line of its own."""
    tree = tree_of("# c\na:\n- x\n- y\n")
    assert isinstance(tree, Mapping)
    entry = tree.entries[0]
    assert isinstance(entry.value, List)
    assert (entry.line, [item.line for item in entry.value.items]) == (2, [3, 4])


def test_an_alias_is_the_value_of_its_anchor() -> None:
    """It is even the same node, so that aliases cost nothing."""
    tree = tree_of("a: &x [1]\nb: *x")
    assert isinstance(tree, Mapping)
    assert tree.entries[0].value is tree.entries[1].value


def test_an_anchor_used_again_is_the_later_value() -> None:
    """YAML allows it, and nothing is said about it."""
    assert values_of("a: &x 1\nb: &x 2\nc: *x")["c"].text == "2"


def test_merged_keys_yield_to_own_keys() -> None:
    """`<<` adds what is not there, from one mapping or several, the first of them first."""
    values = values_of("d: 4\n<<: [{a: 1, b: 1}, {b: 2, c: 2}]\na: 0\n")
    assert {key: value.text for key, value in values.items()} == {
        "a": "0",
        "b": "1",
        "c": "2",
        "d": "4",
    }


@pytest.mark.parametrize(
    ("text", "line", "path", "saying"),
    [
        pytest.param("a: 1\nb:\n  c: 1\n  c: 2", 4, "b.c", "stands on line 3", id="equal-keys"),
        pytest.param("'a': 1\na: 2", 2, "a", "stands on line 1", id="equal-keys-quoted"),
        pytest.param("a: 1\n---\nb: 1", 2, "", "a second document", id="two-documents"),
        pytest.param("a:\n\t- b", 2, "", "a tab cannot indent", id="tab"),
        pytest.param("a: [1,", 1, "", "not YAML", id="open-list"),
        pytest.param("a: *x", 1, "", "undefined alias 'x'", id="unknown-alias"),
        pytest.param("a: &x [*x]", 1, "a[0]", "stands inside itself", id="alias-in-itself"),
        pytest.param("a: !secret b", 1, "a", 'the tag "!secret"', id="foreign-tag"),
        pytest.param("? [a]\n: 1", 1, "", "a key is not text", id="list-as-key"),
        pytest.param("<<: 1", 1, '["<<"]', "only mappings", id="merge-of-text"),
        pytest.param("a: 1\nb: \x07", 2, "", "U+0007", id="control-character"),
        pytest.param('a: "\\ud800"', 1, "a", "half a character", id="lone-surrogate"),
        pytest.param('a: "\\UFFFFFFFF"', 1, "", "not YAML", id="no-such-character"),
        pytest.param("[" * 5000, 1, "", "nested too deeply", id="deep"),
        pytest.param("%YAML 9.9\n---\na: 1", 1, "", "not YAML", id="unknown-version"),
    ],
)
def test_what_a_configuration_must_not_hold_is_refused(
    text: str, line: int, path: str, saying: str
) -> None:
    """With the line, the path where there is one, and a sentence."""
    (problem,) = problems_of(text)
    assert (problem.line, problem.path) == (line, path)
    assert saying in problem.text
