"""The annotation on a ServiceAccount, and the ServiceAccount itself where it is missing."""

import pytest
from tests.fakes.stage import make_stage

from irsa.errors import RefusedError
from irsa.kube.objects import Ref

WEB = Ref("v1", "ServiceAccount", "web", "shop")
WORKER = Ref("v1", "ServiceAccount", "worker", "shop")
ANNOTATION = "eks.amazonaws.com/role-arn"
ROLE = "arn:aws:iam::111122223333:role/prod-eu-shop-web"


def _metadata(stage, ref):
    return stage.kube.get(ref)["metadata"]


def test_an_existing_one_is_only_annotated(stage):
    """And after a destroy it is as it was."""
    stage.apply()
    assert _metadata(stage, WEB)["annotations"] == {ANNOTATION: ROLE}
    stage.destroy()
    assert not _metadata(stage, WEB).get("annotations")
    assert not _metadata(stage, WEB).get("labels")


def test_a_missing_one_is_made_and_marked(stage):
    """So that a destroy knows that it may delete it."""
    stage.apply()
    assert _metadata(stage, WORKER)["annotations"]["irsa/created"] == "true"
    stage.destroy()
    assert stage.kube.get(WORKER) is None


def test_the_mark_survives_another_role(stage):
    """A later change must not make a foundling of it."""
    stage.apply()
    uid = stage.wish.config.cluster.uid
    roles = [{"serviceAccounts": ["shop/worker"], "name": "other"}]
    stage.wish = make_stage(cluster={"name": "prod-eu", "uid": uid}, roles=roles).wish
    stage.apply()
    assert _metadata(stage, WORKER)["annotations"]["irsa/created"] == "true"


def test_a_missing_namespace_is_refused(stage):
    """Irsa does not guess what else belongs into a namespace."""
    stage.kube.delete(Ref("v1", "Namespace", "shop"))
    with pytest.raises(RefusedError, match="namespace 'shop' of ServiceAccount shop/web") as caught:
        stage.plan()
    assert caught.value.hint == "create it first: kubectl create namespace shop"


def test_a_vanished_namespace_is_no_obstacle_to_a_destroy(stage):
    """What is gone needs no removal."""
    stage.apply()
    stage.kube.delete(Ref("v1", "Namespace", "shop"))
    stage.destroy()
    assert stage.aws.empty


def test_a_chart_that_says_the_same_is_joined(stage):
    """The same role from somebody else is no conflict, and stays after a destroy."""
    metadata = {"namespace": "shop", "annotations": {ANNOTATION: ROLE}}
    stage.kube.put("v1", "ServiceAccount", "web", metadata=metadata)
    stage.apply()
    stage.destroy()
    assert _metadata(stage, WEB)["annotations"] == {ANNOTATION: ROLE}


def test_what_somebody_redirected_is_put_back(stage):
    """Pods of ours must not go to an attacker's account."""
    stage.apply()
    evil = {"metadata": {"annotations": {ANNOTATION: "arn:aws:iam::999999999999:role/evil"}}}
    stage.kube.patch(WEB, evil)
    (change,) = stage.plan().changes
    assert change.fields[0].before.endswith("evil")
    stage.apply()
    assert _metadata(stage, WEB)["annotations"][ANNOTATION] == ROLE


def test_a_wildcard_annotates_nobody(stage):
    """Which ServiceAccounts match is not ours to decide."""
    uid = stage.wish.config.cluster.uid
    roles = [{"serviceAccounts": ["shop/*"], "allowWildcard": True, "name": "all"}]
    stage.wish = make_stage(cluster={"name": "prod-eu", "uid": uid}, roles=roles).wish
    stage.apply()
    assert not _metadata(stage, WEB).get("annotations")


def test_one_that_left_the_configuration_is_shown(stage):
    """And its annotation taken off only with --prune."""
    stage.apply()
    uid = stage.wish.config.cluster.uid
    stage.wish = make_stage(cluster={"name": "prod-eu", "uid": uid}, roles=[]).wish
    assert any("ServiceAccount shop/web is left over" in note for note in stage.plan().notes)
    stage.apply(prune=True)
    assert not _metadata(stage, WEB).get("annotations")
    assert stage.kube.get(WORKER) is None
