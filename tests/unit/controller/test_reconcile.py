"""The certificates and `caBundle` are kept true, in an order that never breaks the webhook."""

import base64
from datetime import timedelta

import pytest
from cryptography import x509

from irsa.controller.reconcile import OVERLAP, NewServing, reconcile
from irsa.injection.webhook import CA_SECRET, TLS_SECRET, WebhookSettings, objects
from irsa.kube.objects import Ref

REGISTRATION = Ref(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "irsa-webhook"
)


def test_first_round_makes_everything(cluster, trusts) -> None:
    """CA, then trust, then certificate."""
    assert cluster.settle() == ["NewAuthority", "TrustBundle", "NewServing"]
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_second_round_does_nothing(cluster) -> None:
    """What is true is left alone."""
    cluster.settle()
    assert cluster.settle() == []


def test_certificate_is_for_the_names_of_the_service(cluster) -> None:
    """The API server asks for `<service>.<namespace>.svc`."""
    cluster.settle()
    names = cluster.serving().extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert "irsa-webhook.irsa-system.svc" in names.value.get_values_for_type(x509.DNSName)


def test_secrets_are_labelled_like_everything_else(cluster) -> None:
    """What the controller makes belongs to the same cluster and tool."""
    cluster.settle()
    for name in (CA_SECRET, TLS_SECRET):
        secret = cluster.kube.get(cluster.ref(name))
        assert secret["metadata"]["labels"]["irsa/cluster-uid"] == cluster.kube.cluster_uid()
        assert secret["type"] == "kubernetes.io/tls"


def test_keys_of_the_authority_never_reach_the_webhook(cluster) -> None:
    """The Secret that the webhook mounts holds its own key only, and the CA's certificate."""
    cluster.settle()
    serving = cluster.data(TLS_SECRET)
    assert set(serving) == {"tls.crt", "tls.key", "ca.crt"}
    assert b"PRIVATE" not in serving["ca.crt"]
    assert serving["tls.key"] != cluster.data(CA_SECRET)["tls.key"]


@pytest.mark.parametrize(
    "damage",
    [
        {"tls_key": "AAAA"},
        {"tls_crt": "AAAA"},
        {"tls_crt": "not base64"},
        {"tls_crt": "", "tls_key": ""},
    ],
    ids=["key", "certificate", "encoding", "empty"],
)
def test_damaged_serving_certificate_is_replaced(cluster, trusts, damage: dict) -> None:
    """Whatever somebody did to the Secret, it is whole again."""
    cluster.settle()
    cluster.change(TLS_SECRET, **damage)
    assert cluster.settle() == ["NewServing"]
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_key_of_another_certificate_is_noticed(cluster) -> None:
    """Two good halves that do not fit are no pair."""
    cluster.settle()
    other = base64.b64encode(cluster.data(CA_SECRET)["tls.key"]).decode()
    cluster.change(TLS_SECRET, tls_key=other)
    assert cluster.settle() == ["NewServing"]


def test_deleted_serving_certificate_is_made_again(cluster, trusts) -> None:
    """Deleting the Secret is how an operator asks for a new certificate."""
    cluster.settle()
    before = cluster.serving()
    cluster.kube.delete(cluster.ref(TLS_SECRET))
    assert cluster.settle() == ["NewServing"]
    assert cluster.serving() != before
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


@pytest.mark.parametrize("how", ["deleted", "damaged"])
def test_lost_authority_is_replaced_and_the_old_one_still_trusted(
    cluster, trusts, how: str
) -> None:
    """Pods that still serve the old certificate are trusted until they have the new one."""
    cluster.settle()
    served = cluster.serving()
    if how == "deleted":
        cluster.kube.delete(cluster.ref(CA_SECRET))
    else:
        cluster.change(CA_SECRET, tls_key="AAAA")
    assert cluster.settle() == ["NewAuthority", "TrustBundle", "NewServing"]
    assert trusts(cluster.bundle(), served, cluster.now)
    assert trusts(cluster.bundle(), cluster.serving(), cluster.now)


def test_former_authority_is_forgotten_after_a_while(cluster) -> None:
    """When nothing that it signed is served any more, it is not trusted any more."""
    cluster.settle()
    cluster.kube.delete(cluster.ref(CA_SECRET))
    cluster.settle()
    assert len(cluster.bundle()) == 2
    cluster.now += OVERLAP + timedelta(seconds=1)
    assert cluster.settle() == ["ForgetFormer", "TrustBundle"]
    assert cluster.bundle() == (cluster.authority(),)
    assert cluster.settle() == []


@pytest.mark.parametrize("bundle", [None, "", "AAAA", "AAAAA", "@", "LS0t"], ids=str)
def test_bundle_is_written_again(cluster, bundle: str | None) -> None:
    """Whoever changes `caBundle`, it comes back."""
    cluster.settle()
    configuration = cluster.kube.get(REGISTRATION)
    client = configuration["webhooks"][0]["clientConfig"]
    if bundle is None:
        del client["caBundle"]
    else:
        client["caBundle"] = bundle
    cluster.kube.replace(configuration)
    assert cluster.settle() == ["TrustBundle"]
    assert cluster.bundle() == (cluster.authority(),)


def test_apply_leaves_the_bundle_alone(cluster) -> None:
    """`irsa apply` after the install changes nothing that the controller wrote."""
    cluster.settle()
    before = cluster.bundle()
    for item in objects(WebhookSettings(cluster_uid=cluster.kube.cluster_uid())):
        cluster.kube.apply(item)
    assert cluster.bundle() == before
    assert cluster.settle() == []


def test_registration_that_comes_later_gets_its_bundle(cluster) -> None:
    """The order of the install does not matter."""
    cluster.kube.delete(REGISTRATION)
    assert cluster.settle() == ["NewAuthority", "NewServing"]
    for item in objects(WebhookSettings(cluster_uid=cluster.kube.cluster_uid())):
        cluster.kube.apply(item)
    assert cluster.settle() == ["TrustBundle"]


def test_certificate_for_other_names_is_replaced(cluster) -> None:
    """A Secret copied from elsewhere does not serve here."""
    cluster.settle()
    observed = cluster.controller.observe()
    action = reconcile(observed, cluster.now, names=["irsa-webhook.other.svc"])
    assert isinstance(action, NewServing)
    assert "other names" in action.reason


def test_twenty_years_pass_without_a_moment_of_distrust(cluster, trusts) -> None:
    """Through every renewal of both, what is served is trusted, before and after each step."""
    cluster.settle()
    served = cluster.serving()
    actions: list[str] = []
    for _ in range(20 * 12 * 3):
        cluster.wait(days=10)
        assert trusts(cluster.bundle(), served, cluster.now)
        actions += cluster.settle()
        # Pods have not reloaded yet: what they serve is the certificate of before.
        assert trusts(cluster.bundle(), served, cluster.now)
        served = cluster.serving()
        assert trusts(cluster.bundle(), served, cluster.now)
    assert actions.count("NewAuthority") == 2
    assert actions.count("NewServing") > 100
