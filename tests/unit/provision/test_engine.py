"""The objects of the injection engine."""

from dataclasses import replace

import pytest
from tests.fakes.stage import make_stage

from irsa.errors import KubeError, RefusedError
from irsa.kube.objects import Ref
from irsa.provision import desired
from irsa.provision.apply import run
from irsa.provision.leftover_engine import KINDS

REGISTRATION = Ref(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "irsa-webhook"
)
DEPLOYMENT = Ref("apps/v1", "Deployment", "irsa-webhook", "irsa-system")


def test_the_authority_of_the_controller_is_no_difference(stage):
    """`caBundle` belongs to the controller from the first day."""
    stage.apply()
    assert stage.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"]
    assert stage.plan().changes == ()


def test_drift_is_shown_by_field_and_mended(stage):
    """Only the fields that differ are shown."""
    stage.apply()
    stage.kube.patch(DEPLOYMENT, {"spec": {"replicas": 5}})
    (change,) = stage.plan().changes
    assert [(one.name, one.before, one.after) for one in change.fields] == [("spec.replicas", 5, 2)]
    stage.apply()
    assert stage.plan().changes == ()


def test_the_registration_is_removed_first(stage):
    """No pod waits for a webhook that is gone."""
    stage.apply()
    first, *_, last = [one for one in stage.plan_removal().changes if one.kind != "ServiceAccount"]
    assert first.kind == "MutatingWebhookConfiguration"
    assert last.kind == "bucket"


def test_no_engine_no_objects():
    """`engine: none` installs nothing, and waits for nothing."""
    stage = make_stage(injection={"engine": "none"})
    plan = stage.apply()
    assert plan.checks == ()
    assert stage.kube.get(Ref("v1", "Namespace", "irsa-system")) is None


def test_an_engine_that_was_switched_off_goes_with_a_destroy(stage):
    """Nothing of ours is orphaned."""
    stage.apply()
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, injection={"engine": "none"}).wish
    stage.destroy()
    assert stage.kube.get(REGISTRATION) is None


def test_a_webhook_that_does_nothing_is_found_out(stage):
    """An apply ends with a proof, not with a hope."""
    plan = stage.plan()
    checks = plan.checks[-1:]
    stage.apply()
    stage.kube.asleep = True
    with pytest.raises(KubeError, match="comes back without its role"):
        list(run(replace(plan, changes=(), checks=checks), stage.world))


def test_pods_that_do_not_start_are_explained(stage):
    """The reason of the kubelet is in the error."""
    stage.kube.asleep = True
    plan = stage.plan()
    stage.kube.put("v1", "Namespace", "irsa-system", metadata={"labels": stage.wish.owner.labels})
    trouble = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    labels = {"app.kubernetes.io/name": "irsa", "app.kubernetes.io/component": "controller"}
    stage.kube.put(
        "v1",
        "Pod",
        "irsa-controller-1",
        metadata={"namespace": "irsa-system", "labels": labels},
        spec={"containers": []},
        status={"containerStatuses": [{"state": trouble}]},
    )
    with pytest.raises(KubeError, match=r"0 of 1 pods are available .*ImagePullBackOff: no such"):
        list(run(plan, stage.world))


def test_a_namespace_on_its_way_out_is_refused(stage):
    """What is applied into it would vanish."""
    stage.apply()
    namespace = Ref("v1", "Namespace", "irsa-system")
    stage.kube.patch(namespace, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    with pytest.raises(RefusedError, match="still being deleted"):
        stage.plan()


def test_a_namespace_on_its_way_out_is_only_waited_for(stage):
    """The API server refuses to delete it twice."""
    stage.apply()
    namespace = Ref("v1", "Namespace", "irsa-system")
    stage.kube.patch(namespace, {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
    (change,) = [one for one in stage.plan_removal().changes if one.kind == "Namespace"]
    assert [step.to_json() for step in change.steps] == [
        {"check": "gone", "object": "/api/v1/namespaces/irsa-system"}
    ]


def test_roles_of_other_accounts_are_not_what_is_proved():
    """If our own account is not allowed, there is nothing to prove."""
    stage = make_stage(injection={"engine": "webhook", "allowedAccounts": ["999999999999"]})
    assert "injects" not in [check.to_json()["check"] for check in desired.checks(stage.wish)]


def _configure(stage, **injection):
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, injection=injection).wish


def test_a_switched_off_engine_is_shown_and_pruned(stage):
    """Pods may still get their roles from it, so it goes only when that is asked for."""
    stage.apply()
    _configure(stage, engine="none")
    plan = stage.plan()
    assert plan.changes == ()
    assert "objects of the webhook are left over" in plan.notes[0]
    removed = [change.kind for change in stage.apply(prune=True).changes]
    assert removed[0] == "MutatingWebhookConfiguration"
    assert removed[-1] == "Namespace"
    assert stage.kube.get(REGISTRATION) is None
    assert (stage.plan().changes, stage.plan().notes) == ((), ())


def test_every_kind_of_object_is_looked_for(stage):
    """A new kind of the webhook's would be orphaned otherwise."""
    made = {(one.object["apiVersion"], one.object["kind"]) for one in desired.engine(stage.wish)}
    assert made <= set(KINDS)


def test_an_engine_that_moved_leaves_nothing_behind(stage):
    """Two controllers would overwrite each other's authority in the one registration."""
    stage.apply()
    _configure(stage, namespace="identity")
    stage.apply()
    service = stage.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["service"]
    assert service["namespace"] == "identity"
    assert len(stage.kube.get(REGISTRATION)["webhooks"]) == 1
    assert stage.kube.get(DEPLOYMENT) is None
    assert stage.kube.get(Ref("v1", "Namespace", "irsa-system")) is None
    assert stage.kube.get(Ref("apps/v1", "Deployment", "irsa-webhook", "identity"))
    assert stage.plan().changes == ()


def test_a_namespace_with_the_history_of_the_issuer_stays(stage):
    """Without it nobody knows when the issuer was changed."""
    stage.apply()
    history = {"name": "irsa-history", "namespace": "irsa-system"}
    stage.kube.put("v1", "ConfigMap", "irsa-history", metadata=history)
    _configure(stage, engine="none")
    stage.apply(prune=True)
    assert stage.kube.get(DEPLOYMENT) is None
    assert stage.kube.get(Ref("v1", "Namespace", "irsa-system"))
    assert stage.plan().notes == ()


def test_a_destroy_removes_an_engine_wherever_it_was(stage):
    """Nothing of ours is orphaned."""
    stage.apply()
    _configure(stage, namespace="identity")
    stage.destroy()
    assert stage.kube.get(DEPLOYMENT) is None
    assert stage.kube.get(Ref("v1", "Namespace", "irsa-system")) is None
