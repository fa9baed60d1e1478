"""A cluster in memory with the webhook's objects, a clock that is set, and the controller."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from tests.fakes.kube import FakeKube

from irsa.controller.loop import Controller
from irsa.controller.secrets import read_certificates
from irsa.injection.webhook import CA_SECRET, CONFIGURATION, TLS_SECRET, WebhookSettings, objects
from irsa.kube.objects import Ref

NAMESPACE = "irsa-system"
START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
REGISTRATION = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", CONFIGURATION)


@dataclass
class Cluster:
    """The controller, and what a test looks at."""

    kube: FakeKube
    now: datetime = START

    @property
    def controller(self) -> Controller:
        return Controller(kube=self.kube, namespace=NAMESPACE, clock=lambda: self.now)

    def ticks(self) -> float:
        """Seconds that go with the clock."""
        return (self.now - START).total_seconds()

    def settle(self) -> list[str]:
        """What the controller does now, by name."""
        return [type(action).__name__ for action in self.controller.settle()]

    def wait(self, **duration: float) -> None:
        """Let time pass."""
        self.now += timedelta(**duration)

    def ref(self, name: str) -> Ref:
        return Ref("v1", "Secret", name, NAMESPACE)

    def data(self, name: str) -> dict[str, bytes]:
        """The data of a Secret."""
        data = self.kube.get(self.ref(name))["data"]
        return {key: base64.b64decode(value) for key, value in data.items()}

    def change(self, name: str, **data: str) -> None:
        """Damage a Secret; dots in keys are underscores here."""
        secret = self.kube.get(self.ref(name))
        secret["data"] |= {key.replace("_", "."): value for key, value in data.items()}
        self.kube.replace(secret)

    def bundle(self) -> tuple[x509.Certificate, ...]:
        """The certificates in `caBundle`."""
        client = self.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]
        return read_certificates(base64.b64decode(client.get("caBundle", "")))

    def serving(self) -> x509.Certificate:
        """The serving certificate."""
        return x509.load_pem_x509_certificate(self.data(TLS_SECRET)["tls.crt"])

    def authority(self) -> x509.Certificate:
        """The certificate of the CA."""
        return x509.load_pem_x509_certificate(self.data(CA_SECRET)["tls.crt"])


def trusts(bundle: tuple[x509.Certificate, ...], leaf: x509.Certificate, now: datetime) -> bool:
    """Whether the API server accepts a serving certificate now."""

    def signed(authority: x509.Certificate) -> bool:
        try:
            leaf.verify_directly_issued_by(authority)
        except Exception:  # noqa: BLE001 # whatever it is, it is not signed
            return False
        return authority.not_valid_before_utc <= now <= authority.not_valid_after_utc

    alive = leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc
    return alive and any(signed(authority) for authority in bundle)


@pytest.fixture(name="cluster")
def _cluster() -> Cluster:
    kube = FakeKube()
    for item in objects(WebhookSettings(cluster_uid=kube.cluster_uid())):
        kube.apply(item)
    return Cluster(kube)


@pytest.fixture(name="trusts", scope="session")
def _trusts():
    return trusts
