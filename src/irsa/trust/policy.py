"""
The trust policy of a role: which service accounts may assume it.

Always with both `aud` and `sub`: a policy without `sub` lets every service account of the cluster
in, and AWS takes it without a word.
Never here: AWS calls.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from irsa.errors import InputError
from irsa.identity.issuer import IssuerUrl
from irsa.trust.evaluate import ASSUME_ROLE

AUDIENCE = "sts.amazonaws.com"
VERSION = "2012-10-17"

_SUBJECT = "system:serviceaccount"
_NAMESPACE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_NAME_PATTERN = re.compile(r"[a-z0-9.?*-]{1,253}")


def subject(namespace: str, name: str) -> str:
    """The `sub` of a service account's tokens."""
    return f"{_SUBJECT}:{namespace}:{name}"


def statement_id(cluster_uid: str, subjects: Sequence[str]) -> str:
    """A `Sid` of ours: the same for the same cluster and subjects, another for any other."""
    text = "\n".join([cluster_uid, *sorted(set(subjects))])
    return "Irsa" + hashlib.sha256(text.encode()).hexdigest()[:16]


def build(  # noqa: PLR0913 # all of it is the statement
    *,
    provider_arn: str,
    issuer: IssuerUrl,
    subjects: Sequence[str],
    audience: str = AUDIENCE,
    allow_wildcard: bool = False,
    sid: str | None = None,
) -> dict[str, Any]:
    """
    A trust policy for service accounts.

    Args:
        provider_arn: The IAM OIDC provider.
        issuer: The provider's issuer.
        subjects: Such as `system:serviceaccount:shop:web`; in any order.
        audience: The audience of their tokens.
        allow_wildcard: Whether `*` and `?` may stand in a subject.
        sid: The statement's id.

    Raises:
        InputError: A subject is none, or wider than allowed; the provider is another issuer's.
    """
    if provider_arn.partition(":oidc-provider/")[2] != issuer.provider:
        raise InputError(f"the provider {provider_arn} is not that of the issuer {issuer}")
    if not audience:
        raise InputError("a trust policy without an audience would take any token of the cluster")
    wanted = sorted(set(subjects))
    if not wanted:
        raise InputError("a trust policy without subjects would let every service account in")
    for one in wanted:
        _check_subject(one, allow_wildcard=allow_wildcard)
    statement = {
        **({"Sid": sid} if sid else {}),
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": ASSUME_ROLE,
        "Condition": _condition(issuer, wanted, audience=audience),
    }
    return {"Version": VERSION, "Statement": [statement]}


def merge(policy: Mapping[str, Any], statement: Mapping[str, Any]) -> dict[str, Any]:
    """
    A policy with one statement of ours in it, and everything else as it was.

    Raises:
        InputError: The statement has no `Sid` to know it by.
    """
    sid = statement.get("Sid")
    if not sid:
        raise InputError("a statement without a Sid cannot be found again")
    before = statements(policy)
    places = [number for number, one in enumerate(before) if one.get("Sid") == sid]
    merged = [one for number, one in enumerate(before) if number not in places[1:]]
    if places:
        merged[places[0]] = dict(statement)
    else:
        merged.append(dict(statement))
    return {**(policy or {"Version": VERSION}), "Statement": merged}


def remove(policy: Mapping[str, Any], sid: str) -> dict[str, Any]:
    """
    A policy without the statement of that `Sid`, and everything else as it was.

    The list may be empty then, which IAM does not take.
    """
    return {**policy, "Statement": [one for one in statements(policy) if one.get("Sid") != sid]}


def of_cluster(statement: Mapping[str, Any], cluster_uid: str) -> bool:
    """Whether a statement is one of ours for this cluster: its `Sid` follows from its subjects."""
    subjects = _subjects(statement)
    return bool(subjects) and statement.get("Sid") == statement_id(cluster_uid, subjects)


def amend(
    policy: Mapping[str, Any], statement: Mapping[str, Any] | None, *, cluster_uid: str
) -> dict[str, Any]:
    """
    A policy with this statement as the only one of the cluster, and everything else as it was.

    Args:
        policy: The policy as it is.
        statement: What the cluster's statement should be; None takes it out.
        cluster_uid: The cluster, whose older statements go.

    Raises:
        InputError: The statement has no `Sid` to know it by.
    """
    sid = statement.get("Sid") if statement else None
    amended: Mapping[str, Any] = policy
    for one in statements(policy):
        if of_cluster(one, cluster_uid) and one["Sid"] != sid:
            amended = remove(amended, one["Sid"])
    return merge(amended, statement) if statement else dict(amended)


def statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements of a policy, which may write a single one without a list."""
    found = policy.get("Statement", [])
    return [dict(one) for one in (found if isinstance(found, list) else [found])]


def size(policy: Mapping[str, Any]) -> int:
    """The length of a policy as IAM counts it against the quota: without whitespace."""
    text = json.dumps(policy, separators=(",", ":"), ensure_ascii=False)
    return sum(not character.isspace() for character in text)


def _subjects(statement: Mapping[str, Any]) -> list[str]:
    """The subjects in a statement's conditions."""
    found: list[str] = []
    conditions = statement.get("Condition") or {}
    for condition in conditions.values() if isinstance(conditions, Mapping) else ():
        for key, value in condition.items() if isinstance(condition, Mapping) else ():
            if key.endswith(":sub"):
                found.extend(map(str, value if isinstance(value, list) else [value]))
    return found


def _condition(
    issuer: IssuerUrl, subjects: list[str], *, audience: str
) -> dict[str, dict[str, Any]]:
    wild = any(_is_pattern(one) for one in subjects)
    is_audience = {f"{issuer.provider}:aud": audience}
    is_subject = {f"{issuer.provider}:sub": subjects[0] if len(subjects) == 1 else subjects}
    if wild:
        return {"StringEquals": is_audience, "StringLike": is_subject}
    return {"StringEquals": {**is_audience, **is_subject}}


def _check_subject(text: str, *, allow_wildcard: bool) -> None:
    parts = text.split(":")
    if len(parts) != 4 or ":".join(parts[:2]) != _SUBJECT:
        raise InputError(
            f"{text!r} is not the subject of a service account",
            hint="it looks like system:serviceaccount:NAMESPACE:NAME",
        )
    namespace, name = parts[2:]
    if _is_pattern(text):
        _check_pattern(text, namespace, name=name, allow_wildcard=allow_wildcard)
    elif not (_NAMESPACE.fullmatch(namespace) and _NAME.fullmatch(name)):
        raise InputError(f"{text!r} has a namespace or name that Kubernetes does not take")


def _check_pattern(text: str, namespace: str, *, name: str, allow_wildcard: bool) -> None:
    if not allow_wildcard:
        raise InputError(
            f"{text!r} has a wildcard, which lets in service accounts that do not exist yet",
            hint="list the service accounts, or say allowWildcard: true for this role",
        )
    everyone = namespace == "*" and set(name) <= {"*", "?"}
    if everyone or not (namespace == "*" or _NAMESPACE.fullmatch(namespace)):
        raise InputError(
            f"{text!r} reaches into namespaces that it does not name",
            hint="a wildcard belongs into the name: system:serviceaccount:NAMESPACE:*",
        )
    if not _NAME_PATTERN.fullmatch(name):
        raise InputError(f"{text!r} has a name that Kubernetes does not take")


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text
