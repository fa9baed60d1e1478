"""What API servers trust, and whether that is enough for a certificate."""

import base64
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from irsa.controller.secrets import read_certificates


def now() -> datetime:
    return datetime.now(UTC)


def bundle_of(configuration: dict[str, Any] | None) -> tuple[x509.Certificate, ...]:
    """The certificates in the `caBundle` of a registration."""
    webhooks = (configuration or {}).get("webhooks") or [{}]
    text = (webhooks[0].get("clientConfig") or {}).get("caBundle") or ""
    return read_certificates(base64.b64decode(text))


def trusts(bundle: tuple[x509.Certificate, ...], leaf: x509.Certificate) -> bool:
    """Whether an API server accepts a serving certificate now."""

    def signed(authority: x509.Certificate) -> bool:
        try:
            leaf.verify_directly_issued_by(authority)
        except Exception:  # noqa: BLE001 # whatever it is, it is not signed
            return False
        return authority.not_valid_before_utc <= now() <= authority.not_valid_after_utc

    alive = leaf.not_valid_before_utc <= now() <= leaf.not_valid_after_utc
    return alive and any(signed(authority) for authority in bundle)
