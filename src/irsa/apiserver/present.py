"""
The issuer that a cluster has now: what it is called, and whether the world can use it already.

Never here: changing it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from irsa.apiserver import published
from irsa.errors import InputError, excerpt
from irsa.identity import canonical
from irsa.identity.issuer import IssuerUrl

if TYPE_CHECKING:
    from irsa.kube.client import Kube
    from irsa.web import Web

DISCOVERY_PATH = "/.well-known/openid-configuration"

_PRIVATE_ENDINGS = (".svc", ".local", ".internal", ".localdomain", ".lan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentIssuer:
    """
    The issuer in force.

    Args:
        url: As the API server's own discovery document says it.
        parsed: The same, if AWS could use such a URL at all.
        is_public: Everybody can read its documents, and they hold every key that is seen signing.
        reason: Why it is not, in words; empty if it is.
    """

    url: str
    parsed: IssuerUrl | None = None
    is_public: bool = False
    reason: str = ""


def named(kube: "Kube") -> str:
    """
    The issuer's URL, from the API server itself.

    Raises:
        KubeError: The document cannot be read.
        InputError: It names no issuer.
    """
    try:
        document = canonical.load(kube.raw(DISCOVERY_PATH))
    except ValueError as error:
        raise InputError(f"{DISCOVERY_PATH} is not JSON: {excerpt(str(error))}") from error
    issuer = document.get("issuer") if isinstance(document, dict) else None
    if not isinstance(issuer, str):
        raise InputError(f"{DISCOVERY_PATH} names no issuer")
    return issuer


def judge(url: str, web: "Web", *, kids: Callable[[], Collection[str]]) -> PresentIssuer:
    """
    Look at an issuer as AWS would.

    Args:
        url: The issuer.
        web: Reads its documents anonymously; names that cannot be public are not asked for.
        kids: Finds the keys that are seen signing; called only if it matters.
    """
    try:
        issuer = IssuerUrl.parse(url)
    except InputError as error:
        return PresentIssuer(url=url, reason=error.message)
    if issuer.host == "kubernetes.default" or issuer.host.endswith(_PRIVATE_ENDINGS):
        return PresentIssuer(url=url, reason=f"{issuer.host} is a name inside the cluster only")
    signing = kids()
    if not signing:
        reason = "no key was seen signing, so nothing can be said of its documents"
        return PresentIssuer(url=url, parsed=issuer, reason=reason)
    missing = published.missing(web, issuer, kids=signing)
    reason = "; ".join(refusal.reason for refusal in missing)
    return PresentIssuer(url=url, parsed=issuer, is_public=not missing, reason=reason)
