"""
Which of the cluster's keys are published: those that are seen signing, and those that are named.

The API server's own JWKS also holds keys that only verify; whoever has such an old private key
could make himself any ServiceAccount in AWS. They are listed, and left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from irsa.errors import RefusedError
from irsa.identity.keys import PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChoice:
    """The keys to publish, and the ids of those that are left out."""

    published: tuple[PublicKey, ...]
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know."""
        return tuple(
            f"key {kid} only verifies tokens, nothing is signed with it: it is not published "
            "(issuer.namedKeys publishes it)"
            for kid in self.left_out
        )


def choose(served: Sequence[PublicKey], signing: Iterable[str], named: Iterable[str]) -> KeyChoice:
    """
    Choose among the keys that the API server serves.

    Args:
        served: The keys at `/openid/v1/jwks`.
        signing: The key ids seen in fresh tokens of every API server.
        named: The key ids in the configuration.

    Raises:
        RefusedError: A key that signs, or one that is named, is not served.
    """
    wanted = dict.fromkeys([*sorted(signing), *named])
    by_kid = {key.kid: key for key in served}
    for kid in wanted:
        if kid not in by_kid:
            raise RefusedError(
                f"key {kid} is not among those that the API server serves at /openid/v1/jwks",
                hint="every API server must know every key: check --service-account-key-file on "
                "each, and issuer.namedKeys",
            )
    return KeyChoice(
        published=tuple(by_kid[kid] for kid in wanted),
        left_out=tuple(kid for kid in by_kid if kid not in wanted),
    )


def require_signing(published: Iterable[PublicKey], signing: Iterable[str], *, source: str) -> None:
    """
    Make sure that every key that signs is among those to publish.

    Raises:
        RefusedError: One is missing; tokens signed with it would be refused by AWS.
    """
    missing = sorted(set(signing) - {key.kid for key in published})
    if missing:
        raise RefusedError(
            f"the cluster signs with key {missing[0]}, which is not in {source}",
            hint="add its public key file to issuer.keysFrom, or use keysFrom: cluster",
        )
