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
from datetime import datetime, timedelta
from typing import Any, Protocol, assert_never

from irsa.controller import secrets
from irsa.controller.lease import Lease, Leases
from irsa.controller.metrics import State
from irsa.controller.reconcile import (
    Action,
    ForgetFormer,
    NewAuthority,
    NewServing,
    Observed,
    TrustBundle,
    follow,
    reconcile,
)
from irsa.controller.survey import Survey
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
SURVEY_PERIOD = timedelta(seconds=60)
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
    """
    Keeps the certificates and `caBundle` of one webhook true.

    Args:
        kube: The API.
        namespace: The webhook's namespace.
        clock: The time.
        tls_secret: The Secret of a serving certificate that somebody else makes; None makes one.
        seen: Told what is there when there is nothing left to do.
    """

    kube: Api
    namespace: str
    clock: Callable[[], datetime]
    tls_secret: str | None = None
    seen: Callable[[Observed], None] = lambda _: None

    def settle(self) -> list[Action]:
        """Do what there is to do, step by step, and say what it was."""
        done: list[Action] = []
        for _ in range(_MAX_STEPS):
            observed = self.observe()
            action = self._next(observed)
            if action is None:
                self.seen(observed)
                break
            self._carry_out(action, observed)
            logger.info("%s", action.reason, extra={"action": type(action).__name__})
            done.append(action)
        return done

    def _next(self, observed: Observed) -> Action | None:
        if self.tls_secret is not None:
            return follow(observed, self.clock())
        return reconcile(observed, self.clock(), names=service_names(self.namespace))

    def observe(self) -> Observed:
        """The three objects as they are."""
        own = self.tls_secret is None
        return Observed(
            ca_secret=self.kube.get(self._secret(CA_SECRET)) if own else None,
            tls_secret=self.kube.get(self._secret(self.tls_secret or TLS_SECRET)),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """
    The controller's work, again and again.

    Args:
        controller: What is done in every round.
        lease: Who holds it does it.
        state: What is shown of it.
        survey: What is done in some rounds.
        period: Seconds between rounds.
        survey_period: At least this lies between surveys.
    """

    controller: Controller
    lease: Lease
    state: State
    survey: Survey | None = None
    period: float = PERIOD
    survey_period: timedelta = SURVEY_PERIOD

    def run(self, stop: threading.Event) -> None:
        """Go on until told to stop; whatever fails is logged and tried again."""
        while not stop.is_set():
            self._round()
            self.state.round_at = self.controller.clock()
            stop.wait(self.period)
        if self.state.leading:
            _release(self.lease)

    def _round(self) -> None:
        try:
            held = self.lease.hold(self.controller.clock())
            if held != self.state.leading:
                logger.info("acting" if held else "another controller holds the Lease")
            self.state.leading = held
            if held:
                done = self.controller.settle()
                self.state.actions.update(type(action).__name__ for action in done)
                self._survey()
        except IrsaError as error:
            self.state.failures += 1
            logger.warning("%s; trying again", error.message)
        except Exception:
            self.state.failures += 1
            logger.exception("a fault in irsa; trying again")

    def _survey(self) -> None:
        now = self.controller.clock()
        last = self.state.survey_at
        if self.survey is None or (last is not None and now < last + self.survey_period):
            return
        self.survey.look()
        self.state.survey_at = now
        self.state.bare = self.survey.found
        self.state.restarts = self.survey.restarter.restarts if self.survey.restarter else 0


def note_expiries(state: State) -> Callable[[Observed], None]:
    """Keeps in the state when the certificates end."""

    def note(observed: Observed) -> None:
        trust = secrets.read_trust(observed.ca_secret)
        serving = secrets.read_serving(observed.tls_secret)
        found = {"ca": trust, "serving": serving}
        state.expiries = {
            name: secrets.ends(item.certificate) for name, item in found.items() if item
        }

    return note


def _release(lease: Lease) -> None:
    try:
        lease.release()
    except IrsaError as error:
        logger.warning("the Lease was not released: %s", error.message)
