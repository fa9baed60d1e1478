"""
Whether the world can read the new issuer's documents, and finds the keys that sign in them.

Never here: publishing.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from irsa.apiserver.stages import Gate, Refusal
from irsa.errors import InputError, WebError
from irsa.identity import discovery, jwks
from irsa.identity.discovery import Discovery
from irsa.identity.issuer import IssuerUrl

if TYPE_CHECKING:
    from irsa.web import Web

_HINT = "publish them first (irsa apply), and look at them with curl"


def missing(web: "Web", issuer: IssuerUrl, *, kids: Iterable[str]) -> tuple[Refusal, ...]:
    """Why tokens of this issuer, signed with these keys, could not be verified by the world."""
    try:
        document = _document(web, issuer)
        published = {key.kid for key in jwks.parse(_read(web, document.jwks_uri), "the JWKS")}
    except (WebError, InputError) as error:
        return (Refusal(gate=Gate.documents, reason=error.message, hint=error.hint or _HINT),)
    return tuple(_unpublished(kids, published, document.jwks_uri))


def _document(web: "Web", issuer: IssuerUrl) -> Discovery:
    document = discovery.parse(_read(web, issuer.discovery_url), issuer.discovery_url)
    if document.issuer != str(issuer):
        raise InputError(f"{issuer.discovery_url} is the document of another issuer")
    return document


def _read(web: "Web", url: str) -> bytes:
    answer = web.get(url)
    if answer.status != 200:
        raise WebError(f"{url} answers with status {answer.status} to an anonymous reader")
    return answer.body


def _unpublished(kids: Iterable[str], published: set[str], url: str) -> Iterator[Refusal]:
    for kid in sorted(set(kids) - published):
        yield Refusal(
            gate=Gate.keys,
            reason=f"the key {kid} signs tokens, and is not in {url}",
            hint="publish it first (irsa apply), or AWS will refuse those tokens",
        )
