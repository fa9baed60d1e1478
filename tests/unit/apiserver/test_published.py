"""Whether the world can read the new issuer's documents."""

import pytest

from irsa.apiserver import published
from irsa.apiserver.stages import Gate
from irsa.errors import WebError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.identity.keys import KeyKind, SigningKey
from irsa.web import Document

ISSUER = IssuerUrl.parse("https://b.s3.eu-west-1.amazonaws.com")
OTHER = IssuerUrl.parse("https://other.s3.eu-west-1.amazonaws.com")
KEY = SigningKey.generate(KeyKind.ec_p256).public


class FakeWeb:
    """Documents by URL; what is not there answers 403, as S3 does."""

    def __init__(self, documents):
        self._documents = documents

    def get(self, url):
        if self._documents is None:
            raise WebError(f"cannot read {url}")
        body = self._documents.get(url)
        status = 403 if body is None else 200
        return Document(url=url, status=status, content_type="application/json", body=body or b"")


def _web(**more):
    documents = {
        ISSUER.discovery_url: discovery.build(ISSUER, [KEY]),
        ISSUER.jwks_url: jwks.build([KEY]),
    }
    return FakeWeb(documents | more)


def test_published_documents_with_every_key_are_fine():
    """Nothing is missing."""
    assert published.missing(_web(), ISSUER, kids=[KEY.kid]) == ()


@pytest.mark.parametrize(
    "web",
    [
        pytest.param(FakeWeb(None), id="unreachable"),
        pytest.param(FakeWeb({}), id="forbidden"),
        pytest.param(_web(**{ISSUER.jwks_url: None}), id="no-keys"),
        pytest.param(_web(**{ISSUER.jwks_url: b"<html>"}), id="not-json"),
        pytest.param(
            _web(**{ISSUER.discovery_url: discovery.build(OTHER, [KEY])}), id="another-issuer"
        ),
    ],
)
def test_documents_that_cannot_be_read_are_a_closed_gate(web):
    """AWS would refuse every token."""
    refusals = published.missing(web, ISSUER, kids=[KEY.kid])
    assert [refusal.gate for refusal in refusals] == [Gate.documents]


def test_a_signing_key_that_is_not_published_is_a_closed_gate():
    """AWS would refuse the tokens of one server."""
    refusals = published.missing(_web(), ISSUER, kids=[KEY.kid, "unpublished"])
    assert [refusal.gate for refusal in refusals] == [Gate.keys]
    assert "unpublished" in refusals[0].reason
