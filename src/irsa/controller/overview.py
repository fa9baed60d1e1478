"""
How injection gets on, seen from outside: its parts, its certificates, and who is without a role.

It only reads, and needs no controller: whoever may look at the cluster sees it.
Never here: how it looks, what follows from it.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from cryptography import x509

from irsa.controller import secrets
from irsa.controller.certificates import REGISTRATION
from irsa.controller.lease import lease_ref
from irsa.controller.survey import Found, Search, config_map_roles
from irsa.errors import KubeError
from irsa.injection.grants import Defaults
from irsa.injection.settings import CONTROLLER, TLS_SECRET, WEBHOOK, WebhookSettings
from irsa.kube.objects import Ref

Object = dict[str, Any]

# A certificate is renewed after two thirds of its 90 days: with less left, nobody renews it.
SOON = timedelta(days=14)
# A controller renews its Lease every few seconds.
SILENT = timedelta(minutes=1)


class Api(Protocol):
    """What of the Kubernetes API is read."""

    def get(self, ref: Ref) -> Object | None:
        """One object, or None."""
        ...

    def raw(self, path: str) -> bytes:
        """The body at a path."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    One part of the engine.

    Args:
        well: Whether it is as it should be; None if it may not be seen.
        text: What there is to say of it.
    """

    name: str
    well: bool | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that was seen."""

    parts: tuple[Part, ...]
    found: Found

    @property
    def faults(self) -> tuple[str, ...]:
        """What is not as it should be, in few words; nothing if all is well."""
        counts = {
            "running pods without their role": len(self.found.bare),
            "ServiceAccounts whose role is refused": len(self.found.refused),
        }
        parts = [f"{part.name}: {part.text}" for part in self.parts if part.well is False]
        return (*(f"{count} {what}" for what, count in counts.items() if count), *parts)


def look(kube: Api, settings: WebhookSettings, *, now: datetime, engine: bool = True) -> Overview:
    """
    Look at the engine and through the cluster.

    Args:
        kube: The cluster.
        settings: What was installed.
        now: The time.
        engine: Whether it is our webhook that gives roles; else only pods are looked at.

    Raises:
        KubeError: ServiceAccounts or pods cannot be listed.
    """
    defaults = Defaults(
        prefix=settings.annotation_prefix,
        allowed_accounts=frozenset(settings.allowed_accounts),
        allowed_roles=settings.allowed_roles,
    )
    search = Search(
        kube=kube,
        defaults=defaults,
        left_out=frozenset(settings.left_out),
        mappings=config_map_roles(kube, settings.namespace, defaults)
        if settings.config_map
        else dict,
    )
    parts = tuple(_parts(kube, settings, now)) if engine else ()
    return Overview(parts=parts, found=search.find())


def _parts(kube: Api, settings: WebhookSettings, now: datetime) -> Iterator[Part]:
    registration, refused = _seen(kube, REGISTRATION)
    bundle = _bundle(registration)
    yield refused or _registration(registration, bundle)
    for name in (WEBHOOK, CONTROLLER):
        found, refused = _seen(kube, Ref("apps/v1", "Deployment", name, settings.namespace))
        yield refused or _deployment(name, found)
    lease, refused = _seen(kube, lease_ref(settings.namespace, CONTROLLER))
    yield refused or _lease(lease, now)
    ref = Ref("v1", "Secret", settings.tls_secret or TLS_SECRET, settings.namespace)
    secret, refused = _seen(kube, ref)
    yield refused or _certificate(secret, bundle, now)
    if bundle:
        yield _authority(bundle, now)


def _seen(kube: Api, ref: Ref) -> tuple[Object | None, Part | None]:
    try:
        return kube.get(ref), None
    except KubeError as error:
        if error.status != 403:
            raise
        return None, Part(name=_NAMES[ref.kind], well=None, text=error.message)


_NAMES = {
    REGISTRATION.kind: "registration",
    "Deployment": "deployment",
    "Lease": "lease",
    "Secret": "certificate",
}


def _registration(found: Object | None, bundle: tuple[x509.Certificate, ...]) -> Part:
    name = "registration"
    if found is None:
        text = f"there is no {REGISTRATION}: no new pod gets its role"
        return Part(name=name, well=False, text=text)
    if not bundle:
        return Part(name=name, well=False, text="it has no caBundle that can be read")
    policies = sorted({str(hook.get("failurePolicy")) for hook in found.get("webhooks") or ()})
    return Part(name=name, well=True, text=f"failurePolicy {', '.join(policies)}")


def _deployment(name: str, found: Object | None) -> Part:
    part = name.removeprefix("irsa-")
    if found is None:
        return Part(name=part, well=False, text=f"there is no Deployment {name}")
    wanted = (found.get("spec") or {}).get("replicas", 1)
    ready = (found.get("status") or {}).get("readyReplicas", 0)
    return Part(name=part, well=ready >= wanted, text=f"{ready} of {wanted} pods ready")


def _lease(found: Object | None, now: datetime) -> Part:
    spec = (found or {}).get("spec") or {}
    holder = spec.get("holderIdentity")
    if not holder:
        return Part(name="lease", well=False, text="no controller acts")
    try:
        silent = now - datetime.fromisoformat(spec["renewTime"])
    except (KeyError, TypeError, ValueError):
        return Part(name="lease", well=False, text=f"{holder} holds it, nobody knows since when")
    seconds = max(round(silent.total_seconds()), 0)
    return Part(name="lease", well=silent < SILENT, text=f"{holder}, renewed {seconds} s ago")


def _certificate(
    secret: Object | None, bundle: tuple[x509.Certificate, ...], now: datetime
) -> Part:
    name, serving = "certificate", secrets.read_serving(secret)
    if serving is None:
        return Part(name=name, well=False, text="there is none that can be used")
    if not any(secrets.issued_by(serving.certificate, authority) for authority in bundle):
        return Part(name=name, well=False, text="caBundle does not verify it")
    return _ending(name, serving.certificate, now)


def _authority(bundle: tuple[x509.Certificate, ...], now: datetime) -> Part:
    return _ending("authority", max(bundle, key=secrets.ends), now)


def _ending(name: str, certificate: x509.Certificate, now: datetime) -> Part:
    end = secrets.ends(certificate)
    well = certificate.not_valid_before_utc <= now and end > now + SOON
    return Part(name=name, well=well, text=f"until {end:%Y-%m-%d %H:%M} UTC")


def _bundle(registration: Mapping[str, Any] | None) -> tuple[x509.Certificate, ...]:
    webhooks = (registration or {}).get("webhooks") or [{}]
    try:
        pem = base64.b64decode((webhooks[0].get("clientConfig") or {}).get("caBundle") or "")
    except binascii.Error:
        return ()
    return secrets.read_certificates(pem)
