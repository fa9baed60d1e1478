"""The controller's loop against a real API server, as its own ServiceAccount."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from irsa.controller.events import Events
from irsa.controller.lease import Lease, lease_ref
from irsa.controller.loop import Controller
from irsa.controller.metrics import State
from irsa.controller.patrol import Patrol
from irsa.controller.restart import Restarter, rolled_out
from irsa.controller.survey import Search
from irsa.controller.telling import Telling
from irsa.errors import KubeError
from irsa.injection.grants import Defaults
from irsa.injection.webhook import (
    CA_SECRET,
    CONFIGURATION,
    CONTROLLER,
    TLS_SECRET,
    WebhookSettings,
    objects,
)
from irsa.kube.client import Kube
from irsa.kube.objects import Ref

from .pods import remove

pytestmark = pytest.mark.cluster

OWN = "irsa-controller-test"
REGISTRATION = Ref("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", CONFIGURATION)


@dataclass
class Place:
    """The webhook's objects without its pods: the test itself is the controller."""

    admin: Kube
    kube: Kube
    settings: WebhookSettings

    def controller(self) -> Controller:
        """A controller with nothing but its own permissions."""
        return Controller(kube=self.kube, namespace=OWN, clock=lambda: datetime.now(UTC))

    def lease(self, holder: str) -> Lease:
        """The Lease, as seen by one process."""
        return Lease(self.kube, lease_ref(OWN, CONTROLLER), holder=holder)

    def secret(self, name: str) -> Ref:
        return Ref("v1", "Secret", name, OWN)


def kubeconfig_with(token: str, original: Path, directory: Path) -> str:
    """A kubeconfig for the same API server with another identity."""
    yaml = YAML(typ="safe")
    content = yaml.load(original.read_text())
    for user in content["users"]:
        user["user"] = {"token": token}
    path = directory / "controller.kubeconfig"
    with path.open("w") as file:
        yaml.dump(content, file)
    return str(path)


@pytest.fixture(name="installed", scope="module")
def _installed(rig: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    admin = rig.kube
    settings = WebhookSettings(cluster_uid=admin.cluster_uid(), namespace=OWN)
    # The Deployments stay out: the test itself is the controller.
    items = [item for item in objects(settings) if item["kind"] != "Deployment"]
    for item in items:
        admin.apply(item)
    token = admin.create_token(OWN, CONTROLLER, audiences=[]).token
    directory = tmp_path_factory.mktemp("controller")
    with Kube.open(kubeconfig=kubeconfig_with(token, rig.kubeconfig, directory)) as kube:
        yield Place(admin, kube, settings)
    remove(admin, items)


@pytest.fixture(name="place")
def _place(installed: Place) -> Iterator[Place]:
    """Nothing that the controller makes is there yet."""
    registration = installed.admin.get(REGISTRATION)
    yield installed
    installed.admin.delete(REGISTRATION)
    for name in (CA_SECRET, TLS_SECRET):
        installed.admin.delete(installed.secret(name))
    installed.admin.delete(lease_ref(OWN, CONTROLLER))
    metadata = {key: registration["metadata"][key] for key in ("name", "labels")}
    installed.admin.apply(
        {
            "apiVersion": registration["apiVersion"],
            "kind": registration["kind"],
            "metadata": metadata,
            "webhooks": registration["webhooks"],
        }
    )


def test_everything_is_made_with_its_own_permissions(place: Place) -> None:
    """CA, trust and certificate, by a ServiceAccount that may do just that; then there is rest."""
    done = [type(action).__name__ for action in place.controller().settle()]
    assert done == ["NewAuthority", "TrustBundle", "NewServing"]
    assert place.admin.get(place.secret(TLS_SECRET))["type"] == "kubernetes.io/tls"
    assert place.admin.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"]
    assert place.controller().settle() == []


def test_bundle_has_a_field_manager_of_its_own(place: Place) -> None:
    """`irsa apply` neither sees nor removes what the controller writes."""
    place.controller().settle()
    managers = {
        entry["manager"]: str(entry["fieldsV1"])
        for entry in place.admin.get(REGISTRATION)["metadata"]["managedFields"]
    }
    assert "caBundle" in managers["irsa-controller"]
    assert "caBundle" not in managers["irsa"]


@pytest.mark.parametrize("name", [CA_SECRET, TLS_SECRET])
@pytest.mark.parametrize("damage", ["deleted", "garbled"])
def test_damage_heals_in_one_round(place: Place, name: str, damage: str) -> None:
    """What is gone or garbled is whole again, and then there is rest."""
    place.controller().settle()
    if damage == "deleted":
        place.admin.delete(place.secret(name))
    else:
        secret = place.admin.get(place.secret(name))
        place.admin.replace(secret | {"data": {"tls.crt": "AAAA", "tls.key": "AAAA"}})
    assert place.controller().settle()
    assert place.controller().settle() == []


def test_two_at_once_never_overwrite_each_other(place: Place) -> None:
    """Even without the Lease: who comes second is refused, and one CA remains."""
    failures: list[KubeError] = []

    def settle() -> None:
        try:
            place.controller().settle()
        except KubeError as error:
            failures.append(error)

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {error.status for error in failures} <= {409}
    place.controller().settle()
    assert place.controller().settle() == []


def test_lease_is_held_by_one(place: Place) -> None:
    """The API server accepts our times, and the second one is told no."""
    now = datetime.now(UTC)
    assert place.lease("one").hold(now)
    assert not place.lease("two").hold(now)
    place.lease("one").release()
    assert place.lease("two").hold(now)


def test_it_may_not_read_other_secrets(place: Place) -> None:
    """A controller that is taken over reads its two Secrets and no other."""
    with pytest.raises(KubeError) as refused:
        place.kube.get(place.secret("another"))
    assert refused.value.status == 403


WORKLOADS = "irsa-controller-workloads"


@dataclass
class Deployment:
    """A Deployment, and the controller that looks at it."""

    place: Place
    ref: Ref

    def survey(self, *, restart: bool) -> State:
        """As the controller looks, with nothing but its own permissions."""
        kube, state = self.place.kube, State()
        events = Events(kube=kube, clock=_now)
        Patrol(
            search=Search(kube=kube, defaults=Defaults()),
            telling=Telling(events=events),
            state=state,
            clock=_now,
            restarter=Restarter(kube=kube, clock=_now, events=events) if restart else None,
        ).go()
        return state

    def generation(self) -> int:
        return self.place.admin.get(self.ref)["metadata"]["generation"]


@pytest.fixture(name="lost")
def _lost(place: Place) -> Iterator[Deployment]:
    """A Deployment whose pod came while no webhook answered: the registration points nowhere."""
    metadata = {"name": WORKLOADS}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    place.admin.apply(namespace)
    annotations = {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/web"}
    account = {"name": "lost", "namespace": WORKLOADS, "annotations": annotations}
    place.admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    container = {
        "name": "app",
        "image": "public.ecr.aws/aws-cli/aws-cli",
        "command": ["sh", "-c", "exec sleep 600"],
    }
    template = {
        "metadata": {"labels": {"app": "lost"}},
        "spec": {
            "serviceAccountName": "lost",
            "terminationGracePeriodSeconds": 1,
            "containers": [container],
        },
    }
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "lost"}}, "template": template}
    metadata = {"name": "lost", "namespace": WORKLOADS}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    place.admin.apply(deployment)
    ref = Ref.of(deployment)
    until(lambda: rolled_out(place.admin.get(ref) or {}), "the Deployment runs")
    yield Deployment(place, ref)
    remove(place.admin, [namespace])


def _now() -> datetime:
    return datetime.now(UTC)


def until(condition: Callable[[], Any], what: str, *, seconds: float = 120) -> None:
    """Wait for a condition, with a deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.2)


def test_pod_that_lost_its_role_is_found_told_of_and_replaced(lost: Deployment) -> None:
    """With its own permissions: found and told of always, restarted only where that was asked."""
    state = lost.survey(restart=False)
    [bare] = [found for found in state.bare if found.namespace == WORKLOADS]
    [event] = [
        item
        for item in lost.place.admin.list("v1", "Event", namespace=WORKLOADS)
        if item["reason"] == "RoleMissing"
    ]
    assert event["involvedObject"]["name"] == bare.name
    assert lost.generation() == 1
    with pytest.raises(KubeError) as refused:
        lost.survey(restart=True)
    assert refused.value.status == 403
    for item in objects(replace(lost.place.settings, restart=True)):
        if item["kind"] == "ClusterRole":
            lost.place.admin.apply(item)
    until(lambda: _restarts(lost), "the Deployment is restarted")
    until(lambda: rolled_out(lost.place.admin.get(lost.ref)), "the new pod runs")


def _restarts(lost: Deployment) -> bool:
    # RBAC reaches the authorizer's cache a moment later.
    with contextlib.suppress(KubeError):
        lost.survey(restart=True)
    return lost.generation() > 1
