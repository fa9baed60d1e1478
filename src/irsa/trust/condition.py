"""
The `Condition` of a statement, judged against what the request carries.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
Never here: principals, actions, resources.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import eq, ge, gt, le, lt
from typing import Any

from irsa.trust.match import matches, substitute

Keys = Mapping[str, str | Sequence[str]]
Variables = Mapping[str, str] | None
# (what the policy says, what the request carries, variables) -> do they fit
Comparison = Callable[[str, str, Variables], bool]

_ANY_VALUE = "ForAnyValue:"
_ALL_VALUES = "ForAllValues:"
_IF_EXISTS = "IfExists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """
    A condition that does not hold.

    Args:
        operator: As the policy writes it.
        key: As the policy writes it.
        expected: What the policy takes.
        met: What the request carries; None if it has no such key.
        malformed: Why IAM would not take the condition at all; empty if it would.
    """

    operator: str
    key: str
    expected: tuple[str, ...]
    met: tuple[str, ...] | None
    malformed: str = ""


def first_miss(condition: Any, keys: Keys, *, variables: Variables) -> Miss | None:
    """
    The first condition that does not hold, or None if all do.

    Args:
        condition: The policy's `Condition`: operator to key to value or values.
        keys: What the request carries; names in any case.
        variables: What `${name}` stands for; None if the policy's version has no variables.
    """
    if not isinstance(condition, Mapping):
        return _malformed("", "", "Condition is not an object")
    present = {name.lower(): _values(value) for name, value in keys.items()}
    for operator, tests in condition.items():
        if not isinstance(tests, Mapping):
            return _malformed(operator, "", f"{operator} is not an object")
        for key, wanted in tests.items():
            met = present.get(key.lower())
            miss = _judge(operator, key, expected=wanted, met=met, variables=variables)
            if miss is not None:
                return miss
    return None


def _judge(
    operator: str, key: str, *, expected: Any, met: tuple[str, ...] | None, variables: Variables
) -> Miss | None:
    wanted = _wanted(expected)
    if wanted is None:
        return _malformed(operator, key, "its value is neither text nor a list of text")
    plain = operator.removesuffix(_IF_EXISTS)
    if plain == "Null" and plain == operator:
        holds = _is_null(wanted, met)
    else:
        bare = plain.removeprefix(_ANY_VALUE).removeprefix(_ALL_VALUES)
        if bare not in _OPERATORS:
            return _malformed(operator, key, f"{operator} is not an operator")
        if not met and plain != operator:
            return None
        holds = _holds(plain, wanted, met=met, variables=variables)
    return None if holds else Miss(operator=operator, key=key, expected=wanted, met=met)


def _holds(
    operator: str, wanted: Sequence[str], *, met: tuple[str, ...] | None, variables: Variables
) -> bool:
    bare = operator.removeprefix(_ANY_VALUE).removeprefix(_ALL_VALUES)
    compare, negated = _OPERATORS[bare]

    def fits(value: str) -> bool:
        return any(compare(want, value, variables) for want in wanted) is not negated

    if operator.startswith(_ANY_VALUE):
        return any(map(fits, met or ()))
    if operator.startswith(_ALL_VALUES):
        return all(map(fits, met or ()))
    if not met:
        return negated
    # Without a set operator a key has one value; several never satisfy a positive test.
    return all(map(fits, met)) and (negated or len(met) == 1)


def _is_null(wanted: Sequence[str], met: tuple[str, ...] | None) -> bool:
    return ("true" if not met else "false") in {want.lower() for want in wanted}


def _values(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _wanted(value: Any) -> tuple[str, ...] | None:
    values = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(v, str | bool | int | float) for v in values):
        return None
    return tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in values)


def _malformed(operator: str, key: str, why: str) -> Miss:
    return Miss(operator=operator, key=key, expected=(), met=None, malformed=why)


def _equals(want: str, value: str, variables: Variables) -> bool:
    return substitute(want, variables) == value


def _equals_any_case(want: str, value: str, variables: Variables) -> bool:
    text = substitute(want, variables)
    return text is not None and text.casefold() == value.casefold()


def _like(want: str, value: str, variables: Variables) -> bool:
    return matches(want, value, variables=variables)


def _arn_like(want: str, value: str, variables: Variables) -> bool:
    # Each of the six parts for itself: a wildcard does not reach over a colon.
    wants, parts = want.split(":", 5), value.split(":", 5)
    return (
        len(wants) == len(parts) == 6
        and parts[0] == "arn"
        and all(
            matches(one, part, variables=variables) for one, part in zip(wants, parts, strict=True)
        )
    )


def _boolean(want: str, value: str, variables: Variables) -> bool:
    return _equals_any_case(want, value, variables)


def _address(want: str, value: str, _variables: Variables) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(want, strict=False)
    except ValueError:
        return False


def _numeric(compare: Callable[[Any, Any], bool]) -> Comparison:
    def test(want: str, value: str, _variables: Variables) -> bool:
        try:
            return compare(Decimal(value), Decimal(want))
        except InvalidOperation:
            return False

    return test


def _date(compare: Callable[[Any, Any], bool]) -> Comparison:
    def test(want: str, value: str, _variables: Variables) -> bool:
        try:
            return compare(_moment(value), _moment(want))
        except (ValueError, OverflowError, OSError):
            return False

    return test


def _moment(text: str) -> datetime:
    if text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": eq,
    "LessThan": lt,
    "LessThanEquals": le,
    "GreaterThan": gt,
    "GreaterThanEquals": ge,
}

# Operator to its comparison, and whether it holds when *no* value fits.
_OPERATORS: dict[str, tuple[Comparison, bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringEqualsIgnoreCase": (_equals_any_case, False),
    "StringNotEqualsIgnoreCase": (_equals_any_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
    "ArnEquals": (_arn_like, False),
    "ArnLike": (_arn_like, False),
    "ArnNotEquals": (_arn_like, True),
    "ArnNotLike": (_arn_like, True),
    "Bool": (_boolean, False),
    "BinaryEquals": (_equals, False),
    "IpAddress": (_address, False),
    "NotIpAddress": (_address, True),
    "NumericNotEquals": (_numeric(eq), True),
    "DateNotEquals": (_date(eq), True),
    **{f"Numeric{name}": (_numeric(order), False) for name, order in _ORDERS.items()},
    **{f"Date{name}": (_date(order), False) for name, order in _ORDERS.items()},
}
OPERATORS = frozenset(_OPERATORS) | {"Null"}
