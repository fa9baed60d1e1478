"""
Look, decide, do, and again: runs what `reconcile` asks for.

A short period instead of watches: four small reads every few seconds heal everything, whatever
happened to it, and there is nothing to resume.
Never here: rules.
"""

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, assert_never

from irsa.controller import secrets
from irsa.controller.lease import Lease, Leases
from irsa.controller.reconcile import (
    Action,
    ForgetFormer,
    NewAuthority,
    NewServing,
    Observed,
    TrustBundle,
    reconcile,
)
from irsa.errors import IrsaError
from irsa.injection.settings import (
    CA_SECRET,
    CONFIGURATION,
    CONTROLLER,
    TLS_SECRET,
    service_names,
)
from irsa.kube.objects import Ref
from irsa.tls.certs import Authority, LeafRequest

logger = logging.getLogger(__name__)

Object = dict[str, Any]

PERIOD = 5.0
AUTHORITY_DAYS = 3650
SERVING_DAYS = 90
_ADMISSION = "admissionregistration.k8s.io/v1"
_MAX_STEPS = 8


class Api(Leases, Protocol):
    """What of the Kubernetes API the controller needs."""

    def apply(self, obj: Mapping[str, Any], *, field_manager: str, force: bool) -> Object:
        """Server-side apply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """Keeps the certificates and `caBundle` of one webhook true."""

    kube: Api
    namespace: str
    clock: Callable[[], datetime]

    def settle(self) -> list[Action]:
        """Do what there is to do, step by step, and say what it was."""
        done: list[Action] = []
        for _ in range(_MAX_STEPS):
            observed = self.observe()
            names = service_names(self.namespace)
            action = reconcile(observed, self.clock(), names=names)
            if action is None:
                break
            self._carry_out(action, observed)
            logger.info("%s", action.reason, extra={"action": type(action).__name__})
            done.append(action)
        return done

    def observe(self) -> Observed:
        """The three objects as they are."""
        return Observed(
            ca_secret=self.kube.get(self._secret(CA_SECRET)),
            tls_secret=self.kube.get(self._secret(TLS_SECRET)),
            configuration=self.kube.get(
                Ref(_ADMISSION, "MutatingWebhookConfiguration", CONFIGURATION)
            ),
        )

    def _carry_out(self, action: Action, observed: Observed) -> None:
        match action:
            case NewAuthority():
                now = self.clock()
                authority = Authority.generate("irsa webhook CA", now=now, days=AUTHORITY_DAYS)
                self._keep_trust(observed, secrets.trust_data(authority, action.former))
            case ForgetFormer():
                self._keep_trust(observed, secrets.trust_data(action.trust.authority, ()))
            case TrustBundle():
                self._write_bundle(action)
            case NewServing():
                self._issue(action, observed)
            case _:
                assert_never(action)

    def _keep_trust(self, observed: Observed, data: dict[str, str]) -> None:
        self._write(CA_SECRET, observed.ca_secret, observed, data=data)

    def _issue(self, action: NewServing, observed: Observed) -> None:
        names = service_names(self.namespace)
        request = LeafRequest(common_name=names[0], dns_names=names)
        leaf = action.trust.authority.issue(request, now=self.clock(), days=SERVING_DAYS)
        data = secrets.serving_data(leaf)
        self._write(TLS_SECRET, observed.tls_secret, observed, data=data)

    def _write_bundle(self, action: TrustBundle) -> None:
        client = {"caBundle": base64.b64encode(action.pem).decode()}
        configuration = {
            "apiVersion": _ADMISSION,
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": [{"name": name, "clientConfig": client} for name in action.webhooks],
        }
        self.kube.apply(configuration, field_manager=CONTROLLER, force=True)

    def _write(
        self,
        name: str,
        found: Mapping[str, Any] | None,
        observed: Observed,
        *,
        data: dict[str, str],
    ) -> None:
        if found is not None:
            self.kube.replace(dict(found) | {"data": data})
            return
        labels = ((observed.configuration or {}).get("metadata") or {}).get("labels") or {}
        metadata = {"name": name, "namespace": self.namespace, "labels": labels}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.kube.create(secret | {"type": "kubernetes.io/tls"})

    def _secret(self, name: str) -> Ref:
        return Ref("v1", "Secret", name, self.namespace)


def run(
    controller: Controller, lease: Lease, stop: threading.Event, *, period: float = PERIOD
) -> None:
    """Settle again and again until told to stop; whatever fails is logged and tried again."""
    holding = False
    while not stop.is_set():
        held = _once(controller, lease, holding=holding)
        if held is not None:
            holding = held
        stop.wait(period)
    if holding:
        _release(lease)


def _once(controller: Controller, lease: Lease, *, holding: bool) -> bool | None:
    """One round; whether we hold the Lease, None if that is not known."""
    try:
        held = lease.hold(controller.clock())
        if held != holding:
            logger.info("acting" if held else "another controller holds the Lease")
        if held:
            controller.settle()
        return held
    except IrsaError as error:
        logger.warning("%s; trying again", error.message)
    except Exception:
        logger.exception("a fault in irsa; trying again")
    return None


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except IrsaError as error:
        logger.warning("the Lease was not released: %s", error.message)
