import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.trust.match import matches, substitute

TEXT = st.text(alphabet="ab:/", max_size=8)
PATTERNS = st.text(alphabet="ab:/*?", max_size=8)


@given(pattern=PATTERNS, value=TEXT)
def test_patterns_mean_what_a_regular_expression_says(pattern: str, value: str) -> None:
    """Against another implementation: `*` is any run of characters, `?` any one."""
    parts = {"*": ".*", "?": "."}
    expression = "".join(parts.get(character) or re.escape(character) for character in pattern)
    assert matches(pattern, value) is bool(re.fullmatch(expression, value, re.DOTALL))


@given(value=st.text(max_size=30))
def test_a_value_that_is_put_in_matches_only_itself(value: str) -> None:
    """A user named `*` gets no more than a directory of that name."""
    assert matches("home/${aws:username}/*", f"home/{value}/x", variables={"aws:username": value})
    assert not matches("home/${aws:username}", "home/other", variables={"aws:username": "*"})


CASES = {
    "exact": ("s3:GetObject", "s3:GetObject", True),
    "case-counts": ("s3:getobject", "s3:GetObject", False),
    "star-is-empty": ("a*", "a", True),
    "star-reaches-over-everything": ("a*z", "a:/\nz", True),
    "one-is-not-none": ("a?", "a", False),
    "two-stars": ("*a*b*", "xxaxxbxx", True),
    "backtracks": ("*ab", "aab", True),
    "empty": ("", "", True),
    "empty-pattern": ("", "a", False),
    "namespace-colon": ("system:serviceaccount:team:*", "system:serviceaccount:team-x:a", False),
    "namespace-open": ("system:serviceaccount:team*", "system:serviceaccount:team-x:a", True),
}


@pytest.mark.parametrize(("pattern", "value", "fits"), CASES.values(), ids=CASES.keys())
def test_a_pattern_fits_as_a_whole(pattern: str, value: str, fits: bool) -> None:
    """From the first character to the last."""
    assert matches(pattern, value) is fits


def test_actions_have_no_case() -> None:
    """On request upper and lower case are the same, for patterns and put-in values too."""
    assert matches("S3:get*", "s3:GetObject", ignore_case=True)
    assert matches("${x}?", "aB", variables={"x": "A"}, ignore_case=True)


def test_a_hostile_pattern_takes_no_time() -> None:
    """The time is bounded by the product of the lengths."""
    assert not matches("*a" * 200 + "b", "a" * 2000)


VARIABLES = {"aws:username": "ann", "s3:prefix": "p"}
SUBSTITUTIONS = {
    "none": ("plain", "plain"),
    "one": ("home/${aws:username}", "home/ann"),
    "any-case": ("${AWS:UserName}", "ann"),
    "two": ("${aws:username}/${s3:prefix}", "ann/p"),
    "star": ("${*}", "*"),
    "question": ("${?}", "?"),
    "dollar": ("${$}{x}", "${x}"),
    "default-unused": ("${aws:username, 'nobody'}", "ann"),
    "default": ("${aws:x, 'nobody'}", "nobody"),
    "missing": ("${aws:x}", None),
    "open": ("${aws:username", "${aws:username"),
}


@pytest.mark.parametrize(("text", "expected"), SUBSTITUTIONS.values(), ids=SUBSTITUTIONS.keys())
def test_variables_are_put_in(text: str, expected: str | None) -> None:
    """Names in any case, escapes, defaults; a missing value is no value."""
    assert substitute(text, VARIABLES) == expected


def test_without_variables_the_text_is_plain() -> None:
    """Policies of 2008 have none."""
    assert substitute("${aws:username}", None) == "${aws:username}"
    assert matches("${aws:username}", "${aws:username}")


def test_an_escaped_star_is_no_wildcard() -> None:
    """`${*}` fits a star and nothing else; a missing variable fits nothing at all."""
    assert matches("a${*}", "a*", variables={})
    assert not matches("a${*}", "ab", variables={})
    assert not matches("${aws:x}*", "anything", variables={})
