"""What went wrong, in words."""

import json
import socket
import ssl

import pytest

from irsa.errors import EXCERPT_LENGTH
from irsa.kube import failures
from irsa.kube.connection import Connection

CONNECTION = Connection(server="https://kube.example:6443", origin="context 'a' of /k")
PATH = "/api/v1/namespaces/shop/configmaps/x"


def _refused(code, body, request=("PATCH", PATH)):
    return failures.refused(CONNECTION, request, code=code, body=body)


def _status(**fields) -> bytes:
    return json.dumps({"kind": "Status", **fields}).encode()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (("GET", PATH), "get configmaps/x in namespace shop"),
        (("GET", "/api/v1/namespaces/shop/configmaps"), "list configmaps in namespace shop"),
        (("GET", "/api/v1/namespaces/shop"), "get namespaces/shop"),
        (("GET", "/api/v1/pods?limit=500"), "list pods"),
        (("POST", "/apis/apps/v1/namespaces/a/deployments"), "create deployments in namespace a"),
        (("PUT", "/api/v1/nodes/n/status"), "update nodes/n/status"),
        (("DELETE", "/apis/rbac/v1/clusterroles/a%2Fb"), "delete clusterroles/a/b"),
        (("GET", "/openid/v1/jwks"), "get /openid/v1/jwks"),
    ],
)
def test_requests_are_described(request_, words):
    """Verb, resource, name and namespace, as RBAC names them."""
    assert failures.describe(*request_) == words


def test_forbidden_names_verb_and_resource():
    """Whoever grants rights has to know which."""
    error = _refused(403, _status(reason="Forbidden", message="nope"))
    assert error.message == "not allowed to patch configmaps/x in namespace shop: nope"
    assert (error.status, error.reason) == (403, "Forbidden")


def test_unauthorized_says_whose_credentials():
    """The reader learns which context to look at."""
    error = _refused(401, b"")
    assert error.message == "https://kube.example:6443 does not accept our credentials"
    assert "context 'a' of /k" in error.hint


def test_absent_object_is_told_from_a_path_that_means_nothing():
    """Only an object that is named in the answer is NotFound."""
    absent = _refused(404, _status(reason="NotFound", message="gone", details={"name": "x"}))
    unserved = _refused(404, _status(reason="NotFound", message="gone", details={}))
    foreign = _refused(404, b"404 page not found")
    assert [e.reason for e in (absent, unserved, foreign)] == ["NotFound", None, None]
    assert "does not serve" in unserved.message
    assert "does not serve" in foreign.message


def test_conflict_names_fields_and_managers():
    """Server-side apply says who holds what."""
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "helm" using v1',
            "field": ".data.a",
        },
        {"reason": "FieldManagerConflict", "message": "conflict", "field": ".data.b"},
    ]
    body = _status(reason="Conflict", message="Apply failed", details={"causes": causes})
    assert _refused(409, body).message.endswith(
        ".data.a belongs to helm, .data.b belongs to another manager"
    )


@pytest.mark.parametrize(
    "body",
    [b"<html>secret login page</html>", b'{"kind": "Pod", "message": "secret"}', b"", b"null"],
    ids=["html", "another-kind", "empty", "null"],
)
def test_foreign_bodies_are_dropped(body):
    """What is no Status comes from somewhere else, and is not repeated."""
    error = _refused(500, body)
    assert error.message == "cannot patch configmaps/x in namespace shop: HTTP 500"
    assert error.reason is None


def test_long_messages_are_cut():
    """A message fits a terminal, whatever the server says."""
    error = _refused(422, _status(reason="Invalid", message="x" * 10_000))
    assert len(error.message) < EXCERPT_LENGTH + 80


def _raised(cause: Exception) -> Exception:
    try:
        raise RuntimeError("outer") from cause
    except RuntimeError as error:
        return error


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "a name does not resolve"),
        (TimeoutError(), "did not answer in time"),
        (ssl.SSLEOFError(8, "EOF"), "the connection was closed"),
        (ssl.SSLError(1, "[SSL: TLSV1_ALERT] x"), "no TLS connection"),
        (RuntimeError("odd"), "outer"),
    ],
    ids=["refused", "name", "slow", "closed", "tls", "other"],
)
def test_no_answer_says_why(cause, words):
    """The cause behind the library's error is what is told, and the way that was taken."""
    error = failures.unanswered(
        CONNECTION, ("GET", PATH), _raised(cause), via=" through the proxy p"
    )
    assert words in error.message
    assert "through the proxy p" in error.message
    assert error.status is None


def test_only_a_verdict_of_tls_is_about_tls():
    """A connection that was cut during the handshake may be tried again."""
    assert failures.is_about_tls(_raised(ssl.SSLError(1, "bad")))
    assert not failures.is_about_tls(_raised(ssl.SSLEOFError(8, "EOF")))
    assert not failures.is_about_tls(_raised(TimeoutError()))


def test_busy_server_says_for_how_long_in_its_status_too():
    """In the error event of a watch there is no header; where there is one, it counts."""
    body = _status(code=429, details={"retryAfterSeconds": 3})
    assert _refused(429, body).retry_after == 3
    error = failures.refused(CONNECTION, ("GET", PATH), code=429, body=body, retry_after=5.0)
    assert error.retry_after == 5.0
    assert _refused(500, _status(code=500)).retry_after is None
