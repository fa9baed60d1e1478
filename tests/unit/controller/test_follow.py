"""A serving certificate that somebody else makes: only `caBundle` is kept true."""

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509

from irsa.controller.reconcile import OVERLAP
from irsa.errors import InputError
from irsa.injection.settings import CA_SECRET, service_names
from irsa.tls.certs import Authority, LeafRequest

NAME = "made-by-cert-manager"


class Foreign:
    """cert-manager, as far as the controller sees it."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.authority = self.new_authority()

    def new_authority(self) -> Authority:
        self.authority = Authority.generate("foreign", now=self.cluster.now, days=365)
        return self.authority

    def issue(self) -> None:
        """A new certificate, in the Secret."""
        names = service_names("irsa-system")
        request = LeafRequest(common_name=names[0], dns_names=names)
        leaf = self.authority.issue(request, now=self.cluster.now, days=90)
        parts = {
            "tls.crt": leaf.certificate_pem,
            "tls.key": leaf.private_key_pem,
            "ca.crt": self.authority.certificate_pem,
        }
        data = {key: base64.b64encode(value).decode() for key, value in parts.items()}
        self.cluster.kube.delete(self.cluster.ref(NAME))
        metadata = {"name": NAME, "namespace": "irsa-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.cluster.kube.create(secret)

    def settle(self) -> list[str]:
        controller = replace(self.cluster.controller, tls_secret=NAME)
        return [type(action).__name__ for action in controller.settle()]

    def served(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.cluster.data(NAME)["tls.crt"])


@pytest.fixture(name="foreign")
def _foreign(cluster: Any) -> Foreign:
    foreign = Foreign(cluster)
    foreign.issue()
    return foreign


def test_bundle_becomes_the_secrets_ca(cluster, foreign: Foreign, trusts) -> None:
    """Nothing else is made, and then there is rest."""
    assert foreign.settle() == ["TrustBundle"]
    assert trusts(cluster.bundle(), foreign.served(), cluster.now)
    assert foreign.settle() == []
    assert cluster.kube.get(cluster.ref(CA_SECRET)) is None


def test_damaged_bundle_heals(cluster, foreign: Foreign, trusts) -> None:
    """Whoever takes `caBundle` away, it comes back, long after the renewal too."""
    foreign.settle()
    cluster.now += OVERLAP + timedelta(hours=1)
    bundle = {"webhooks": [{"name": "irsa-webhook.irsa-system.svc", "clientConfig": {}}]}
    cluster.kube.apply(
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "irsa-webhook"},
        }
        | bundle,
        field_manager="irsa-controller",
        force=True,
    )
    assert cluster.bundle() == ()
    assert foreign.settle() == ["TrustBundle"]
    assert trusts(cluster.bundle(), foreign.served(), cluster.now)


def test_another_ca_is_trusted_beside_the_old_one_for_a_while(
    cluster, foreign: Foreign, trusts
) -> None:
    """Pods serve the certificate of before until the kubelet has brought the new one."""
    foreign.settle()
    before = foreign.served()
    cluster.wait(days=30)
    foreign.new_authority()
    foreign.issue()
    assert foreign.settle() == ["TrustBundle"]
    assert trusts(cluster.bundle(), before, cluster.now)
    assert trusts(cluster.bundle(), foreign.served(), cluster.now)
    cluster.now += OVERLAP + timedelta(seconds=1)
    assert foreign.settle() == ["TrustBundle"]
    assert not trusts(cluster.bundle(), before, cluster.now)
    assert trusts(cluster.bundle(), foreign.served(), cluster.now)
    assert foreign.settle() == []


@pytest.mark.parametrize("damage", ["missing", "without-ca", "garbled"])
def test_unusable_secret_is_told_and_takes_no_trust_away(
    cluster, foreign: Foreign, damage: str
) -> None:
    """`caBundle` stays as it is until there is something better."""
    foreign.settle()
    before = cluster.bundle()
    if damage == "missing":
        cluster.kube.delete(cluster.ref(NAME))
    else:
        cluster.change(NAME, **({"ca_crt": ""} if damage == "without-ca" else {"tls_key": "AAAA"}))
    with pytest.raises(InputError, match="missing or has no usable"):
        foreign.settle()
    assert cluster.bundle() == before
