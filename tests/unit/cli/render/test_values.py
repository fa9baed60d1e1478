"""Values as people read them."""

import pytest

from irsa.cli.render.values import compared, shown


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("text", "x: text"),
        (3600, "x: 3600"),
        (True, "x: true"),
        (None, "x: none"),
        ([], "x: none"),
        (["a", "b"], "x: a, b"),
        ({"a": True, "b": 1}, "x: a=true, b=1"),
    ],
)
def test_flat_values_are_one_line(value, line):
    """Whatever fits."""
    assert shown("x", value, width=40) == [line]


def test_deep_values_are_spread():
    """Like YAML, without its quoting."""
    policy = {"Statement": [{"Effect": "Allow", "Action": ["a", "b"]}]}
    assert shown("policy", policy, width=40) == [
        "policy:",
        "  Statement:",
        "    - Effect: Allow",
        "      Action:",
        "        - a",
        "        - b",
    ]


def test_what_does_not_fit_gets_a_line_of_its_own():
    """Long ARNs are never cut."""
    assert shown("arn", "a" * 40, width=20) == ["arn:", "  " + "a" * 40]


def test_two_flat_values_are_one_line():
    """Old and new."""
    assert compared("replicas", 2, 3, width=40) == ["replicas: 2 → 3"]
    assert compared("policy", None, "arn", width=40) == ["policy: none → arn"]


def test_of_two_deep_values_only_what_differs_is_shown():
    """With a line around it."""
    before = {"a": {"b": 1}, "c": 1, "d": 1, "e": {"f": "old"}}
    after = before | {"e": {"f": "new"}}
    assert compared("x", before, after, width=40) == [
        "x:",
        "    e:",
        "  -   f: old",
        "  +   f: new",
    ]


def test_documents_in_text_are_compared_as_documents():
    """A JWKS on one line differs by its keys."""
    lines = compared("content", '{"a":1,"b":[1]}', '{"a":1,"b":[1,2]}', width=40)
    assert lines == ["content:", "      - 1", "  +   - 2"]


def test_new_deep_values_are_all_new():
    """Every line has its sign."""
    assert compared("x", None, {"a": {"b": 1}}, width=40) == ["x:", "  + a:", "  +   b: 1"]
