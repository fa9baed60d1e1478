"""The issuer that a cluster has now."""

import pytest
from tests.fakes.cluster import ISSUER, SIGNING_KEY, FakeCluster

from irsa.apiserver import present
from irsa.errors import InputError, WebError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.web import Document

PUBLIC = "https://oidc.example.com/prod"


class _Web:
    def __init__(self, documents):
        self._documents = documents

    def get(self, url):
        if url not in self._documents:
            raise WebError(f"cannot read {url}: no such host")
        status, body = self._documents[url]
        return Document(url=url, status=status, content_type="application/json", body=body)


def _published(status=200, keys=(SIGNING_KEY.public,)):
    issuer = IssuerUrl.parse(PUBLIC)
    return _Web(
        {
            issuer.discovery_url: (status, discovery.build(issuer, keys)),
            issuer.jwks_url: (200, jwks.build(keys)),
        }
    )


def _signing():
    return {SIGNING_KEY.public.kid}


def test_its_name_is_the_api_servers_own_word():
    """From its discovery document."""
    assert present.named(FakeCluster()) == ISSUER


@pytest.mark.parametrize("document", [b"<html>", b"[]", b"{}", b'{"issuer": 1}'])
def test_a_document_without_an_issuer_is_an_error(document):
    """Not a guess."""
    kube = FakeCluster()
    kube.documents[present.DISCOVERY_PATH] = document
    with pytest.raises(InputError, match="openid-configuration"):
        present.named(kube)


def test_an_issuer_that_the_world_can_use_is_public():
    """Its documents are readable, and hold the key that signs."""
    found = present.judge(PUBLIC, _published(), kids=_signing)
    assert found.is_public
    assert found.reason == ""


@pytest.mark.parametrize(
    ("web", "kids", "reason"),
    [
        (_Web({}), _signing, "no such host"),
        (_published(status=403), _signing, "status 403"),
        (_published(), lambda: {"another"}, "another signs tokens, and is not in"),
        (_published(), frozenset, "no key was seen signing"),
    ],
    ids=["unreachable", "forbidden", "key-missing", "no-key-seen"],
)
def test_an_issuer_that_the_world_cannot_use_is_not(web, kids, reason):
    """With the reason."""
    found = present.judge(PUBLIC, web, kids=kids)
    assert not found.is_public
    assert reason in found.reason


@pytest.mark.parametrize(
    "url",
    [
        ISSUER,
        "https://kubernetes.default.svc",
        "https://kubernetes.default",
        "https://10.0.0.1:6443",
        "kubernetes/serviceaccount",
        "https://api.prod.internal",
    ],
)
def test_a_private_name_is_not_even_asked_for(url):
    """Nor is a token minted for it."""

    def never():
        raise AssertionError

    found = present.judge(url, _Web({}), kids=never)
    assert not found.is_public
    assert found.reason
