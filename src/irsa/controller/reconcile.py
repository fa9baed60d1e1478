"""
What is seen, and the time -> what to do: the certificates and `caBundle` kept true.

One step at a time and always in this order: a CA that signs; the API server trusting it; a
certificate from it. So at no moment does the webhook serve a certificate that is not trusted: a new
CA is in `caBundle` before anything is signed with it, and the CA before it stays there until its
last certificate has long been replaced.
Never here: IO, sleep, the clock.
"""

import base64
import binascii
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from irsa.controller import secrets
from irsa.controller.secrets import Serving, Trust
from irsa.errors import InputError
from irsa.tls.certs import renew_due

# Long after every node has brought the new Secret into its pods (a minute or two).
OVERLAP = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """
    The three objects as they are; None where one does not exist.

    Args:
        unread: The names of those that could not be read: None means nothing there.
    """

    ca_secret: Mapping[str, Any] | None
    tls_secret: Mapping[str, Any] | None
    configuration: Mapping[str, Any] | None
    unread: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAuthority:
    """Make a new CA; the former ones stay trusted for a while."""

    reason: str
    former: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetFormer:
    """Take the former CAs out: nothing that they signed is served any more."""

    reason: str
    trust: Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBundle:
    """Write `caBundle`."""

    reason: str
    pem: bytes
    webhooks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewServing:
    """Issue a serving certificate."""

    reason: str
    trust: Trust


Action = NewAuthority | ForgetFormer | TrustBundle | NewServing


def reconcile(
    observed: Observed,
    now: datetime,
    *,
    names: Iterable[str],
    without: Container[type[Action]] = (),
) -> Action | None:
    """
    The next thing to do; None if everything is as it should be, or nothing more can be done.

    Args:
        observed: The objects as they are.
        now: The time.
        names: The DNS names that the serving certificate must have.
        without: What was refused just now: what does not need it goes on.
    """
    candidates = _candidates(observed, now, frozenset(names))
    return next((action for action in candidates if type(action) not in without), None)


def _candidates(observed: Observed, now: datetime, names: frozenset[str]) -> Iterator[Action]:
    trust = secrets.read_trust(observed.ca_secret)
    serving = secrets.read_serving(observed.tls_secret)
    if "ca_secret" not in observed.unread and (trust is None or _due(trust.certificate, now)):
        yield _new_authority(observed, trust, now)
    if trust is None or not _is_valid(trust.certificate, now):
        yield from _rescued_bundle(observed, serving)
        return
    if _former_is_done(trust, serving, now):
        yield ForgetFormer(reason="the former CA's certificates are long gone", trust=trust)
    if (action := _trust_bundle(observed, trust)) is not None:
        yield action
    reason = _serving_fault(serving, trust, now, names=names)
    if reason and "tls_secret" not in observed.unread and _is_trusted(observed, trust, serving):
        yield NewServing(reason=reason, trust=trust)


def follow(observed: Observed, now: datetime) -> TrustBundle | None:
    """
    The next thing to do where somebody else, such as cert-manager, makes the certificate.

    `caBundle` becomes the `ca.crt` of their Secret. For a while after a renewal it keeps what it
    trusted before, because pods still serve the certificate of before.

    Raises:
        InputError: Their Secret is missing, or has no usable certificate and `ca.crt`.
    """
    if "tls_secret" in observed.unread:
        return None
    serving = secrets.read_serving(observed.tls_secret)
    wanted = secrets.read_authorities(observed.tls_secret)
    if serving is None or not wanted:
        raise InputError(
            "the Secret of the serving certificate is missing or has no usable tls.crt, tls.key "
            "and ca.crt",
            hint="does cert-manager make it?",
        )
    bundles = _bundles(observed)
    wrong = [pem for _, pem in bundles if not _follows(pem, wanted, serving, now)]
    if not wrong:
        return None
    kept = [cert for pem in wrong for cert in _certificates(pem) if secrets.ends(cert) > now]
    recent = _is_recent(serving, now)
    pem = secrets.bundle(dict.fromkeys((*wanted, *(kept if recent else ()))))
    names = tuple(name for name, _ in bundles)
    return TrustBundle(reason="caBundle is not ca.crt of the Secret", pem=pem, webhooks=names)


def _follows(
    pem: bytes, wanted: tuple[x509.Certificate, ...], serving: Serving, now: datetime
) -> bool:
    if _is_recent(serving, now):
        return set(wanted) <= set(_certificates(pem))
    return pem == secrets.bundle(wanted)


def _is_recent(serving: Serving, now: datetime) -> bool:
    return now < serving.certificate.not_valid_before_utc + OVERLAP


def _new_authority(observed: Observed, trust: Trust | None, now: datetime) -> NewAuthority:
    if trust is not None:
        known: tuple[x509.Certificate, ...] = (trust.certificate, *trust.former)
        reason = "the CA is due for renewal"
    else:
        # The key is lost; what it signed is still served, and still trusted for as long.
        known = tuple(cert for _, pem in _bundles(observed) for cert in _certificates(pem))
        known += _issuers(observed, secrets.read_serving(observed.tls_secret))
        reason = "there is no usable CA"
    former = tuple(dict.fromkeys(cert for cert in known if secrets.ends(cert) > now))
    return NewAuthority(reason=reason, former=former)


def _rescued_bundle(observed: Observed, serving: Serving | None) -> Iterator[TrustBundle]:
    """Without a CA, what the serving certificate's own Secret says of its issuer still helps."""
    issuers = _issuers(observed, serving)
    bundles = _bundles(observed)
    known = {name: _certificates(pem) for name, pem in bundles}
    if issuers and any(issuers[0] not in found for found in known.values()):
        every = dict.fromkeys((*issuers, *(cert for found in known.values() for cert in found)))
        reason = "caBundle does not know the CA of the serving certificate"
        pem = secrets.bundle(every)
        yield TrustBundle(reason=reason, pem=pem, webhooks=tuple(known))


def _issuers(observed: Observed, serving: Serving | None) -> tuple[x509.Certificate, ...]:
    """The CA beside the serving certificate, if it has signed it."""
    if serving is None:
        return ()
    found = secrets.read_authorities(observed.tls_secret)
    return tuple(cert for cert in found if secrets.issued_by(serving.certificate, cert))


def _former_is_done(trust: Trust, serving: Serving | None, now: datetime) -> bool:
    if (
        not trust.former
        or serving is None
        or not secrets.issued_by(serving.certificate, trust.certificate)
    ):
        return False
    return serving.certificate.not_valid_before_utc + OVERLAP < now


def _trust_bundle(observed: Observed, trust: Trust) -> TrustBundle | None:
    wanted = secrets.bundle((trust.certificate, *trust.former))
    bundles = _bundles(observed)
    wrong = tuple(name for name, pem in bundles if pem != wanted)
    if not wrong:
        return None
    names = tuple(name for name, _ in bundles)
    return TrustBundle(reason="caBundle is not the CA's", pem=wanted, webhooks=names)


def _serving_fault(
    serving: Serving | None, trust: Trust, now: datetime, *, names: frozenset[str]
) -> str | None:
    if serving is None:
        return "there is no usable serving certificate"
    if not secrets.issued_by(serving.certificate, trust.certificate):
        return "the serving certificate is not the CA's"
    if serving.names != names:
        return "the serving certificate is for other names"
    if now < serving.certificate.not_valid_before_utc:
        return "the serving certificate is not valid yet"
    if renew_due(secrets.bundle([serving.certificate]), now):
        return "the serving certificate is due for renewal"
    return None


def _is_trusted(observed: Observed, trust: Trust, serving: Serving | None) -> bool:
    """Whether a certificate of this CA is trusted, or at least no less than the one before."""
    if serving is not None and secrets.issued_by(serving.certificate, trust.certificate):
        return True
    if "configuration" in observed.unread:
        return False
    return all(trust.certificate in _certificates(pem) for _, pem in _bundles(observed))


def _due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether it should be replaced: two thirds of its life are over, or it has not begun."""
    return now < certificate.not_valid_before_utc or renew_due(secrets.bundle([certificate]), now)


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _bundles(observed: Observed) -> list[tuple[str, bytes]]:
    """The name of each webhook in the registration, and its `caBundle`."""
    webhooks = (observed.configuration or {}).get("webhooks") or []
    return [(hook["name"], _pem(hook.get("clientConfig") or {})) for hook in webhooks]


def _pem(client: Mapping[str, Any]) -> bytes:
    try:
        return base64.b64decode(client.get("caBundle") or "")
    except binascii.Error:
        return b""


def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    return secrets.read_certificates(pem)
