"""
Issuers that this cluster once had and the configuration no longer names.

IAM's list of OIDC providers leads to them: ours by their tags, named after where the documents are.
A provider is what one is found by, so it goes last: whenever a removal is interrupted, the next one
finds the rest. The bucket is kept, so that nobody else can take a name that is trusted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from irsa.arns import provider_arn
from irsa.aws.call import Call
from irsa.errors import InputError
from irsa.identity.issuer import IssuerUrl, place_of
from irsa.provision import old_bucket
from irsa.provision.old_bucket import Home, OldBucket, OldBucketState
from irsa.provision.provider import KIND, Provider, ProviderState
from irsa.provision.resource import Diff, Reader

_LISTING = Call(service="iam", operation="ListOpenIDConnectProviders")
# EKS has one for each of its clusters, and none of them is ours.
_NEVER_OURS = "oidc.eks."


@dataclass(frozen=True, slots=True, kw_only=True)
class OldIssuer:
    """One of them: its provider, and the bucket of ours behind it, if there is one."""

    url: IssuerUrl
    provider: ProviderState
    bucket: OldBucketState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverIssuers:
    """
    The issuers that are left over.

    Args:
        home: Where this cluster's things are; its buckets are never deleted here.
        current: The issuer in the configuration.
        prune: Whether the others should go.
    """

    home: Home
    current: IssuerUrl
    prune: bool = False

    def read(self, reader: Reader) -> tuple[OldIssuer, ...]:
        """Find them: every provider is asked whose it is."""
        return tuple(
            OldIssuer(url=url, provider=found, bucket=self._bucket_of(url, reader))
            for url in self._others(reader)
            if (found := self._provider(url).read(reader))
            and self.home.owner.owns_tagged(found.tags)
        )

    def changes(self, observed: tuple[OldIssuer, ...]) -> Diff:
        """A note about each, or its removal."""
        return self.removal(observed) if self.prune else Diff(notes=tuple(map(_note, observed)))

    def removal(self, observed: tuple[OldIssuer, ...]) -> Diff:
        """What removes them, the documents and the bucket's policy before the provider."""
        diffs = [
            diff
            for one in observed
            for diff in (
                self._emptied(one),
                self._provider(one.url).removal(one.provider),
            )
        ]
        return Diff(
            changes=tuple(change for diff in diffs for change in diff.changes),
            notes=tuple(note for diff in diffs for note in diff.notes),
        )

    def _others(self, reader: Reader) -> Iterator[IssuerUrl]:
        answer = reader.aws(_LISTING) or {}
        for one in answer.get("OpenIDConnectProviderList", ()):
            name = one["Arn"].partition(":oidc-provider/")[2]
            if name.startswith(_NEVER_OURS) or name == self.current.provider:
                continue
            try:
                yield IssuerUrl.parse(f"https://{name}")
            except InputError:
                continue  # not one that irsa could have made

    def _provider(self, url: IssuerUrl) -> Provider:
        return Provider(
            arn=provider_arn(self.home.partition, self.home.account, url.provider),
            issuer=url,
            audiences=(),
            owner=self.home.owner,
            kids=(),
        )

    def _bucket(self, url: IssuerUrl) -> OldBucket | None:
        return old_bucket.behind(url, self.home)

    def _bucket_of(self, url: IssuerUrl, reader: Reader) -> OldBucketState | None:
        bucket = self._bucket(url)
        return bucket.read(reader) if bucket else None

    def _emptied(self, one: OldIssuer) -> Diff:
        bucket = self._bucket(one.url)
        if bucket is None or one.bucket is None:
            return Diff()
        if self._needed(bucket):
            return bucket.emptying(one.bucket)
        return bucket.removal(one.bucket)

    def _needed(self, bucket: OldBucket) -> bool:
        """Whether the issuer in the configuration is in the same bucket, at another prefix."""
        now = place_of(self.current)
        return now is not None and now.bucket == bucket.bucket.name


def _note(one: OldIssuer) -> str:
    place = place_of(one.url)
    and_bucket = ""
    if one.bucket:
        and_bucket = f" and its documents in bucket {place.bucket}" if place else ""
    elif place:
        and_bucket = f"; bucket {place.bucket} is not irsa's, and stays as it is"
    return (
        f"{KIND} {one.url} is left over: the configuration names another issuer "
        f"(--prune removes it{and_bucket})"
    )
