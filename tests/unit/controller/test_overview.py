"""How injection gets on, as anybody sees it who may look at the cluster."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from irsa.cli.render import status
from irsa.controller.certificates import REGISTRATION
from irsa.controller.lease import lease_ref
from irsa.controller.overview import Overview, look
from irsa.errors import KubeError
from irsa.injection.settings import CONTROLLER, TLS_SECRET, WebhookSettings
from irsa.kube.objects import Ref

ROLE = "arn:aws:iam::111122223333:role/web"


def settings(**changes: Any) -> WebhookSettings:
    return replace(WebhookSettings(cluster_uid="x", allowed_accounts=("111122223333",)), **changes)


@pytest.fixture(name="well")
def _well(cluster: Any) -> Any:
    """A cluster in which everything is as it should be."""
    cluster.settle()
    for name, count in (("irsa-webhook", 2), ("irsa-controller", 1)):
        ref = Ref("apps/v1", "Deployment", name, "irsa-system")
        cluster.kube.patch(ref, {"status": {"readyReplicas": count}})
    listed(cluster, "serviceaccounts", account("web"))
    listed(cluster, "namespaces/shop/pods")
    holds(cluster, seconds_ago=3)
    return cluster


def holds(cluster: Any, seconds_ago: float) -> None:
    """Somebody holds the Lease."""
    ref = lease_ref("irsa-system", CONTROLLER)
    renewed = (cluster.now - timedelta(seconds=seconds_ago)).isoformat()
    spec = {"holderIdentity": "me", "renewTime": renewed}
    metadata = {"name": ref.name, "namespace": ref.namespace}
    lease = {"apiVersion": ref.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}
    cluster.kube.delete(ref)
    cluster.kube.create(lease)


def listed(cluster: Any, what: str, *items: dict) -> None:
    query = "limit=250" if what == "serviceaccounts" else PODS
    cluster.kube.documents[f"/api/v1/{what}?{query}"] = json.dumps({"items": items}).encode()


PODS = "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed&limit=250"


def account(name: str, role: str = ROLE) -> dict:
    annotations = {"eks.amazonaws.com/role-arn": role}
    return {"metadata": {"name": name, "namespace": "shop", "annotations": annotations}}


def pod(name: str) -> dict:
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "load", "controller": True}
    metadata = {"name": name, "namespace": "shop", "uid": name, "ownerReferences": [owner]}
    return {"metadata": metadata, "spec": {"serviceAccountName": "web", "containers": [{}]}}


def overview(cluster: Any, **options: Any) -> Overview:
    return look(cluster.kube, settings(), now=cluster.now, **options)


def faulty(cluster: Any) -> set[str]:
    """The names of the parts that are not well."""
    return {part.name for part in overview(cluster).parts if part.well is False}


def test_all_is_well(well: Any) -> None:
    """Every part is named, and nothing is wrong."""
    seen = overview(well)
    assert seen.faults == ()
    assert [part.name for part in seen.parts] == [
        "registration",
        "webhook",
        "controller",
        "lease",
        "certificate",
        "authority",
    ]
    assert "FAULT" not in status.text(seen)
    assert status.data(seen)["ok"] is True


def test_pods_without_their_role_and_refused_roles_are_faults(well: Any) -> None:
    """Each is named, with its owner and the reason."""
    foreign = account("odd", "arn:aws:iam::999999999999:role/x")
    listed(well, "serviceaccounts", account("web"), foreign)
    listed(well, "namespaces/shop/pods", pod("load-1"))
    seen = overview(well)
    assert seen.faults == (
        "1 running pods without their role",
        "1 ServiceAccounts whose role is refused",
    )
    shown = status.text(seen)
    assert "shop/load-1 (Job load)" in shown
    assert "shop/odd: account 999999999999" in shown
    data = status.data(seen)
    assert data["podsWithoutRole"][0]["owner"] == {"kind": "Job", "name": "load"}
    assert data["serviceAccounts"]["refused"][0]["name"] == "odd"


def test_people_are_shown_some_and_scripts_all(well: Any) -> None:
    """Thousands of lines help nobody."""
    listed(well, "namespaces/shop/pods", *(pod(f"load-{number}") for number in range(120)))
    seen = overview(well)
    assert len(status.text(seen).splitlines()) < 65
    assert "70 more" in status.text(seen)
    assert len(status.data(seen)["podsWithoutRole"]) == 120


def test_missing_registration_is_a_fault(well: Any) -> None:
    """And no certificate can be verified without it."""
    well.kube.delete(REGISTRATION)
    assert faulty(well) == {"registration", "certificate"}


@pytest.mark.parametrize("bundle", [None, "@", "AAAA"], ids=str)
def test_garbled_bundle_is_a_fault(well: Any, bundle: str | None) -> None:
    """The API server could not verify anything with it."""
    configuration = well.kube.get(REGISTRATION)
    configuration["webhooks"][0]["clientConfig"]["caBundle"] = bundle
    well.kube.replace(configuration)
    assert faulty(well) == {"registration", "certificate"}


def test_pods_that_are_not_ready_are_a_fault(well: Any) -> None:
    """Of the webhook, and of the controller; a Deployment that is gone is one, too."""
    ref = Ref("apps/v1", "Deployment", "irsa-webhook", "irsa-system")
    well.kube.patch(ref, {"status": {"readyReplicas": 1}})
    assert faulty(well) == {"webhook"}
    well.kube.delete(Ref("apps/v1", "Deployment", CONTROLLER, "irsa-system"))
    assert faulty(well) == {"webhook", "controller"}


def test_controller_that_is_silent_is_a_fault(well: Any) -> None:
    """Nobody holds the Lease, or does not renew it, or it says nothing."""
    holds(well, seconds_ago=120)
    assert faulty(well) == {"lease"}
    ref = lease_ref("irsa-system", CONTROLLER)
    for spec in ({}, {"holderIdentity": ""}, {"holderIdentity": "me"}):
        well.kube.replace(well.kube.get(ref) | {"spec": spec})
        assert faulty(well) == {"lease"}


def test_certificate_that_ends_soon_or_is_not_trusted_is_a_fault(well: Any) -> None:
    """Somebody should have renewed it long ago."""
    before = well.now
    well.now += timedelta(days=80)
    holds(well, seconds_ago=1)
    assert faulty(well) == {"certificate"}
    well.now = before
    holds(well, seconds_ago=1)
    well.change(TLS_SECRET, tls_key="AAAA")
    assert faulty(well) == {"certificate"}


def test_what_may_not_be_read_is_unseen_and_no_fault(well: Any) -> None:
    """Not everybody may read Secrets."""
    well.kube.refuse = lambda _, path: (
        KubeError("not allowed", status=403) if "secrets" in path else None
    )
    seen = overview(well)
    assert seen.faults == ()
    assert [part.well for part in seen.parts if part.name == "certificate"] == [None]
    assert "unseen" in status.text(seen)


def test_api_server_that_fails_is_an_error(well: Any) -> None:
    """Nothing is taken for well that was not seen."""
    well.kube.refuse = lambda _, path: (
        KubeError("out of order", status=500) if "deployments" in path else None
    )
    with pytest.raises(KubeError):
        overview(well)


def test_without_our_webhook_only_pods_are_looked_at(well: Any) -> None:
    """Somebody else's gives roles: there are no parts of ours."""
    assert overview(well, engine=False).parts == ()
    assert overview(well, engine=False).faults == ()
