"""The controller's loop against a real API server, as its own ServiceAccount."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from irsa.controller.certificates import REGISTRATION
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
from irsa.injection.settings import CA_SECRET, CONTROLLER, TLS_SECRET
from irsa.injection.webhook import objects
from irsa.kube.client import Kube
from irsa.kube.objects import Ref

from .controlling import Installation
from .objects import account, remove, space
from .trusting import now
from .waiting import until

pytestmark = pytest.mark.cluster


@dataclass
class Acting:
    """A controller in this process, with nothing but its own permissions."""

    kube: Kube
    installed: Installation

    def controller(self) -> Controller:
        return Controller(kube=self.kube, namespace=self.installed.own, clock=now)

    def lease(self, holder: str) -> Lease:
        """The Lease, as seen by one process."""
        return Lease(self.kube, lease_ref(self.installed.own, CONTROLLER), holder=holder)


@pytest.fixture(name="acting")
def _acting(installed: Installation) -> Iterator[Acting]:
    with installed.as_controller() as kube:
        yield Acting(kube, installed)


def test_everything_is_made_with_its_own_permissions(acting: Acting) -> None:
    """CA, trust and certificate, by a ServiceAccount that may do just that; then there is rest."""
    done = [type(action).__name__ for action in acting.controller().settle()]
    assert done == ["NewAuthority", "TrustBundle", "NewServing"]
    assert acting.installed.secret(TLS_SECRET)["type"] == "kubernetes.io/tls"
    assert acting.installed.kube.get(REGISTRATION)["webhooks"][0]["clientConfig"]["caBundle"]
    assert acting.controller().settle() == []


def test_bundle_has_a_field_manager_of_its_own(acting: Acting) -> None:
    """`irsa apply` neither sees nor removes what the controller writes."""
    acting.controller().settle()
    managers = {
        entry["manager"]: str(entry["fieldsV1"])
        for entry in acting.installed.kube.get(REGISTRATION)["metadata"]["managedFields"]
    }
    assert "caBundle" in managers["irsa-controller"]
    assert "caBundle" not in managers["irsa"]


@pytest.mark.parametrize("name", [CA_SECRET, TLS_SECRET])
@pytest.mark.parametrize("damage", ["deleted", "garbled"])
def test_damage_heals_in_one_round(acting: Acting, name: str, damage: str) -> None:
    """What is gone or garbled is whole again, and then there is rest."""
    acting.controller().settle()
    if damage == "deleted":
        acting.installed.lose(name)
    else:
        acting.installed.change(name, data={"tls.crt": "AAAA", "tls.key": "AAAA"})
    assert acting.controller().settle()
    assert acting.controller().settle() == []


def test_two_at_once_never_overwrite_each_other(acting: Acting) -> None:
    """Even without the Lease: who comes second is refused, and one CA remains."""
    failures: list[KubeError] = []

    def settle() -> None:
        try:
            acting.controller().settle()
        except KubeError as error:
            failures.append(error)

    threads = [threading.Thread(target=settle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {error.status for error in failures} <= {409}
    acting.controller().settle()
    assert acting.controller().settle() == []


def test_lease_is_held_by_one(acting: Acting) -> None:
    """The API server accepts our times, and the second one is told no."""
    now = datetime.now(UTC)
    assert acting.lease("one").hold(now)
    assert not acting.lease("two").hold(now)
    acting.lease("one").release()
    assert acting.lease("two").hold(now)


def test_it_may_not_read_other_secrets(acting: Acting) -> None:
    """A controller that is taken over reads its two Secrets and no other."""
    with pytest.raises(KubeError) as refused:
        acting.kube.get(Ref("v1", "Secret", "another", acting.installed.own))
    assert refused.value.status == 403


WORKLOADS = "irsa-controller-workloads"


@dataclass
class Deployment:
    """A Deployment, and the controller that looks at it."""

    acting: Acting
    ref: Ref

    def survey(self, *, restart: bool) -> State:
        """As the controller looks, with nothing but its own permissions."""
        kube, state = self.acting.kube, State()
        events = Events(kube=kube, clock=now)
        Patrol(
            search=Search(kube=kube, defaults=Defaults()),
            telling=Telling(events=events),
            state=state,
            clock=now,
            restarter=Restarter(kube=kube, clock=now, events=events) if restart else None,
        ).go()
        return state

    def generation(self) -> int:
        return self.acting.installed.kube.get(self.ref)["metadata"]["generation"]


@pytest.fixture(name="lost")
def _lost(acting: Acting) -> Iterator[Deployment]:
    """A Deployment whose pod came while no webhook answered: the registration points nowhere."""
    admin = acting.installed.kube
    admin.apply(space(WORKLOADS))
    admin.apply(account("lost", WORKLOADS))
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
    admin.apply(deployment)
    ref = Ref.of(deployment)
    until(lambda: rolled_out(admin.get(ref) or {}), "the Deployment runs")
    yield Deployment(acting, ref)
    remove(admin, [space(WORKLOADS)])


def test_pod_that_lost_its_role_is_found_told_of_and_replaced(lost: Deployment) -> None:
    """With its own permissions: found and told of always, restarted only where that was asked."""
    state = lost.survey(restart=False)
    [bare] = [found for found in state.bare if found.namespace == WORKLOADS]
    [event] = [
        item
        for item in lost.acting.installed.kube.list("v1", "Event", namespace=WORKLOADS)
        if item["reason"] == "RoleMissing"
    ]
    assert event["involvedObject"]["name"] == bare.name
    assert lost.generation() == 1
    with pytest.raises(KubeError) as refused:
        lost.survey(restart=True)
    assert refused.value.status == 403
    for item in objects(replace(lost.acting.installed.settings, restart=True)):
        if item["kind"] == "ClusterRole":
            lost.acting.installed.kube.apply(item)
    until(lambda: _restarts(lost), "the Deployment is restarted")
    until(lambda: rolled_out(lost.acting.installed.kube.get(lost.ref)), "the new pod runs")


def _restarts(lost: Deployment) -> bool:
    # RBAC reaches the authorizer's cache a moment later.
    with contextlib.suppress(KubeError):
        lost.survey(restart=True)
    return lost.generation() > 1
