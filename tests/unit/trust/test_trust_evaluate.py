from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.trust.evaluate import ASSUME_ROLE, Decision, WebIdentity, evaluate

HOST = "b.s3.eu-west-1.amazonaws.com/prod"
ARN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}"
WEB = "system:serviceaccount:shop:web"
STS = "sts.amazonaws.com"
IDENTITY = WebIdentity.of(ARN, subject=WEB, audience=STS)
AUD = {f"{HOST}:aud": STS}


def trust(condition: Any = None, **changes: Any) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": ARN},
        "Action": ASSUME_ROLE,
        "Condition": condition or {"StringEquals": {f"{HOST}:aud": STS, f"{HOST}:sub": WEB}},
        **changes,
    }
    kept = {name: value for name, value in statement.items() if value is not None}
    return {"Version": "2012-10-17", "Statement": [kept]}


def test_an_identity_has_the_keys_of_its_provider() -> None:
    """The prefix is the provider's path, whole."""
    assert IDENTITY.keys == {f"{HOST}:aud": STS, f"{HOST}:sub": WEB}


def sub(operator: str, value: Any) -> dict[str, Any]:
    return {"StringEquals": AUD, operator: {f"{HOST}:sub": value}}


LET_IN: dict[str, dict[str, Any]] = {
    "exact": trust(),
    "list": trust({"StringEquals": {**AUD, f"{HOST}:sub": ["x", WEB]}}),
    "like": trust(sub("StringLike", "system:serviceaccount:shop:*")),
    "like-question": trust(sub("StringLike", "system:serviceaccount:sho?:web")),
    "ignore-case": trust(sub("StringEqualsIgnoreCase", WEB.upper())),
    "key-case": trust({"StringEquals": {f"{HOST}:AUD".upper(): STS}}),
    "any-value": trust(sub("ForAnyValue:StringLike", "*:web")),
    "absent-passes-all-values": trust({"ForAllValues:StringEquals": {f"{HOST}:namespace": "x"}}),
    "absent-passes-if-exists": trust({"StringEqualsIfExists": {f"{HOST}:namespace": "x"}}),
    "absent-is-null": trust({"Null": {f"{HOST}:namespace": "true"}}),
    "not-someone-else": trust({"StringNotEquals": {f"{HOST}:sub": "x"}}),
    "federated-list": trust(Principal={"Federated": ["arn:other", ARN]}),
    "everyone": trust(Principal="*"),
    "action-list": trust(Action=["sts:TagSession", ASSUME_ROLE]),
    "action-wildcard": trust(Action="sts:AssumeRole*"),
    "action-star": trust(Action="*"),
    "action-case": trust(Action=ASSUME_ROLE.lower()),
    "no-condition": trust(Condition=None),
}


@pytest.mark.parametrize("policy", LET_IN.values(), ids=LET_IN.keys())
def test_a_policy_that_names_the_bearer_lets_them_in(policy: dict[str, Any]) -> None:
    """Also where that is surely not what was meant."""
    assert evaluate(policy, IDENTITY).allowed


KEPT_OUT: dict[str, dict[str, Any]] = {
    "other-subject": trust(sub("StringEquals", "system:serviceaccount:shop:api")),
    "subject-case": trust(sub("StringEquals", WEB.upper())),
    "star-with-equals": trust(sub("StringEquals", "system:serviceaccount:shop:*")),
    "other-namespace": trust(sub("StringLike", "system:serviceaccount:sho:*")),
    "other-audience": trust({"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com.cn"}}),
    "host-only-prefix": trust({"StringEquals": {f"{HOST.partition('/')[0]}:sub": WEB}}),
    "slash-in-prefix": trust({"StringEquals": {f"{HOST}/:sub": WEB}}),
    "scheme-in-prefix": trust({"StringEquals": {f"https://{HOST}:sub": WEB}}),
    "unknown-claim": trust({"StringEquals": {f"{HOST}:kubernetes.io/namespace": "shop"}}),
    "null-false": trust({"Null": {f"{HOST}:namespace": "false"}}),
    "not-them": trust({"StringNotLike": {f"{HOST}:sub": "*:web"}}),
    "other-provider": trust(Principal={"Federated": f"{ARN}/other"}),
    "provider-wildcard": trust(Principal={"Federated": ARN.replace(HOST, "*")}),
    "federated-star": trust(Principal={"Federated": "*"}),
    "aws-principal": trust(Principal={"AWS": ARN}),
    "aws-star": trust(Principal={"AWS": "*"}),
    "not-principal": trust(Principal=None, NotPrincipal={"Federated": "arn:other"}),
    "no-principal": trust(Principal=None),
    "assume-role": trust(Action="sts:AssumeRole"),
    "resource": trust(Resource="*"),
}


@pytest.mark.parametrize("policy", KEPT_OUT.values(), ids=KEPT_OUT.keys())
def test_a_policy_that_does_not_name_the_bearer_keeps_them_out(policy: dict[str, Any]) -> None:
    """Whatever is nearly right is wrong."""
    decision = evaluate(policy, IDENTITY)
    assert not decision.allowed
    assert decision.reason.startswith("no statement allows it: statement 1 ")


def test_the_decision_names_what_did_not_fit() -> None:
    """Statement, condition, what was expected and what was met."""
    policy = trust(sub("StringEquals", ["a", "b"]), Sid="Web")
    assert evaluate(policy, IDENTITY) == Decision(
        allowed=False,
        reason=(
            f"no statement allows it: statement 'Web' wants StringEquals {HOST}:sub 'a' or 'b', "
            f"and the request has '{WEB}'"
        ),
        sid="Web",
        statement=1,
        condition=f"StringEquals {HOST}:sub",
        expected=("a", "b"),
        met=(WEB,),
    )


def test_a_denial_wins() -> None:
    """Even over an allowance that fits exactly."""
    policy = trust()
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": "*", "Action": "sts:*", "Condition": {}}
    )
    assert evaluate(policy, IDENTITY).explicit_deny


def test_tagging_the_session_is_another_action() -> None:
    """`sts:TagSession` is asked for by itself."""
    assert not evaluate(trust(), IDENTITY, action="sts:TagSession").allowed


# A second evaluator, small and by other means: one statement is a predicate.
KEYS = ("k:sub", "k:aud")
VALUES = ("a", "b", "ab")


def second_opinion(policy: dict[str, Any], keys: dict[str, str]) -> bool:
    def applies(statement: dict[str, Any]) -> bool:
        for operator, tests in statement["Condition"].items():
            for key, wanted in tests.items():
                equal = keys.get(key) in wanted
                if equal is ("Not" in operator):
                    return False
        return ARN in statement["Principal"]["Federated"]

    effects = [s["Effect"] for s in policy["Statement"] if applies(s)]
    return "Allow" in effects and "Deny" not in effects


TESTS = st.dictionaries(
    st.sampled_from(KEYS), st.lists(st.sampled_from(VALUES), min_size=1, max_size=2), max_size=2
)
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": st.fixed_dictionaries(
            {"Federated": st.lists(st.sampled_from([ARN, "arn:other"]), min_size=1, max_size=2)}
        ),
        "Action": st.just(ASSUME_ROLE),
        "Condition": st.dictionaries(
            st.sampled_from(["StringEquals", "StringNotEquals"]), TESTS, max_size=2
        ),
    }
)


@given(
    statements=st.lists(STATEMENTS, max_size=4),
    keys=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=2),
)
def test_a_second_evaluator_agrees(statements: list[dict[str, Any]], keys: dict[str, str]) -> None:
    """Written by other means, it gives the same answer to every policy."""
    policy = {"Version": "2012-10-17", "Statement": statements}
    decision = evaluate(policy, WebIdentity(provider_arn=ARN, keys=keys))
    assert decision.allowed is second_opinion(policy, keys)


@given(statements=st.lists(STATEMENTS, max_size=3), extra=STATEMENTS)
def test_a_denial_more_never_lets_anybody_in(
    statements: list[dict[str, Any]], extra: dict[str, Any]
) -> None:
    """Adding a denial only takes away; adding an allowance only gives."""
    identity = WebIdentity(provider_arn=ARN, keys={"k:sub": "a", "k:aud": "b"})

    def allowed(effect: str | None) -> bool:
        more = [{**extra, "Effect": effect}] if effect else []
        return evaluate({"Statement": [*statements, *more]}, identity).allowed

    assert allowed("Deny") <= allowed(None)
    if not evaluate({"Statement": statements}, identity).explicit_deny:
        assert allowed("Allow") >= allowed(None)
