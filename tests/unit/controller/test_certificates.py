"""What is refused or cannot be seen keeps nothing else from being done, and breaks nothing."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509

from irsa.controller.certificates import REGISTRATION, Controller, Trouble
from irsa.errors import KubeError
from irsa.injection.settings import CA_SECRET, TLS_SECRET
from irsa.tls.certs import Authority

Refusal = Callable[[str, str], KubeError | None]


def refusing(what: str, *verbs: str, status: int | None = 403) -> Refusal:
    """Refuses some verbs on what has this in its path."""

    def refuse(verb: str, path: str) -> KubeError | None:
        return KubeError("refused", status=status) if what in path and verb in verbs else None

    return refuse


def troubled(cluster: Any) -> list[Trouble]:
    """What a round says that it could not do; it fails for that."""
    troubles: list[Trouble] = []
    controller: Controller = replace(cluster.controller, troubled=troubles.append)
    with pytest.raises(KubeError):
        controller.settle()
    return troubles


def clear_bundle(cluster: Any) -> None:
    """Somebody takes `caBundle` out."""
    configuration = cluster.kube.get(REGISTRATION)
    configuration["webhooks"][0]["clientConfig"].pop("caBundle", None)
    cluster.kube.replace(configuration)


def test_certificates_of_the_future_are_replaced(cluster: Any, trusts: Any) -> None:
    """No API server takes them yet: a wrong clock made them."""
    cluster.wait(days=400)
    cluster.settle()
    cluster.wait(days=-400)
    assert cluster.settle() == ["NewAuthority", "TrustBundle", "NewServing"]
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)
    assert cluster.settle() == []


def test_certificate_alone_of_the_future_is_replaced(cluster: Any, trusts: Any) -> None:
    """Its CA is good: that one stays."""
    cluster.settle()
    authority = cluster.authority()
    cluster.wait(days=80)
    assert cluster.settle() == ["NewServing"]
    cluster.wait(days=-80)
    assert cluster.settle() == ["NewServing"]
    assert cluster.authority() == authority
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_without_the_registration_no_new_ca_signs_what_is_served(cluster: Any) -> None:
    """`caBundle` cannot be written: a certificate of a CA that is not in it would be refused."""
    cluster.settle()
    served = cluster.serving()
    cluster.kube.delete(cluster.ref(CA_SECRET))
    cluster.kube.refuse = refusing("mutatingwebhook", "patch")
    [trouble] = troubled(cluster)
    assert trouble.about == REGISTRATION
    assert cluster.serving() == served
    assert cluster.authority() not in cluster.bundle()
    cluster.kube.refuse = lambda *_: None
    assert cluster.settle() == ["TrustBundle", "NewServing"]


def test_registration_that_cannot_be_read_may_hold_anything(cluster: Any) -> None:
    """A new CA is not known to be trusted; a renewal by the old one changes nothing there."""
    cluster.settle()
    served = cluster.serving()
    cluster.kube.refuse = refusing("mutatingwebhook", "get")
    cluster.wait(days=70)
    troubled(cluster)
    renewed = cluster.serving()
    assert renewed != served
    cluster.kube.delete(cluster.ref(CA_SECRET))
    troubled(cluster)
    assert cluster.serving() == renewed


def test_what_cannot_be_read_is_not_made_anew(cluster: Any) -> None:
    """It may be whole: only what is seen to be missing is missing."""
    cluster.settle()
    before = cluster.data(CA_SECRET), cluster.data(TLS_SECRET)
    for name in (CA_SECRET, TLS_SECRET):
        cluster.kube.refuse = refusing(name, "get")
        [trouble] = troubled(cluster)
        assert trouble.about == cluster.ref(name)
        cluster.kube.refuse = lambda *_: None
        assert (cluster.data(CA_SECRET), cluster.data(TLS_SECRET)) == before


def test_ca_and_bundle_lost_at_once_leave_what_is_served_trusted(cluster: Any, trusts: Any) -> None:
    """The CA's certificate is beside the serving one, too."""
    cluster.settle()
    served = cluster.serving()
    cluster.kube.delete(cluster.ref(CA_SECRET))
    clear_bundle(cluster)
    cluster.settle()
    assert trusts(cluster.bundle(), served, cluster.now)
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_ca_that_is_unusable_and_read_only_leaves_its_certificate_trusted(
    cluster: Any, trusts: Any
) -> None:
    """Nothing can be signed; what is served goes on."""
    cluster.settle()
    cluster.change(CA_SECRET, tls_key="AAAA")
    clear_bundle(cluster)
    cluster.kube.refuse = refusing(CA_SECRET, "put", status=422)
    [trouble] = troubled(cluster)
    assert trouble.about == cluster.ref(CA_SECRET)
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_stranger_beside_the_certificate_is_not_trusted(cluster: Any) -> None:
    """Only a CA that has signed what is served is taken from there."""
    cluster.settle()
    stranger = Authority.generate("x", now=cluster.now, days=9).certificate_pem
    cluster.change(TLS_SECRET, ca_crt=base64.b64encode(stranger).decode())
    cluster.kube.delete(cluster.ref(CA_SECRET))
    clear_bundle(cluster)
    cluster.settle()
    assert x509.load_pem_x509_certificate(stranger) not in cluster.bundle()


def test_expired_ca_that_is_read_only_signs_nothing(cluster: Any) -> None:
    """Nobody would accept it."""
    cluster.settle()
    served = cluster.serving()
    cluster.kube.refuse = refusing(CA_SECRET, "put", status=422)
    cluster.wait(days=4000)
    troubled(cluster)
    assert cluster.serving() == served


def test_ca_that_is_due_and_read_only_goes_on(cluster: Any, trusts: Any) -> None:
    """It signs and is trusted while it lives, as long as it cannot be renewed."""
    cluster.settle()
    cluster.kube.refuse = refusing(CA_SECRET, "put", status=422)
    cluster.wait(days=2500)
    clear_bundle(cluster)
    assert len(troubled(cluster)) == 1
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


@pytest.mark.parametrize("status", [None, 401, 429, 503])
def test_api_server_that_is_away_is_not_asked_on(cluster: Any, status: int | None) -> None:
    """One request tells enough."""
    cluster.kube.requests.clear()
    cluster.kube.refuse = refusing("", "get", status=status)
    with pytest.raises(KubeError):
        cluster.settle()
    assert len(cluster.kube.requests) == 1


def test_bundle_is_written_over_what_was_read_and_nothing_newer(cluster: Any) -> None:
    """A late write is refused, whoever has taken the Lease; then it looks again."""
    cluster.settle()
    clear_bundle(cluster)
    changed: list[str] = []

    def meanwhile(verb: str, path: str) -> None:
        if verb == "patch" and not changed:
            changed.append(path)
            labels = {"metadata": {"labels": {"meanwhile": "changed"}}}
            cluster.kube.patch(REGISTRATION, labels)

    cluster.kube.refuse = meanwhile
    assert cluster.settle() == ["TrustBundle"]
    patches = [path for verb, path in cluster.kube.requests if verb == "patch"]
    # The one meanwhile, the one that is refused, and the one after it.
    assert patches.count(REGISTRATION.path) >= 3
    assert cluster.bundle() == (cluster.authority(),)


def test_keys_of_others_stay_in_a_secret(cluster: Any) -> None:
    """One of another type is only valid with them."""
    cluster.settle()
    cluster.change(TLS_SECRET, tls_key="AAAA", username="eA==")
    assert cluster.settle() == ["NewServing"]
    assert cluster.data(TLS_SECRET)["username"] == b"x"


def test_labels_come_from_what_there_is(cluster: Any) -> None:
    """Also a Secret that is made while there is no registration belongs to the cluster."""
    cluster.settle()
    labels = cluster.kube.get(cluster.ref(TLS_SECRET))["metadata"]["labels"]
    cluster.kube.delete(REGISTRATION)
    cluster.kube.delete(cluster.ref(CA_SECRET))
    cluster.settle()
    assert cluster.kube.get(cluster.ref(CA_SECRET))["metadata"]["labels"] == labels


def test_everything_that_was_seen_is_told_before_anything_fails(cluster: Any) -> None:
    """So that the end of a certificate is shown, too, while nothing can be written."""
    cluster.settle()
    seen: list[Any] = []
    cluster.wait(days=70)
    cluster.kube.refuse = refusing(TLS_SECRET, "put")
    controller = replace(cluster.controller, seen=seen.append)
    with pytest.raises(KubeError):
        controller.settle()
    assert seen
