"""
The controller killed before and after each of its writes, whatever it is at: it ends in one state.

Every write of a real run is recorded first, so that a new one cannot be missed.
"""

import base64
from collections.abc import Callable
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

from .controlling import Installation
from .history import History
from .trusting import now

pytestmark = pytest.mark.cluster

DAY = timedelta(days=1)


def fresh(installation: Installation) -> None:
    """Nothing was ever made."""


def certificates(installation: Installation, *, ca_began: datetime, leaf_began: datetime) -> None:
    """A CA and a certificate of certain days, as an earlier controller left them."""
    authority = Authority.generate("irsa webhook CA", now=ca_began, days=3650)
    names = service_names(installation.own)
    request = LeafRequest(common_name=names[0], dns_names=names)
    leaf = authority.issue(request, now=leaf_began, days=90)
    store(installation, CA_SECRET, secrets.trust_data(authority, ()))
    store(installation, TLS_SECRET, secrets.serving_data(leaf, authority))
    installation.put_bundle(authority.certificate_pem)


def store(installation: Installation, name: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": installation.own}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
    installation.kube.delete(Ref.of(secret))
    installation.kube.create(secret | {"type": "kubernetes.io/tls"})


def ca_is_due(installation: Installation) -> None:
    certificates(installation, ca_began=now() - 2600 * DAY, leaf_began=now() - DAY)


def both_are_due(installation: Installation) -> None:
    certificates(installation, ca_began=now() - 2600 * DAY, leaf_began=now() - 70 * DAY)


def ca_is_lost(installation: Installation) -> None:
    certificates(installation, ca_began=now() - DAY, leaf_began=now() - DAY)
    installation.lose(CA_SECRET)


def former_is_done(installation: Installation) -> None:
    """The roll of yesterday: its former CA is still trusted."""
    former = Authority.generate("irsa webhook CA", now=now() - 3000 * DAY, days=3650)
    certificates(installation, ca_began=now() - DAY, leaf_began=now() - OVERLAP - DAY)
    data = installation.secret(CA_SECRET)["data"]
    both = base64.b64decode(data["tls.crt"]) + former.certificate_pem
    installation.change(
        CA_SECRET, data=data | {"former.crt": base64.b64encode(former.certificate_pem).decode()}
    )
    installation.put_bundle(both)


STATES: dict[str, tuple[Callable[[Installation], None], list[str]]] = {
    "fresh": (fresh, ["NewAuthority", "TrustBundle", "NewServing"]),
    "ca-due": (ca_is_due, ["NewAuthority", "TrustBundle", "NewServing"]),
    "both-due": (both_are_due, ["NewAuthority", "TrustBundle", "NewServing"]),
    "ca-lost": (ca_is_lost, ["NewAuthority", "TrustBundle", "NewServing"]),
    "former-done": (former_is_done, ["ForgetFormer", "TrustBundle"]),
}


def settle(installation: Installation, killer: Killer | None = None) -> list[str]:
    """What a controller does in one round, with its own kubeconfig and maybe its own end."""
    with Kube.open(kubeconfig=str(installation.rig.kubeconfig), observer=killer) as kube:
        controller = Controller(kube=kube, namespace=installation.own, clock=now)
        return [type(action).__name__ for action in controller.settle()]


def left(installation: Installation) -> dict[str, Any]:
    """What is there at the end, as far as it is the same each time."""
    ca, tls = installation.secret(CA_SECRET), installation.secret(TLS_SECRET)
    trust = secrets.read_trust(ca)
    return {
        "secrets": sorted(
            one["metadata"]["name"]
            for one in installation.kube.list("v1", "Secret", namespace=installation.own)
        ),
        "keys": [sorted(ca["data"]), sorted(tls["data"])],
        "types": [ca["type"], tls["type"]],
        "trusted": len(installation.bundle),
        "former": len(trust.former),
        "holds": installation.holds,
        "signs": installation.bundle[0] == trust.certificate,
    }


@pytest.mark.parametrize(("state", "steps"), STATES.values(), ids=STATES)
def test_killed_anywhere_it_ends_the_same_and_is_trusted_all_the_time(
    installation: Installation, state: Callable[[Installation], None], steps: list[str]
) -> None:
    """Before and after each write: no orphan, no other end, and no version that is not trusted."""
    installation.clean()
    state(installation)
    record = Killer()
    assert settle(installation, record) == steps
    assert len(record.calls) == len(steps)
    whole = left(installation)
    assert whole["holds"]
    assert whole["signs"]
    for at in range(len(record.calls)):
        for after_it in (False, True):
            installation.clean()
            state(installation)
            with History(installation) as history:
                with pytest.raises(KilledError):
                    settle(installation, Killer(at=at, after_it=after_it))
                settle(installation)
                assert history.gaps() == [], (at, after_it)
            assert left(installation) == whole, (at, after_it)
            assert settle(installation) == []
