"""What is waited for, and what is said of it meanwhile."""

from dataclasses import replace

import pytest
from tests.fakes.stage import make_stage

from irsa.errors import KubeError, WebError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.kube.objects import Ref
from irsa.provision.checks import Available, Gone, Injects, Published, Trusted
from irsa.provision.engine import proof_pod
from irsa.provision.waiting import lacking, wait
from irsa.web import Document

ISSUER = IssuerUrl.parse("https://issuer.example.com")
OTHER = IssuerUrl.parse("https://other.example.com")
KEYS = make_stage().wish.keys
KID = KEYS[0].kid


class _Web:
    """Two documents."""

    def __init__(self, *, issuer=ISSUER, keys=KEYS, content_type="application/json"):
        self._content_type = content_type
        self._bodies = {
            ISSUER.discovery_url: discovery.build(issuer, KEYS),
            ISSUER.jwks_url: jwks.build(keys),
        }

    def get(self, url):
        body = self._bodies[url]
        return Document(url=url, status=200, content_type=self._content_type, body=body)


def _published(stage, web, kid=KID):
    return lacking(Published(issuer=ISSUER, kids=(kid,)), replace(stage.world, web=web))


def test_good_documents_lack_nothing(stage):
    """Right issuer, right keys, JSON."""
    assert _published(stage, _Web()) is None


@pytest.mark.parametrize(
    ("web", "kid", "missing"),
    [
        pytest.param(_Web(issuer=OTHER), KID, "names another issuer", id="issuer"),
        pytest.param(_Web(), "new", "lacks the key new", id="key"),
        pytest.param(_Web(content_type="text/plain"), KID, "served as 'text/plain'", id="type"),
    ],
)
def test_what_is_wrong_with_documents_is_named(stage, web, kid, missing):
    """STS would refuse them the same way."""
    assert missing in _published(stage, web, kid)


def test_a_deployment_that_is_missing_is_named(stage):
    """It was deleted meanwhile."""
    ref = Ref("apps/v1", "Deployment", "irsa-webhook", "irsa-system")
    assert "does not exist" in lacking(Available(ref=ref), stage.world)


def test_a_deployment_that_may_not_make_pods_says_why(stage):
    """A quota or an admission policy."""
    stage.apply()
    ref = Ref("apps/v1", "Deployment", "irsa-webhook", "irsa-system")
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}
    stage.kube.patch(ref, {"status": {"availableReplicas": 0, "conditions": [failure]}})
    assert lacking(Available(ref=ref), stage.world).endswith("(exceeded quota)")


def test_a_registration_without_an_authority_is_not_trusted(stage):
    """Until the controller has written it."""
    stage.kube.asleep = True
    ref = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "irsa-webhook")
    assert "does not exist" in lacking(Trusted(ref=ref), stage.world)
    registration = {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name},
        "webhooks": [{"name": "a", "clientConfig": {}}],
    }
    stage.kube.apply(registration)
    assert "has not given" in lacking(Trusted(ref=ref), stage.world)


def test_a_refused_dry_run_says_why(stage):
    """An admission policy may forbid the pod; that is not a crash."""
    check = Injects(pod=proof_pod("nowhere", "web"), role_arn="arn")
    assert "the dry run was refused" in lacking(check, stage.world)


def test_what_does_not_go_away_is_an_error_in_the_end(stage):
    """With a deadline, and said once meanwhile."""
    check = Gone(ref=Ref("v1", "Namespace", "shop"))
    with pytest.raises(KubeError, match="not so after 180 s: Namespace shop is gone"):
        wait(check, stage.world)
    assert stage.said == ["waiting: Namespace shop is still there"]


def test_a_reader_without_an_answer_is_waited_for_too(stage):
    """DNS of a new bucket needs a moment; in the end the error says what to look at."""

    class _Nobody:
        def get(self, url):
            raise WebError(f"cannot read {url}: no such host")

    world = replace(stage.world, web=_Nobody())
    with pytest.raises(WebError, match="no such host") as caught:
        wait(Published(issuer=ISSUER, kids=(KID,)), world)
    assert "--override read-back" in caught.value.hint
