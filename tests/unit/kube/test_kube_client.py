"""The verbs, against a server by script: what is sent, and what comes of the answers."""

import json

import pytest
from tests.fakes.api_server import Answer, status

from irsa.errors import KubeError
from irsa.kube.client import Kube
from irsa.kube.objects import Ref

CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "x", "namespace": "shop"},
}
REF = Ref.of(CONFIG_MAP)


@pytest.fixture(name="kube")
def _kube(connection):
    with Kube.connect(connection, timeout=5.0) as kube:
        yield kube


SENT = {
    "apply": (
        lambda kube: kube.apply(CONFIG_MAP, force=True, dry_run=True),
        ("PATCH", f"{REF.path}?fieldManager=irsa&force=true&dryRun=All"),
        ("application/apply-patch+yaml", CONFIG_MAP),
    ),
    "create": (
        lambda kube: kube.create(CONFIG_MAP),
        ("POST", "/api/v1/namespaces/shop/configmaps?fieldManager=irsa"),
        ("application/json", CONFIG_MAP),
    ),
    "replace": (
        lambda kube: kube.replace(CONFIG_MAP),
        ("PUT", f"{REF.path}?fieldManager=irsa"),
        ("application/json", CONFIG_MAP),
    ),
    "merge": (
        lambda kube: kube.patch(REF, {"data": None}),
        ("PATCH", f"{REF.path}?fieldManager=irsa"),
        ("application/merge-patch+json", {"data": None}),
    ),
    "json": (
        lambda kube: kube.patch(REF, [{"op": "remove", "path": "/data"}], kind="json"),
        ("PATCH", f"{REF.path}?fieldManager=irsa"),
        ("application/json-patch+json", [{"op": "remove", "path": "/data"}]),
    ),
    "strategic-status": (
        lambda kube: kube.patch(REF, {}, kind="strategic", subresource="status"),
        ("PATCH", f"{REF.path}/status?fieldManager=irsa"),
        ("application/strategic-merge-patch+json", {}),
    ),
    "delete": (
        lambda kube: kube.delete(REF, uid="u", propagation="Foreground"),
        ("DELETE", REF.path),
        (
            "application/json",
            {"propagationPolicy": "Foreground", "preconditions": {"uid": "u"}},
        ),
    ),
}


@pytest.mark.parametrize(("call", "request_", "body"), SENT.values(), ids=SENT)
def test_what_is_sent(api, kube, call, request_, body):
    """Method, path, type and body of each verb."""
    call(kube)
    seen = api.seen[0]
    assert (seen.method, seen.path) == request_
    assert (seen.headers["content-type"], json.loads(seen.body)) == body


def test_list_is_read_in_pages(api, kube):
    """Five hundred at a time, each item with its kind."""

    def page(name, **metadata):
        items = [{"metadata": {"name": name}}]
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}
        return Answer(body=json.dumps(body).encode())

    api.answers(page("a", **{"continue": "c1"}), page("b", **{"continue": ""}))
    found = kube.list("v1", "Pod", label_selector="x=y")
    assert [(pod["metadata"]["name"], pod["kind"]) for pod in found] == [("a", "Pod"), ("b", "Pod")]
    assert [seen.path for seen in api.seen] == [
        "/api/v1/pods?labelSelector=x%3Dy&limit=500",
        "/api/v1/pods?labelSelector=x%3Dy&limit=500&continue=c1",
    ]


def test_list_that_expires_in_the_middle_is_begun_anew(api, kube):
    """And nothing is returned twice."""

    def page(name, token):
        metadata = {"continue": token}
        items = [{"metadata": {"name": name}}]
        body = {"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": items}
        return Answer(body=json.dumps(body).encode())

    api.answers(page("a", "c1"), status(410, "Expired"), page("a", "c2"), page("b", ""))
    assert [pod["metadata"]["name"] for pod in kube.list("v1", "Pod")] == ["a", "b"]


def test_list_that_always_expires_is_an_error(api, kube):
    """Not an endless loop."""
    api.answers(status(410, "Expired", "too old"))
    with pytest.raises(KubeError, match="too old"):
        kube.list("v1", "Pod")


def test_empty_list_has_no_items(api, kube):
    """`items: null` is what Go makes of nothing."""
    body = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": None}
    api.answers(Answer(body=json.dumps(body).encode()))
    assert kube.list("v1", "Pod") == []


@pytest.mark.parametrize(
    "call",
    [lambda kube: kube.get(REF), lambda kube: kube.list("v1", "Pod"), lambda kube: kube.version()],
    ids=["get", "list", "version"],
)
def test_answer_that_is_no_object_is_refused(api, kube, call):
    """A login page with status 200 is not taken for an object."""
    api.answers(Answer(body=b"<html>log in</html>"))
    with pytest.raises(KubeError, match="with something else than"):
        call(kube)


def test_absent_object_is_none_but_an_unserved_kind_is_an_error(api, kube):
    """None means that the object does not exist, and nothing else."""
    api.answers(status(404, "NotFound", "x", name="x"), status(404, "NotFound", "what?"))
    assert kube.get(REF) is None
    with pytest.raises(KubeError, match="does not serve"):
        kube.get(REF)


def test_delete_of_an_absent_object_is_false(api, kube):
    """And of a kind that is not served, an error."""
    api.answers(status(404, "NotFound", "x", name="x"), Answer(status=404))
    assert kube.delete(REF) is False
    with pytest.raises(KubeError):
        kube.delete(REF)


def test_token_is_bound(api, kube):
    """To the Pod that it is for."""
    body = {"status": {"token": "t", "expirationTimestamp": "2030-01-01T00:00:00Z"}}
    api.answers(Answer(status=201, body=json.dumps(body).encode()))
    issued = kube.create_token(
        "shop",
        "web",
        audiences=["a"],
        expiration_seconds=600,
        bound_to=Ref("v1", "Pod", "p", "shop"),
        bound_uid="u",
    )
    assert (issued.token, issued.expires.year) == ("t", 2030)
    assert api.seen[0].path == "/api/v1/namespaces/shop/serviceaccounts/web/token"
    assert json.loads(api.seen[0].body)["spec"] == {
        "audiences": ["a"],
        "expirationSeconds": 600,
        "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"},
    }


def test_raw_takes_whatever_is_served(api, kube):
    """The JWKS has a media type of its own."""
    api.answers(Answer(body=b"text"))
    assert kube.raw("/openid/v1/jwks") == b"text"
    assert api.seen[0].headers["accept"] == "*/*"


class _Observer:
    def __init__(self):
        self.told = []

    def before(self, method, path):
        self.told.append((method, path))

    def after(self, method, path):
        """Not of interest here."""


def test_questions_and_dry_runs_are_no_changes(connection, api):
    """Reviews, tokens and dry runs leave nothing behind, and are not reported."""
    observer = _Observer()
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    body = {"status": {"token": "t", "expirationTimestamp": "2030-01-01T00:00:00Z"}}
    api.answers(Answer(body=json.dumps(body).encode()))
    with Kube.connect(connection, observer=observer) as kube:
        kube.create(review)
        kube.create_token("a", "b", audiences=[])
        kube.apply(CONFIG_MAP, dry_run=True)
        kube.delete(REF)
    assert observer.told == [("DELETE", REF.path)]


def test_open_reads_the_kubeconfig(tmp_path, api, pki):
    """From file to answer."""
    path = tmp_path / "config"
    path.write_text(
        f"current-context: a\n"
        f"clusters: [{{name: c, cluster: {{server: '{api.url}',"
        f" certificate-authority: {pki.ca_file}}}}}]\n"
        f"users: [{{name: u, user: {{token: t}}}}]\n"
        f"contexts: [{{name: a, context: {{cluster: c, user: u}}}}]\n"
    )
    api.answers(Answer(body=b'{"metadata": {"uid": "6f0c"}}'))
    with Kube.open(kubeconfig=str(path)) as kube, kube.at(api.url) as there:
        assert kube.cluster_uid() == there.cluster_uid() == "6f0c"
        assert kube.server == api.url
    assert api.seen[0].headers["authorization"] == "Bearer t"
