"""One review in, one answer out."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irsa.injection.grants import Grant, Refusal
from irsa.webhook.handler import Handler, Outcome, Reply

PODS = {"group": "", "version": "v1", "resource": "pods"}


def ask(body: bytes, directory: Any) -> Reply:
    """The reply to a body."""
    return asyncio.run(answered(Handler(directory), body))


async def answered(handler: Handler, body: bytes) -> Reply:
    """The reply, whether the directory has to ask or not."""
    reply = handler.answer(body)
    return reply if isinstance(reply, Reply) else await handler.settle(reply)


def response(reply: Reply) -> dict:
    """The response in a reply's AdmissionReview."""
    assert reply.status == 200
    answer = json.loads(reply.body)
    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    return answer["response"]


def assert_untouched(reply: Reply) -> None:
    """The pod is allowed as it is."""
    answer = response(reply)
    assert answer["allowed"] is True
    assert "patch" not in answer


def test_granted_pod_is_patched(review: Callable[..., bytes], directory: Any) -> None:
    """The answer echoes the uid and carries a JSON patch."""
    reply = ask(review(), directory)
    answer = response(reply)
    operations = json.loads(base64.b64decode(answer["patch"]))
    assert answer["uid"] == "705ab4f5-6393-11e8-b7cc-42010a800002"
    assert answer["patchType"] == "JSONPatch"
    assert [operation["path"] for operation in operations] == [
        "/spec/volumes",
        "/spec/containers/0/env",
        "/spec/containers/0/volumeMounts",
    ]
    assert reply.outcome is Outcome.mutated


def test_dry_run_is_answered_like_any_other(review: Callable[..., bytes], directory: Any) -> None:
    """There are no side effects, so a dry run shows the real patch."""
    assert response(ask(review(dryRun=True), directory))["patch"]


@pytest.mark.parametrize("name", [None, ""], ids=["absent", "empty"])
def test_pod_without_service_account_has_the_default(
    name: str | None, review: Callable[..., bytes], directory: Any
) -> None:
    """An empty name means the ServiceAccount `default`."""
    spec = {"containers": [{"name": "app"}]} | ({} if name is None else {"serviceAccountName": ""})
    ask(review(object={"metadata": {}, "spec": spec}), directory)
    assert directory.asked == [("shop", "default")]


def test_pod_without_a_role_is_untouched(review: Callable[..., bytes], directory: Any) -> None:
    """A ServiceAccount that grants nothing changes nothing."""
    directory.verdict = None
    reply = ask(review(), directory)
    assert_untouched(reply)
    assert reply.outcome is Outcome.no_role


def test_refused_role_is_told_to_the_creator(review: Callable[..., bytes], directory: Any) -> None:
    """A role of a foreign account is not injected, and the pod's creator sees why."""
    directory.verdict = Refusal(reason="account 999999999999 is not among the allowed accounts")
    reply = ask(review(), directory)
    assert_untouched(reply)
    assert "999999999999" in response(reply)["warnings"][0]


@pytest.mark.parametrize(
    "request_",
    [
        {"operation": "UPDATE"},
        {"operation": "DELETE", "object": None, "oldObject": {"kind": "Pod"}},
        {"operation": "CONNECT", "object": {"kind": "PodExecOptions"}},
        {"resource": PODS | {"resource": "secrets"}, "object": {"spec": 1, "data": []}},
        {"resource": PODS | {"group": "metrics.k8s.io"}},
        {"subResource": "binding", "object": {"kind": "Binding", "target": {}}},
        {"subResource": "eviction", "object": {}},
    ],
    ids=lambda value: "-".join(f"{k}" for k in value),
)
def test_everything_else_passes(
    request_: dict, review: Callable[..., bytes], directory: Any
) -> None:
    """What is not the creation of a pod is allowed, whatever it looks like, and nobody is asked."""
    reply = ask(review(**request_), directory)
    assert_untouched(reply)
    assert reply.outcome is Outcome.ignored
    assert directory.asked == []


def test_mirror_pod_passes(review: Callable[..., bytes], directory: Any) -> None:
    """A mirror pod with a projected token would be refused by the API server."""
    metadata = {"name": "etcd-1", "annotations": {"kubernetes.io/config.mirror": "x"}}
    reply = ask(review(object={"metadata": metadata, "spec": {"containers": []}}), directory)
    assert_untouched(reply)


@pytest.mark.parametrize("failure", [RuntimeError("bug"), None], ids=["bug", "lookup"])
def test_own_failure_lets_the_pod_start_and_says_so(
    failure: Exception | None, review: Callable[..., bytes], directory: Any, failed: Exception
) -> None:
    """Pods start while irsa is ill; their creator is warned, and it is counted."""
    directory.verdict = failure or failed
    reply = ask(review(), directory)
    assert response(reply)["allowed"] is True
    [operation] = json.loads(base64.b64decode(response(reply)["patch"]))
    assert operation["path"].startswith("/metadata/annotations")
    assert "irsa" in json.dumps(operation)
    assert "without an AWS role" in response(reply)["warnings"][0]
    assert reply.outcome is Outcome.failed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":""}}',
        b'{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"a"}}',
        b'{"apiVersion":"v1","kind":"Pod","request":{"uid":"a"}}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"request":' * 50_000,
    ],
)
def test_what_is_no_review_is_a_bad_request(body: bytes, directory: Any) -> None:
    """A malformed body is HTTP 400, never a denied pod."""
    reply = ask(body, directory)
    assert reply.status == 400
    assert reply.outcome is Outcome.malformed


@pytest.mark.parametrize(
    "pod",
    [None, 1, [], {"spec": 1}, {"spec": {"containers": [{"env": "x"}]}}, {"metadata": {"name": 1}}],
)
def test_what_is_no_pod_is_a_bad_request(
    pod: object, review: Callable[..., bytes], directory: Any
) -> None:
    """An object under `pods` that is none is HTTP 400."""
    assert ask(review(object=pod), directory).status == 400


def test_unknown_fields_never_matter(review: Callable[..., bytes], directory: Any) -> None:
    """Fields of a newer Kubernetes are not even looked at."""
    future = {"name": "app", "resizePolicy": [{"a": 1}], "image": {"not": "a string"}}
    pod = {"spec": {"containers": [future], "schedulingGates": 7}, "status": []}
    assert ask(review(object=pod), directory).outcome is Outcome.mutated


def test_reply_says_what_to_log_and_nothing_more(
    review: Callable[..., bytes], directory: Any
) -> None:
    """The record names the pod and its ServiceAccount; a controller's pod has no name yet."""
    reply = ask(review(), directory)
    assert (reply.namespace, reply.service_account, reply.pod) == ("shop", "web", "web-*")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["metadata", "spec", "containers", "env", "name", "annotations", "volumes", "object", "uid"]
    ),
    JSON,
    max_size=4,
)
FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(directory: Any, body: bytes) -> None:
    """Whatever comes, there is an HTTP answer and no exception."""
    assert ask(body, directory).status == 400


@FUZZ
@given(FIELDS, FIELDS)
def test_any_review_gets_an_answer(
    directory: Any, review: Callable[..., bytes], request_: dict, pod: dict
) -> None:
    """Whatever stands in a review, it is answered, or refused as malformed."""
    reply = ask(review(**({"object": pod} | request_)), directory)
    assert reply.status in (200, 400)
    assert reply.outcome is not Outcome.failed


@FUZZ
@given(st.integers(0, 600), st.binary(min_size=1, max_size=4))
def test_any_damage_gets_an_answer(
    directory: Any, review: Callable[..., bytes], at: int, damage: bytes
) -> None:
    """A review with bytes overwritten is answered, or refused as malformed."""
    body = review()
    reply = ask(body[:at] + damage + body[at + len(damage) :], directory)
    assert reply.status in (200, 400)
    assert reply.outcome is not Outcome.failed


@pytest.mark.parametrize("escape", ["\\ud800", "\\udfff\\ud800", "\\u0000"])
def test_odd_characters_are_echoed_or_refused(
    escape: str, review: Callable[..., bytes], directory: Any
) -> None:
    """A lone surrogate in the uid ends in an HTTP answer too."""
    body = review(uid="ODD").replace(b"ODD", escape.encode())
    assert ask(body, directory).status in (200, 400)


def test_grant_is_a_value() -> None:
    """Two equal grants are one."""
    same = {"role_arn": "a", "audience": "b", "expiration": 600}
    assert Grant(**same) == Grant(**same)
