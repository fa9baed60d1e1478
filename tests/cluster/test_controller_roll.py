"""
The controller killed before and after each of its writes, whatever it is at: it ends in one state.

Every write of a real run is recorded first, so that a new one cannot be missed.
"""

import base64
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.fakes.killing import KilledError, Killer

from irsa.controller import secrets
from irsa.controller.certificates import Controller
from irsa.controller.reconcile import OVERLAP
from irsa.injection.settings import CA_SECRET, TLS_SECRET, service_names
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.tls.certs import Authority, LeafRequest

from .conftest import Rig
from .controlling import History, Place, now, placed, put_bundle

pytestmark = pytest.mark.cluster

DAY = timedelta(days=1)


@pytest.fixture(name="place", scope="module")
def _place(rig: Rig) -> Iterator[Place]:
    with placed(rig, "irsa-roll-test") as place:
        yield place


def fresh(place: Place) -> None:
    """Nothing was ever made."""


def certificates(place: Place, *, ca_began: datetime, leaf_began: datetime) -> None:
    """A CA and a certificate of certain days, as an earlier controller left them."""
    authority = Authority.generate("irsa webhook CA", now=ca_began, days=3650)
    names = service_names(place.own)
    request = LeafRequest(common_name=names[0], dns_names=names)
    leaf = authority.issue(request, now=leaf_began, days=90)
    store(place, CA_SECRET, secrets.trust_data(authority, ()))
    store(place, TLS_SECRET, secrets.serving_data(leaf, authority))
    put_bundle(place, authority.certificate_pem)


def store(place: Place, name: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": place.own}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    place.kube.delete(Ref.of(secret))
    place.kube.create(secret | {"type": "kubernetes.io/tls"})


def ca_is_due(place: Place) -> None:
    certificates(place, ca_began=now() - 2600 * DAY, leaf_began=now() - DAY)


def both_are_due(place: Place) -> None:
    certificates(place, ca_began=now() - 2600 * DAY, leaf_began=now() - 70 * DAY)


def ca_is_lost(place: Place) -> None:
    certificates(place, ca_began=now() - DAY, leaf_began=now() - DAY)
    place.kube.delete(Ref("v1", "Secret", CA_SECRET, place.own))


def former_is_done(place: Place) -> None:
    """The roll of yesterday: its former CA is still trusted."""
    former = Authority.generate("irsa webhook CA", now=now() - 3000 * DAY, days=3650)
    certificates(place, ca_began=now() - DAY, leaf_began=now() - OVERLAP - DAY)
    data = place.secret(CA_SECRET)["data"]
    both = base64.b64decode(data["tls.crt"]) + former.certificate_pem
    place.change(
        CA_SECRET, data=data | {"former.crt": base64.b64encode(former.certificate_pem).decode()}
    )
    put_bundle(place, both)


STATES: dict[str, tuple[Callable[[Place], None], list[str]]] = {
    "fresh": (fresh, ["NewAuthority", "TrustBundle", "NewServing"]),
    "ca-due": (ca_is_due, ["NewAuthority", "TrustBundle", "NewServing"]),
    "both-due": (both_are_due, ["NewAuthority", "TrustBundle", "NewServing"]),
    "ca-lost": (ca_is_lost, ["NewAuthority", "TrustBundle", "NewServing"]),
    "former-done": (former_is_done, ["ForgetFormer", "TrustBundle"]),
}


def settle(place: Place, killer: Killer | None = None) -> list[str]:
    """What a controller does in one round, with its own kubeconfig and maybe its own end."""
    with Kube.open(kubeconfig=str(place.rig.kubeconfig), observer=killer) as kube:
        controller = Controller(kube=kube, namespace=place.own, clock=now)
        return [type(action).__name__ for action in controller.settle()]


def left(place: Place) -> dict[str, Any]:
    """What is there at the end, as far as it is the same each time."""
    ca, tls = place.secret(CA_SECRET), place.secret(TLS_SECRET)
    trust = secrets.read_trust(ca)
    return {
        "secrets": sorted(
            one["metadata"]["name"] for one in place.kube.list("v1", "Secret", namespace=place.own)
        ),
        "keys": [sorted(ca["data"]), sorted(tls["data"])],
        "types": [ca["type"], tls["type"]],
        "trusted": len(place.bundle),
        "former": len(trust.former),
        "holds": place.holds,
        "signs": place.bundle[0] == trust.certificate,
    }


@pytest.mark.parametrize(("state", "steps"), STATES.values(), ids=STATES)
def test_killed_anywhere_it_ends_the_same_and_is_trusted_all_the_time(
    place: Place, state: Callable[[Place], None], steps: list[str]
) -> None:
    """Before and after each write: no orphan, no other end, and no version that is not trusted."""
    place.clean()
    state(place)
    record = Killer()
    assert settle(place, record) == steps
    assert len(record.calls) == len(steps)
    whole = left(place)
    assert whole["holds"]
    assert whole["signs"]
    for at in range(len(record.calls)):
        for after_it in (False, True):
            place.clean()
            state(place)
            with History(place) as history:
                with pytest.raises(KilledError):
                    settle(place, Killer(at=at, after_it=after_it))
                settle(place)
                assert history.gaps() == [], (at, after_it)
            assert left(place) == whole, (at, after_it)
            assert settle(place) == []
