"""
Carry out what `reconcile` asks for: the certificates and `caBundle` of one webhook.

What is refused (a read-only Secret, a permission that is missing) keeps nothing else from being
done. Every write names the version that it builds on, so that of two controllers one is refused.
Never here: rules, the loop.
"""

import base64
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, assert_never

from irsa.controller import secrets
from irsa.controller.lease import Leases
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
from irsa.errors import KubeError
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

AUTHORITY_DAYS = 3650
SERVING_DAYS = 90
_ADMISSION = "admissionregistration.k8s.io/v1"
REGISTRATION = Ref(_ADMISSION, "MutatingWebhookConfiguration", CONFIGURATION)
_MAX_STEPS = 8
_CONFLICT = 409


class Api(Leases, Protocol):
    """What of the Kubernetes API certificates need."""

    def apply(self, obj: Mapping[str, Any], *, field_manager: str, force: bool) -> Object:
        """Server-side apply."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An object that could not be read or written, and why."""

    about: Ref
    error: KubeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """
    Keeps the certificates and `caBundle` of one webhook true.

    Args:
        kube: The API.
        namespace: The webhook's namespace.
        clock: The time.
        tls_secret: The Secret of a serving certificate that somebody else makes; None makes one.
        seen: Told what is there, before each step.
        did: Told what was done.
        troubled: Told what was refused.
    """

    kube: Api
    namespace: str
    clock: Callable[[], datetime]
    tls_secret: str | None = None
    seen: Callable[[Observed], None] = lambda _: None
    did: Callable[[Action], None] = lambda _: None
    troubled: Callable[[Trouble], None] = lambda _: None

    def settle(self) -> list[Action]:
        """
        Do what there is to do, step by step, and say what it was.

        Raises:
            KubeError: Something was refused, or not answered; what does not need it was done.
        """
        done: list[Action] = []
        troubles: dict[Ref, Trouble] = {}
        refused: set[type[Action]] = set()
        for _ in range(_MAX_STEPS):
            observed, unread = self._look()
            troubles |= unread
            self.seen(observed)
            action = self._next(observed, frozenset(refused))
            if action is None:
                break
            if (trouble := self._try(action, observed)) is None:
                done.append(action)
            elif trouble.error.status != _CONFLICT:
                refused.add(type(action))
                troubles[trouble.about] = trouble
        for trouble in troubles.values():
            self.troubled(trouble)
        if troubles:
            raise next(iter(troubles.values())).error
        return done

    def observe(self) -> Observed:
        """The three objects as they are."""
        return self._look()[0]

    def _look(self) -> tuple[Observed, dict[Ref, Trouble]]:
        refs = {"tls_secret": self._secret(self.tls_secret or TLS_SECRET)}
        if self.tls_secret is None:
            refs["ca_secret"] = self._secret(CA_SECRET)
        refs["configuration"] = REGISTRATION
        found: dict[str, Object | None] = dict.fromkeys(("ca_secret", *refs))
        unread: dict[str, Trouble] = {}
        for name, ref in refs.items():
            try:
                found[name] = self.kube.get(ref)
            except KubeError as error:
                unread[name] = _trouble(ref, error)
        observed = Observed(
            ca_secret=found["ca_secret"],
            tls_secret=found["tls_secret"],
            configuration=found["configuration"],
            unread=frozenset(unread),
        )
        return observed, {trouble.about: trouble for trouble in unread.values()}

    def _next(self, observed: Observed, refused: frozenset[type[Action]]) -> Action | None:
        if self.tls_secret is not None:
            return None if TrustBundle in refused else follow(observed, self.clock())
        names = service_names(self.namespace)
        return reconcile(observed, self.clock(), names=names, without=refused)

    def _try(self, action: Action, observed: Observed) -> Trouble | None:
        try:
            self._carry_out(action, observed)
        except KubeError as error:
            return _trouble(self._object_of(action), error)
        logger.info("%s", action.reason, extra={"action": type(action).__name__})
        self.did(action)
        return None

    def _object_of(self, action: Action) -> Ref:
        if isinstance(action, TrustBundle):
            return REGISTRATION
        return self._secret(TLS_SECRET if isinstance(action, NewServing) else CA_SECRET)

    def _carry_out(self, action: Action, observed: Observed) -> None:
        match action:
            case NewAuthority():
                now = self.clock()
                authority = Authority.generate("irsa webhook CA", now=now, days=AUTHORITY_DAYS)
                self._keep_trust(observed, secrets.trust_data(authority, action.former))
            case ForgetFormer():
                self._keep_trust(observed, secrets.trust_data(action.trust.authority, ()))
            case TrustBundle():
                self._write_bundle(action, observed)
            case NewServing():
                self._issue(action, observed)
            case _:
                assert_never(action)

    def _keep_trust(self, observed: Observed, data: dict[str, str]) -> None:
        self._write(CA_SECRET, observed.ca_secret, observed, data=data)

    def _issue(self, action: NewServing, observed: Observed) -> None:
        names = service_names(self.namespace)
        request = LeafRequest(common_name=names[0], dns_names=names)
        authority = action.trust.authority
        leaf = authority.issue(request, now=self.clock(), days=SERVING_DAYS)
        data = secrets.serving_data(leaf, authority)
        self._write(TLS_SECRET, observed.tls_secret, observed, data=data)

    def _write_bundle(self, action: TrustBundle, observed: Observed) -> None:
        client = {"caBundle": base64.b64encode(action.pem).decode()}
        metadata = {"name": CONFIGURATION, "resourceVersion": _version(observed.configuration)}
        configuration = {
            "apiVersion": _ADMISSION,
            "kind": "MutatingWebhookConfiguration",
            "metadata": metadata,
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
            # What else is in it stays: a Secret of another type may need it to be valid.
            self.kube.replace(dict(found) | {"data": (found.get("data") or {}) | data})
            return
        metadata = {"name": name, "namespace": self.namespace, "labels": _labels(observed)}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.kube.create(secret | {"type": "kubernetes.io/tls"})

    def _secret(self, name: str) -> Ref:
        return Ref("v1", "Secret", name, self.namespace)


def _trouble(about: Ref, error: KubeError) -> Trouble:
    """
    What was refused for this object's own sake.

    Raises:
        KubeError: Nothing else would be answered now either.
    """
    if error.status in (None, 401, 429, 503, 504):
        raise error
    return Trouble(about=about, error=error)


def _labels(observed: Observed) -> Mapping[str, str]:
    """What marks everything of this cluster's webhook."""
    for known in (observed.configuration, observed.tls_secret, observed.ca_secret):
        labels: Mapping[str, str] = ((known or {}).get("metadata") or {}).get("labels") or {}
        if labels:
            return labels
    return {}


def _version(configuration: Mapping[str, Any] | None) -> str:
    return str(((configuration or {}).get("metadata") or {}).get("resourceVersion", ""))
