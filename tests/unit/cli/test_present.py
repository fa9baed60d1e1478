"""`publish: existing` on the command line: looked at before anything, and never changed."""

import pytest
from tests.fakes.cluster import OLD_KEY, SIGNING_KEY
from tests.fakes.stage import command_line, make_stage

from irsa.errors import WebError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import IssuerUrl
from irsa.web import Document

URL = "https://id.example.com"


class Site:
    """What the world reads at the issuer; nothing at all if no keys are given."""

    keys = ()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing to close."""

    def get(self, url):
        if not self.keys:
            raise WebError(f"{url} cannot be reached")
        is_jwks = url.endswith("keys.json")
        issuer = IssuerUrl.parse(URL)
        body = jwks.build(self.keys) if is_jwks else discovery.build(issuer, self.keys)
        return Document(url=url, status=200, content_type="application/json", body=body)


@pytest.fixture(name="site")
def _site():
    site = Site()
    site.keys = (SIGNING_KEY.public,)
    return site


@pytest.fixture(name="irsa")
def _irsa(site, tmp_path, monkeypatch):
    stage = make_stage()
    stage.web = site
    stage.kube.sign_with(URL)
    issuer = {"publish": "existing", "url": URL}
    run = command_line(stage, tmp_path, monkeypatch, issuer=issuer)
    run.stage = stage
    return run


def test_an_issuer_that_is_right_is_planned_with(irsa, capsys):
    """Nothing is said of keys that are not published: irsa publishes none."""
    assert irsa("plan") == 0
    shown = capsys.readouterr().out
    assert f"OIDC provider {URL}" in shown
    assert "namedKeys" not in shown


def test_another_issuer_in_force_is_refused(irsa, capsys):
    """Tokens would come from elsewhere."""
    irsa.stage.kube.sign_with("https://kubernetes.default.svc")
    assert irsa("apply", "--yes") == 3
    assert "signs tokens with https://kubernetes.default.svc" in capsys.readouterr().err
    assert irsa.stage.aws.calls == []


def test_documents_without_the_signing_key_are_refused(irsa, site, capsys):
    """Before anything is made."""
    site.keys = (OLD_KEY.public,)
    assert irsa("apply", "--yes") == 3
    said = capsys.readouterr().err
    assert f"is not right as it is: {URL}/keys.json lacks the key {SIGNING_KEY.public.kid}" in said
    assert irsa.stage.aws.calls == []


def test_documents_that_cannot_be_read_from_here_are_a_warning(irsa, site, capsys):
    """A plan is possible; an apply waits, and makes no provider in vain."""
    site.keys = ()
    assert irsa("plan") == 0
    assert "cannot be read from here" in capsys.readouterr().err
    assert irsa("apply", "--yes") == 7
    assert irsa.stage.aws.providers == {}


@pytest.mark.parametrize("goal", ["accept", "activate", "rollback"])
def test_the_api_servers_are_left_alone(irsa, capsys, monkeypatch, goal):
    """In a sentence, before any of them is asked."""
    from irsa.kube.client import Kube

    monkeypatch.setattr(Kube, "open", lambda **_: irsa.stage.kube)
    assert irsa("issuer", goal, "--yes") == 3
    assert (
        f"nothing has to change: {URL} is the cluster's present issuer" in capsys.readouterr().err
    )


def test_a_destroy_is_not_kept_back_by_the_issuer(irsa):
    """It stays in force, and stays published."""
    assert irsa("apply", "--yes") == 0
    assert irsa("destroy", "--confirm-name", "prod-eu") == 0
    assert irsa.stage.aws.empty
