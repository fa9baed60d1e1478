from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.trust.condition import OPERATORS, Miss, first_miss

KEYS: dict[str, str | tuple[str, ...]] = {
    "h:sub": "system:serviceaccount:shop:web",
    "h:amr": ("authenticated", "mfa"),
    "n": "10",
    "ip": "192.0.2.7",
    "time": "2026-11-24T12:00:00Z",
    "arn": "arn:aws:iam::111122223333:role/path/web",
    "secure": "true",
    "empty": (),
}


def holds(operator: str, key: str, value: Any) -> bool:
    miss = first_miss({operator: {key: value}}, KEYS, variables={"name": "web"})
    assert miss is None or not miss.malformed
    return miss is None


WEB = "system:serviceaccount:shop:web"
TABLE: dict[str, tuple[str, str, Any, bool]] = {
    "equals": ("StringEquals", "h:sub", WEB, True),
    "equals-one-of": ("StringEquals", "h:sub", ["x", WEB], True),
    "equals-none-of": ("StringEquals", "h:sub", ["x", "y"], False),
    "equals-case": ("StringEquals", "h:sub", WEB.upper(), False),
    "equals-key-case": ("StringEquals", "H:SUB", WEB, True),
    "equals-star-is-a-star": ("StringEquals", "h:sub", "system:serviceaccount:shop:*", False),
    "equals-absent": ("StringEquals", "h:x", "a", False),
    "equals-empty": ("StringEquals", "empty", "a", False),
    "equals-several": ("StringEquals", "h:amr", ["authenticated", "mfa"], False),
    "equals-variable": ("StringEquals", "h:sub", "system:serviceaccount:shop:${name}", True),
    "equals-no-variable": ("StringEquals", "h:sub", "${missing}", False),
    "not-equals": ("StringNotEquals", "h:sub", "x", True),
    "not-equals-same": ("StringNotEquals", "h:sub", ["x", WEB], False),
    "not-equals-absent": ("StringNotEquals", "h:x", "a", True),
    "not-equals-several": ("StringNotEquals", "h:amr", "mfa", False),
    "ignore-case": ("StringEqualsIgnoreCase", "h:sub", WEB.upper(), True),
    "ignore-case-other": ("StringEqualsIgnoreCase", "h:sub", "x", False),
    "ignore-case-no-variable": ("StringEqualsIgnoreCase", "h:sub", "${missing}", False),
    "not-ignore-case": ("StringNotEqualsIgnoreCase", "h:sub", WEB.upper(), False),
    "like": ("StringLike", "h:sub", "system:serviceaccount:shop:*", True),
    "like-one": ("StringLike", "h:sub", "system:serviceaccount:shop:we?", True),
    "like-other": ("StringLike", "h:sub", "system:serviceaccount:sho:*", False),
    "not-like": ("StringNotLike", "h:sub", "system:*", False),
    "not-like-absent": ("StringNotLike", "h:x", "*", True),
    "if-exists-absent": ("StringEqualsIfExists", "h:x", "a", True),
    "if-exists-other": ("StringEqualsIfExists", "h:sub", "a", False),
    "if-exists-same": ("StringLikeIfExists", "h:sub", "system:*", True),
    "any-value": ("ForAnyValue:StringEquals", "h:amr", "mfa", True),
    "any-value-other": ("ForAnyValue:StringEquals", "h:amr", "x", False),
    "any-value-absent": ("ForAnyValue:StringEquals", "h:x", "x", False),
    "any-value-not": ("ForAnyValue:StringNotEquals", "h:amr", "mfa", True),
    "any-value-if-exists": ("ForAnyValue:StringLikeIfExists", "h:x", "x", True),
    "all-values": ("ForAllValues:StringEquals", "h:amr", ["mfa", "authenticated"], True),
    "all-values-some": ("ForAllValues:StringEquals", "h:amr", ["mfa"], False),
    "all-values-absent": ("ForAllValues:StringEquals", "h:x", "x", True),
    "all-values-empty": ("ForAllValues:StringEquals", "empty", "x", True),
    "all-values-like": ("ForAllValues:StringLike", "h:amr", "*", True),
    "null-absent": ("Null", "h:x", "true", True),
    "null-absent-false": ("Null", "h:x", "false", False),
    "null-present": ("Null", "h:sub", "true", False),
    "null-present-false": ("Null", "h:sub", False, True),
    "null-empty": ("Null", "empty", True, True),
    "bool": ("Bool", "secure", "true", True),
    "bool-json": ("Bool", "secure", True, True),
    "bool-false": ("Bool", "secure", "false", False),
    "bool-absent": ("Bool", "x", "false", False),
    "bool-if-exists": ("BoolIfExists", "x", "true", True),
    "numeric": ("NumericEquals", "n", 10, True),
    "numeric-spelling": ("NumericEquals", "n", "10.0", True),
    "numeric-not": ("NumericNotEquals", "n", "11", True),
    "numeric-less": ("NumericLessThan", "n", "10", False),
    "numeric-less-equal": ("NumericLessThanEquals", "n", "10", True),
    "numeric-greater": ("NumericGreaterThan", "n", "9.5", True),
    "numeric-greater-equal": ("NumericGreaterThanEquals", "n", "11", False),
    "numeric-no-number": ("NumericLessThan", "h:sub", "11", False),
    "date": ("DateGreaterThan", "time", "2026-11-24T11:00:00Z", True),
    "date-epoch": ("DateLessThan", "time", "1764000000", False),
    "date-equals": ("DateEquals", "time", "2026-11-24T12:00:00", True),
    "date-not": ("DateNotEquals", "time", "2026-11-24T12:00:00Z", False),
    "date-no-date": ("DateLessThan", "h:sub", "2026-11-24T12:00:00Z", False),
    "ip": ("IpAddress", "ip", "192.0.2.0/24", True),
    "ip-host": ("IpAddress", "ip", "192.0.2.7", True),
    "ip-other": ("IpAddress", "ip", ["198.51.100.0/24", "2001:db8::/32"], False),
    "ip-no-network": ("IpAddress", "ip", "everywhere", False),
    "ip-not": ("NotIpAddress", "ip", "192.0.2.0/24", False),
    "arn": ("ArnEquals", "arn", "arn:aws:iam::111122223333:role/path/web", True),
    "arn-like": ("ArnLike", "arn", "arn:aws:iam::*:role/*", True),
    "arn-star-stays-in-its-part": ("ArnLike", "arn", "arn:aws:iam:*:role/path/web", False),
    "arn-resource": ("ArnLike", "arn", "arn:*:iam::1111222233??:role/*/web", True),
    "arn-not": ("ArnNotLike", "arn", "arn:aws:iam::*:user/*", True),
    "arn-no-arn": ("ArnLike", "h:sub", "*", False),
    "binary": ("BinaryEquals", "secure", "true", True),
}


@pytest.mark.parametrize(("operator", "key", "value", "wanted"), TABLE.values(), ids=TABLE.keys())
def test_each_operator_means_what_aws_says(
    operator: str, key: str, value: Any, wanted: bool
) -> None:
    """One line of the table for each rule of each operator."""
    assert holds(operator, key, value) is wanted


def test_everything_must_hold() -> None:
    """Operators and keys are joined by AND, and the first that does not hold is named."""
    condition = {"StringEquals": {"h:sub": WEB, "n": "10"}, "Bool": {"secure": "false"}}
    assert first_miss(condition, KEYS, variables=None) == Miss(
        operator="Bool", key="secure", expected=("false",), met=("true",)
    )
    assert first_miss({}, {}, variables=None) is None


def test_without_variables_they_are_plain_text() -> None:
    """As in a policy of the older version."""
    miss = first_miss({"StringEquals": {"k": "${name}"}}, {"k": "${name}"}, variables=None)
    assert miss is None


MALFORMED: dict[str, Any] = {
    "no-object": [],
    "tests-no-object": {"StringEquals": "x"},
    "unknown-operator": {"StringSimilar": {"h:sub": "x"}},
    "lower-case-operator": {"stringequals": {"h:sub": "x"}},
    "unknown-prefix": {"ForSome:StringEquals": {"h:sub": "x"}},
    "set-of-null": {"ForAnyValue:Null": {"h:sub": "true"}},
    "null-if-exists": {"NullIfExists": {"h:sub": "true"}},
    "value-object": {"StringEquals": {"h:sub": {"x": 1}}},
    "value-null": {"StringEquals": {"h:sub": None}},
}


@pytest.mark.parametrize("condition", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_iam_would_not_take_never_holds(condition: Any) -> None:
    """And the miss says why."""
    miss = first_miss(condition, KEYS, variables=None)
    assert miss is not None
    assert miss.malformed


@given(
    operator=st.sampled_from(sorted(OPERATORS - {"Null"})),
    value=st.text(max_size=12),
    key=st.sampled_from(sorted(KEYS)),
)
def test_judging_never_fails_otherwise(operator: str, value: str, key: str) -> None:
    """Whatever stands in a policy, the answer is yes or no."""
    for name in (operator, f"ForAnyValue:{operator}", f"ForAllValues:{operator}IfExists"):
        miss = first_miss({name: {key: value}}, KEYS, variables={})
        assert miss is None or not miss.malformed
