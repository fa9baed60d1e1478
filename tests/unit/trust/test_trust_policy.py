import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.identity.issuer import IssuerUrl
from irsa.trust import policy
from irsa.trust.evaluate import WebIdentity, evaluate

ISSUER = IssuerUrl.for_bucket("prod-eu-irsa", region="eu-west-1")
ARN = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER.provider}"
WEB = policy.subject("shop", "web")
API = policy.subject("shop", "api.v1")

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
SUBJECTS = st.builds(policy.subject, LABELS, LABELS)


def build(*subjects: str, **options: Any) -> dict[str, Any]:
    return policy.build(provider_arn=ARN, issuer=ISSUER, subjects=subjects, **options)


def allows(document: dict[str, Any], subject: str, *, audience: str = policy.AUDIENCE) -> bool:
    return evaluate(document, WebIdentity.of(ARN, subject=subject, audience=audience)).allowed


@given(named=st.lists(SUBJECTS, min_size=1, max_size=4), other=SUBJECTS)
def test_a_policy_lets_in_exactly_whom_it_names(named: list[str], other: str) -> None:
    """Each of them, with the right audience, and nobody else."""
    document = build(*named)
    assert all(allows(document, subject) for subject in named)
    assert not any(allows(document, subject, audience="x") for subject in named)
    assert allows(document, other) is (other in named)


@given(named=st.lists(SUBJECTS, min_size=1, max_size=4))
def test_the_order_of_subjects_does_not_matter(named: list[str]) -> None:
    """The same subjects give the same policy and the same id."""
    assert build(*named) == build(*reversed(named), *named)
    ids = {policy.statement_id("uid", each) for each in (named, [*named[::-1], named[0]])}
    assert len(ids) == 1


def test_a_policy_reads_as_aws_writes_it() -> None:
    """One subject stands by itself."""
    assert build(WEB, sid="IrsaWeb") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "IrsaWeb",
                "Effect": "Allow",
                "Principal": {"Federated": ARN},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        f"{ISSUER.provider}:aud": "sts.amazonaws.com",
                        f"{ISSUER.provider}:sub": WEB,
                    }
                },
            }
        ],
    }


def test_without_a_sid_there_is_none() -> None:
    """The member is left out."""
    assert "Sid" not in build(WEB)["Statement"][0]


def test_a_wildcard_needs_permission() -> None:
    """With it the subject is compared by StringLike, the audience still exactly."""
    pattern = policy.subject("shop", "web-*")
    with pytest.raises(InputError, match="has a wildcard") as caught:
        build(pattern)
    assert caught.value.hint
    assert "allowWildcard" in caught.value.hint
    document = build(pattern, WEB, allow_wildcard=True)
    condition = document["Statement"][0]["Condition"]
    assert condition["StringEquals"] == {f"{ISSUER.provider}:aud": "sts.amazonaws.com"}
    assert condition["StringLike"] == {f"{ISSUER.provider}:sub": [WEB, pattern]}
    assert allows(document, policy.subject("shop", "web-2"))
    assert not allows(document, policy.subject("shop", "web2"))


def test_one_name_in_every_namespace_may_be_meant() -> None:
    """Said explicitly, it is allowed."""
    document = build("system:serviceaccount:*:agent", allow_wildcard=True)
    assert allows(document, policy.subject("any", "agent"))
    assert not allows(document, policy.subject("any", "agent2"))


WRONG: dict[str, tuple[str, str]] = {
    "empty": ("", "not the subject of a service account"),
    "user": ("system:node:a", "not the subject of a service account"),
    "short": ("shop:web", "not the subject of a service account"),
    "long": (f"{WEB}:x", "not the subject of a service account"),
    "upper-case": (policy.subject("Shop", "web"), "Kubernetes does not take"),
    "dot-in-namespace": (policy.subject("a.b", "web"), "Kubernetes does not take"),
    "no-name": (policy.subject("shop", ""), "Kubernetes does not take"),
    "long-namespace": (policy.subject("a" * 64, "web"), "Kubernetes does not take"),
    "long-name": (policy.subject("shop", "a" * 254), "Kubernetes does not take"),
    "variable": (policy.subject("shop", "${x}"), "Kubernetes does not take"),
    "open-namespace": ("system:serviceaccount:team*:web", "namespaces that it does not name"),
    "everyone": ("system:serviceaccount:*:*", "namespaces that it does not name"),
    "everyone-else": ("system:serviceaccount:*:?*", "namespaces that it does not name"),
    "open-end": ("system:serviceaccount:team*", "not the subject"),
    "odd-pattern": ("system:serviceaccount:shop:W*", "Kubernetes does not take"),
}


@pytest.mark.parametrize(("subject", "why"), WRONG.values(), ids=WRONG.keys())
def test_a_subject_wider_than_it_looks_is_refused(subject: str, why: str) -> None:
    """Wildcards or not, it is named in the message."""
    with pytest.raises(InputError, match=why) as caught:
        build(WEB, subject, allow_wildcard=True)
    assert repr(subject) in caught.value.message


def test_a_policy_without_subject_or_audience_is_refused() -> None:
    """AWS would take it, and every service account would be in."""
    with pytest.raises(InputError, match="would let every service account in"):
        build()
    with pytest.raises(InputError, match="would take any token"):
        build(WEB, audience="")


def test_a_provider_of_another_issuer_is_refused() -> None:
    """The condition keys would never be there."""
    with pytest.raises(InputError, match="is not that of the issuer"):
        policy.build(provider_arn=f"{ARN}/x", issuer=ISSUER, subjects=[WEB])


def test_statement_ids_tell_clusters_apart() -> None:
    """Letters and digits only, as IAM wants a Sid."""
    ids = {
        policy.statement_id("uid-1", [WEB]),
        policy.statement_id("uid-2", [WEB]),
        policy.statement_id("uid-1", [API]),
        policy.statement_id("uid-1", [API, WEB]),
    }
    assert len(ids) == 4
    assert all(one.startswith("Irsa") and one.isalnum() and len(one) == 20 for one in ids)


THEIRS = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
OURS = build(WEB, sid="IrsaOurs")["Statement"][0]


def test_merging_keeps_what_is_not_ours() -> None:
    """Version, ids, order and statements of others stay as they are."""
    before = {
        "Version": "2008-10-17",
        "Id": "x",
        "Statement": [THEIRS, {"Sid": "IrsaOurs"}, THEIRS],
    }
    after = policy.merge(before, OURS)
    assert after == {**before, "Statement": [THEIRS, OURS, THEIRS]}
    assert before["Statement"][1] == {"Sid": "IrsaOurs"}


@pytest.mark.parametrize(
    "before",
    [{}, {"Statement": []}, {"Statement": THEIRS}, {"Statement": [THEIRS, OURS, OURS]}],
    ids=["nothing", "empty", "single", "twice"],
)
def test_merging_twice_changes_nothing_more(before: dict[str, Any]) -> None:
    """And then the statement stands there once."""
    once = policy.merge(before, OURS)
    assert policy.merge(once, OURS) == once
    assert once["Statement"].count(OURS) == 1


def test_removing_undoes_merging() -> None:
    """What was there before is there again."""
    before = {"Version": "2012-10-17", "Statement": [THEIRS]}
    assert policy.remove(policy.merge(before, OURS), "IrsaOurs") == before
    assert policy.remove(before, "IrsaOurs") == before


def test_a_statement_without_sid_is_not_merged() -> None:
    """It could not be found again."""
    with pytest.raises(InputError, match="without a Sid"):
        policy.merge({}, build(WEB)["Statement"][0])


@given(indent=st.integers(min_value=0, max_value=4))
def test_the_size_is_counted_without_whitespace(indent: int) -> None:
    """However it is written, as IAM counts against its quota."""
    document = build(WEB, API)
    text = json.dumps(document, indent=indent)
    assert policy.size(document) == len("".join(text.split()))


CLUSTERS = st.sampled_from(["uid-1", "uid-2"])
SUBJECT_LISTS = st.lists(SUBJECTS, min_size=1, max_size=3)


def statement(cluster: str, subjects: list[str]) -> dict[str, Any]:
    sid = policy.statement_id(cluster, subjects)
    found: dict[str, Any] = build(*subjects, sid=sid)["Statement"][0]
    return found


STATEMENTS = st.lists(
    st.one_of(
        st.builds(statement, CLUSTERS, SUBJECT_LISTS),
        st.just(THEIRS),
        st.builds(lambda number: {"Sid": f"Irsa{number:016x}"}, st.integers(0, 9)),
    ),
    max_size=5,
    unique_by=lambda one: one.get("Sid"),
)


@given(found=STATEMENTS, cluster=CLUSTERS, subjects=SUBJECT_LISTS)
def test_amending_leaves_one_statement_of_the_cluster_and_all_of_others(
    found: list[dict[str, Any]], cluster: str, subjects: list[str]
) -> None:
    """In their order; and amending again changes nothing."""
    before = {"Version": "2012-10-17", "Statement": found}
    wanted = statement(cluster, subjects)
    after = policy.amend(before, wanted, cluster_uid=cluster)
    ours = [one for one in after["Statement"] if policy.of_cluster(one, cluster)]
    others = [one for one in found if not policy.of_cluster(one, cluster)]
    assert ours == [wanted]
    assert [one for one in after["Statement"] if one not in ours] == others
    assert policy.amend(after, wanted, cluster_uid=cluster) == after


@given(found=STATEMENTS, cluster=CLUSTERS, subjects=SUBJECT_LISTS)
def test_amending_with_nothing_undoes_amending(
    found: list[dict[str, Any]], cluster: str, subjects: list[str]
) -> None:
    """Only the cluster's own statements are gone."""
    before = {"Version": "2012-10-17", "Statement": found}
    wanted = statement(cluster, subjects)
    after = policy.amend(
        policy.amend(before, wanted, cluster_uid=cluster), None, cluster_uid=cluster
    )
    others = [one for one in found if not policy.of_cluster(one, cluster)]
    assert after == {"Version": "2012-10-17", "Statement": others}


@pytest.mark.parametrize(
    "condition",
    [None, "text", {"StringEquals": "text"}, {"StringEquals": {"x:sub": 7}}, {}],
    ids=["none", "text", "no mapping", "number", "empty"],
)
def test_a_strange_condition_is_nobodys(condition: Any) -> None:
    """Policies of others hold whatever IAM takes."""
    strange = {"Sid": "Irsa0123456789abcdef", "Condition": condition}
    assert not policy.of_cluster(strange, "uid-1")
