"""Trust policies judged a second time, by other means."""

import re
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from irsa.trust.evaluate import ASSUME_ROLE, WebIdentity, evaluate

HOST = "h.example/p"
ARN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
OTHER = "arn:aws:iam::111122223333:oidc-provider/other.example"
Keys = Mapping[str, tuple[str, ...]]


def _glob(pattern: str, text: str, flags: int = 0) -> bool:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL | flags) is not None


def _fits(operator: str, want: str, value: str) -> bool:
    if "IgnoreCase" in operator:
        return want.lower() == value.lower()
    return _glob(want, value) if "Like" in operator else want == value


def _condition(operator: str, wanted: list[str], met: tuple[str, ...]) -> bool:
    """One operator, one key, by the sentences of the User Guide."""
    if operator == "Null":
        return wanted == [str(not met).lower()]
    if operator.endswith("IfExists") and not met:
        return True
    negated = "Not" in operator
    good = [value for value in met if any(_fits(operator, w, value) for w in wanted) != negated]
    if operator.startswith("ForAllValues:"):
        return len(good) == len(met)
    if operator.startswith("ForAnyValue:"):
        return len(good) > 0
    if negated:
        return len(good) == len(met)
    return len(met) == len(good) == 1


def _applies(statement: Mapping[str, Any], keys: Keys) -> bool:
    actions = statement["Action"]
    if not any(_glob(one, ASSUME_ROLE, re.IGNORECASE) for one in actions):
        return False
    if "NotPrincipal" in statement:
        named = statement["NotPrincipal"]["Federated"]
        if statement["Effect"] == "Allow" or ARN in named:
            return False
    else:
        principal = statement["Principal"]
        if principal != "*" and ARN not in principal.get("Federated", []):
            return False
    folded = {name.lower(): values for name, values in keys.items()}
    return all(
        _condition(operator, wanted, folded.get(key.lower(), ()))
        for operator, tests in statement["Condition"].items()
        for key, wanted in tests.items()
    )


def second_opinion(policy: Mapping[str, Any], keys: Keys) -> bool:
    effects = {one["Effect"] for one in policy["Statement"] if _applies(one, keys)}
    return effects == {"Allow"}


SUBJECTS = ("s:ns:a", "s:ns:b", "S:NS:A", "s:ns:*", "s:n?:a", "*", "")
NAMES = (f"{HOST}:sub", f"{HOST}:aud", f"{HOST.upper()}:SUB", f"{HOST}:amr")
BARE = ("StringEquals", "StringNotEquals", "StringLike", "StringNotLike",
        "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")  # fmt: skip
OPERATORS = [
    f"{prefix}{bare}{suffix}"
    for prefix in ("", "ForAnyValue:", "ForAllValues:")
    for bare in BARE
    for suffix in ("", "IfExists")
]
VALUES = st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=3)
CONDITIONS = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=2),
    max_size=2,
)
NULLS = st.dictionaries(
    st.just("Null"),
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from([["true"], ["false"]]), min_size=1),
    max_size=1,
)
ARNS = st.lists(st.sampled_from([ARN, OTHER, "*"]), min_size=1, max_size=2)
PRINCIPALS = st.one_of(
    st.just({"Principal": "*"}),
    ARNS.map(lambda arns: {"Principal": {"Federated": arns}}),
    st.just({"Principal": {"AWS": ["*", ARN]}}),
    ARNS.map(lambda arns: {"NotPrincipal": {"Federated": arns}}),
)
ACTIONS = st.lists(
    st.sampled_from(
        [ASSUME_ROLE, ASSUME_ROLE.upper(), "sts:*", "*", "sts:AssumeRole", "sts:AssumeRoleWith*",
         "sts:TagSession", "sts:AssumeRoleWithWebIdentit?"]
    ),
    min_size=1,
    max_size=2,
)  # fmt: skip
STATEMENTS = st.builds(
    lambda effect, principal, actions, condition, null: {
        "Effect": effect, **principal, "Action": actions, "Condition": condition | null,
    },
    st.sampled_from(["Allow", "Allow", "Deny"]), PRINCIPALS, ACTIONS, CONDITIONS, NULLS,
)  # fmt: skip
KEYS = st.dictionaries(
    st.sampled_from([f"{HOST}:sub", f"{HOST}:aud", f"{HOST}:amr"]),
    st.lists(st.sampled_from(SUBJECTS[:3]), max_size=2).map(tuple),
)


@settings(max_examples=400)
@given(statements=st.lists(STATEMENTS, max_size=4), keys=KEYS)
def test_two_evaluators_agree(statements: list[dict[str, Any]], keys: Keys) -> None:
    """On every effect, principal, action, operator, set operator and number of values."""
    policy = {"Version": "2012-10-17", "Statement": statements}
    decision = evaluate(policy, WebIdentity(provider_arn=ARN, keys=keys))
    assert decision.allowed is second_opinion(policy, keys), decision.reason


@given(statement=STATEMENTS, keys=KEYS)
def test_a_refusal_names_what_did_not_hold(statement: dict[str, Any], keys: Keys) -> None:
    """If it was a condition: the operator and key of the policy, what it wants, what there is."""
    decision = evaluate({"Statement": [statement]}, WebIdentity(provider_arn=ARN, keys=keys))
    if decision.condition is None:
        return
    operator, _, key = decision.condition.partition(" ")
    wanted = statement["Condition"][operator][key]
    met = {name.lower(): values for name, values in keys.items()}.get(key.lower())
    assert (decision.statement, decision.expected, decision.met) == (1, tuple(wanted), met)
    assert not _condition(operator, wanted, met or ())
