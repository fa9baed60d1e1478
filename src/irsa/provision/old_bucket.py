"""
The bucket behind an issuer that irsa does not publish, or publishes no more; ours by its tags.

Never here: how such an issuer is found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irsa.aws.call import Call
from irsa.errors import AwsError
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl, place_of
from irsa.provision.bucket import Bucket
from irsa.provision.bucket_settings import BucketState
from irsa.provision.documents import Documents, DocumentsState, object_key
from irsa.provision.owner import Owner, tag_map
from irsa.provision.resource import Diff, Reader

_HIDDEN = frozenset({"403", "AccessDenied"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """
    Where the things of a cluster are, and whose they are.

    Args:
        account: The account.
        partition: Its partition.
        owner: The cluster.
        delete_bucket: Whether a removal removes a bucket itself, or only makes it private.
    """

    account: str
    partition: str
    owner: Owner
    delete_bucket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OldBucketState:
    """What is there; only ever of a bucket of this cluster."""

    bucket: BucketState | None
    documents: DocumentsState


@dataclass(frozen=True, slots=True, kw_only=True)
class OldBucket:
    """The bucket, and the two documents in it."""

    bucket: Bucket
    documents: Documents

    def read(self, reader: Reader) -> OldBucketState | None:
        """Read them; None if the bucket is not this cluster's, or not for us to see."""
        if not self.bucket.owner.owns_tagged(self._tags(reader)):
            return None
        return OldBucketState(
            bucket=self.bucket.read(reader), documents=self.documents.read(reader)
        )

    def changes(self, observed: OldBucketState | None) -> Diff:
        """Nothing; a note that the bucket is ours, and needed."""
        if observed is None:
            return Diff()
        return Diff(
            notes=(
                f"bucket {self.bucket.name} is irsa's, and {self.documents.issuer} is read from "
                "it: it stays as it is (publish: s3 would go on managing it)",
            )
        )

    def removal(self, observed: OldBucketState | None) -> Diff:
        """What removes the documents, and takes the bucket back."""
        if observed is None:
            return Diff()
        gone, closed = self.emptying(observed), self.bucket.removal(observed.bucket)
        return Diff(changes=(*gone.changes, *closed.changes), notes=closed.notes)

    def emptying(self, observed: OldBucketState) -> Diff:
        """What removes the documents alone."""
        return self.documents.removal(observed.documents)

    def _tags(self, reader: Reader) -> Mapping[str, str]:
        params = {"Bucket": self.bucket.name, "ExpectedBucketOwner": self.bucket.account}
        call = Call(service="s3", operation="GetBucketTagging", params=params)
        try:
            answer: Mapping[str, Any] = reader.aws(call) or {}
        except AwsError as error:
            if error.code not in _HIDDEN:
                raise
            return {}
        return tag_map(answer.get("TagSet", ()))


def behind(issuer: IssuerUrl, home: Home) -> OldBucket | None:
    """The bucket that an issuer's URL leads to; None if it leads to none."""
    place = place_of(issuer)
    if place is None:
        return None
    bucket = Bucket(
        name=place.bucket,
        region=place.region,
        partition=home.partition,
        account=home.account,
        owner=home.owner,
        public_keys=tuple(object_key(place.prefix, key) for key in (DISCOVERY_KEY, JWKS_KEY)),
        delete=home.delete_bucket,
    )
    documents = Documents(
        bucket=place.bucket,
        account=home.account,
        prefix=place.prefix,
        issuer=issuer,
        keys=(),
        owner=home.owner,
    )
    return OldBucket(bucket=bucket, documents=documents)
