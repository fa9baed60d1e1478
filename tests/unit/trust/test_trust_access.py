from typing import Any

import pytest

from irsa.trust.access import ANONYMOUS, AccessRequest, Decision, Principal, evaluate_access

ROLE = "arn:aws:iam::111122223333:role/web"
SESSION = "arn:aws:sts::111122223333:assumed-role/web/pod"
OBJECT = "arn:aws:s3:::data/pods/web/x"


def policy(*statements: dict[str, Any], version: str = "2012-10-17") -> dict[str, Any]:
    return {"Version": version, "Statement": list(statements)}


def allow(**changes: Any) -> dict[str, Any]:
    good = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def deny(**changes: Any) -> dict[str, Any]:
    return allow(Effect="Deny", **changes)


def ask(*policies: dict[str, Any], **changes: Any) -> Decision:
    request = {"action": "s3:GetObject", "resource": OBJECT, **changes}
    return evaluate_access(policies, AccessRequest(**request))


ALLOWED: dict[str, dict[str, Any]] = {
    "exact": allow(Resource=OBJECT),
    "wildcard": allow(),
    "several": allow(Action=["s3:PutObject", "s3:GetObject"], Resource=["x", OBJECT]),
    "action-case": allow(Action="S3:getobject"),
    "action-star": allow(Action="*"),
    "action-prefix": allow(Action="s3:Get*"),
    "not-action": allow(Action=None, NotAction="s3:PutObject"),
    "not-resource": allow(Resource=None, NotResource="arn:aws:s3:::other/*"),
    "variable": allow(Resource="arn:aws:s3:::data/pods/${aws:PrincipalTag/name}/*"),
    "condition": allow(Condition={"Bool": {"aws:SecureTransport": "true"}}),
}
KEYS = {"aws:securetransport": "true", "aws:PrincipalTag/Name": "web"}


@pytest.mark.parametrize("statement", ALLOWED.values(), ids=ALLOWED.keys())
def test_a_statement_that_fits_allows(statement: dict[str, Any]) -> None:
    """Every way to write that this may be done."""
    decision = ask(policy(statement), keys=KEYS)
    assert decision.allowed
    assert (decision.statement, decision.reason) == (1, "statement 1 allows it")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "action": (allow(Action="s3:PutObject"), "is not about s3:GetObject"),
    "not-action": (allow(Action=None, NotAction="s3:*"), "is not about s3:GetObject"),
    "resource": (allow(Resource="arn:aws:s3:::data"), f"is not about {OBJECT}"),
    "resource-case": (allow(Resource="arn:aws:s3:::DATA/*"), f"is not about {OBJECT}"),
    "no-resource": (allow(Resource=None), f"is not about {OBJECT}"),
    "not-resource": (allow(Resource=None, NotResource="*"), f"is not about {OBJECT}"),
    "missing-variable": (allow(Resource="arn:aws:s3:::data/${aws:x}*"), "is not about"),
    "condition": (
        allow(Condition={"Bool": {"aws:SecureTransport": "false"}}),
        "wants Bool aws:SecureTransport 'false', and the request has 'true'",
    ),
    "absent-key": (
        allow(Condition={"StringLike": {"s3:prefix": ["a", "b"]}}),
        "wants StringLike s3:prefix 'a' or 'b', and the request has no such key",
    ),
    "effect": (allow(Effect="allow"), "its Effect is neither Allow nor Deny"),
    "no-action": (allow(Action=None), "it names no Action"),
    "both-actions": (allow(NotAction="x"), "it has Action and NotAction"),
    "both-resources": (allow(NotResource="x"), "it has Resource and NotResource"),
    "principal": (allow(Principal="*"), "the prohibited field Principal"),
    "operator": (allow(Condition={"Like": {"a": "b"}}), "Like is not an operator"),
}


@pytest.mark.parametrize(("statement", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_a_statement_that_does_not_fit_does_not_allow(statement: dict[str, Any], why: str) -> None:
    """And the reason says what did not fit."""
    decision = ask(policy(statement), keys=KEYS)
    assert not decision.allowed
    assert not decision.explicit_deny
    assert why in decision.reason


def test_a_denial_wins_wherever_it_stands() -> None:
    """Before or behind the allowance, in this policy or another."""
    for policies in (
        [policy(deny(Sid="No"), allow())],
        [policy(allow(), deny(Sid="No"))],
        [policy(allow()), policy(deny(Sid="No"))],
    ):
        decision = ask(*policies)
        assert (decision.allowed, decision.explicit_deny, decision.sid) == (False, True, "No")
        assert decision.reason == "statement 'No' denies it"


def test_a_denial_of_something_else_does_not_matter() -> None:
    """Its action, resource or condition does not fit."""
    other = [deny(Action="s3:PutObject"), deny(Condition={"Bool": {"x": "true"}})]
    assert ask(policy(*other, allow())).allowed


def test_a_denial_that_cannot_be_read_denies() -> None:
    """IAM would not have taken it; nothing is allowed on the strength of a guess."""
    decision = ask(policy(allow(), deny(Condition={"Like": {"a": "b"}})))
    assert decision.explicit_deny
    assert "Like is not an operator" in decision.reason


@pytest.mark.parametrize("empty", [{}, {"Statement": []}, {"Statement": ["x"]}], ids=range(3))
def test_nothing_allows_nothing(empty: dict[str, Any]) -> None:
    """No policy, no statement, no sense."""
    assert ask(empty).reason == "no statement allows anything"
    assert not ask().allowed


def test_a_single_statement_needs_no_list() -> None:
    """As IAM writes it too."""
    assert ask({"Version": "2012-10-17", "Statement": allow()}).allowed


def test_variables_belong_to_the_newer_version() -> None:
    """In a policy of 2008 `${` is plain text."""
    statement = allow(Resource="arn:aws:s3:::data/pods/${aws:PrincipalTag/name}/*")
    assert not ask(policy(statement, version="2008-10-17"), keys=KEYS).allowed
    assert not ask({"Statement": statement}, keys=KEYS).allowed


def test_the_nearest_statement_is_the_one_to_talk_about() -> None:
    """Two of other actions, one that misses by its condition only."""
    near = allow(Sid="Near", Condition={"StringEquals": {"a": "b"}})
    decision = ask(policy(allow(Action="s3:PutObject"), near, allow(Resource="x")))
    assert (decision.sid, decision.statement) == ("Near", 2)
    assert (decision.condition, decision.expected, decision.met) == (
        "StringEquals a",
        ("b",),
        None,
    )


WHO = Principal(names=(SESSION, ROLE, "111122223333", "arn:aws:iam::111122223333:root"))
NAMED: dict[str, tuple[Any, Principal, bool]] = {
    "everyone": ("*", WHO, True),
    "everyone-anonymous": ("*", ANONYMOUS, True),
    "aws-star": ({"AWS": "*"}, ANONYMOUS, True),
    "role": ({"AWS": ROLE}, WHO, True),
    "session": ({"AWS": [SESSION]}, WHO, True),
    "account": ({"AWS": "111122223333"}, WHO, True),
    "other-account": ({"AWS": "444455556666"}, WHO, False),
    "anonymous-is-nobody": ({"AWS": ROLE}, ANONYMOUS, False),
    "star-within": ({"AWS": "arn:aws:iam::111122223333:role/*"}, WHO, False),
    "other-kind": ({"Service": ROLE}, WHO, False),
    "service": (
        {"Service": "ec2.amazonaws.com"},
        Principal(kind="Service", names=("ec2.amazonaws.com",)),
        True,
    ),
    "text": (ROLE, WHO, False),
    "nobody": (None, WHO, False),
}


@pytest.mark.parametrize(("element", "who", "named"), NAMED.values(), ids=NAMED.keys())
def test_a_policy_of_a_resource_names_who_may(element: Any, who: Principal, named: bool) -> None:
    """A bucket's policy allows only whom it names."""
    decision = ask(policy(allow(Principal=element)), principal=who)
    assert decision.allowed is named


def test_not_principal_counts_in_denials_only() -> None:
    """As an allowance it would let every stranger in."""
    assert not ask(policy(allow(NotPrincipal={"AWS": "x"})), principal=WHO).allowed
    everyone_else = policy(allow(Principal="*"), deny(NotPrincipal={"AWS": ROLE}))
    assert ask(everyone_else, principal=WHO).allowed
    assert ask(everyone_else, principal=ANONYMOUS).explicit_deny
