"""
A bucket that is somebody else's: only looked at, never changed, never deleted.

Several clusters may publish in it, a prefix each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from irsa.aws.call import Call
from irsa.errors import AwsError, RefusedError
from irsa.provision.owner import UID_TAG, Owner, tag_map, whose
from irsa.provision.resource import Diff, Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBucket:
    """
    The bucket as it is needed: there, in this account, and no other cluster's own.

    Args:
        name: Its name.
        account: The account that must own it.
        owner: The cluster that wants to publish in it.
    """

    name: str
    account: str
    owner: Owner

    needs_others: ClassVar[bool] = True

    def read(self, reader: Reader) -> Mapping[str, str] | None:
        """
        Read the bucket's tags; None if there is no such bucket.

        Raises:
            RefusedError: It belongs to another account.
        """
        try:
            found = reader.aws(self._call("HeadBucket"))
        except AwsError as error:
            if error.code not in {"403", "AccessDenied"}:
                raise
            raise RefusedError(
                f"bucket {self.name} belongs to another account, or the caller may not see it "
                f"(s3:ListBucket): AWS answers {error.code}",
                hint="the bucket has to be in aws.account",
            ) from error
        if found is None:
            return None
        return tag_map((reader.aws(self._call("GetBucketTagging")) or {}).get("TagSet", ()))

    def changes(self, observed: Mapping[str, str] | None) -> Diff:
        """
        Nothing to change; only reasons to refuse.

        Raises:
            RefusedError: There is no such bucket, or it is another cluster's own.
        """
        if observed is None:
            raise RefusedError(
                f"bucket {self.name} does not exist; issuer.manageBucket: false uses one that "
                "somebody else made",
                hint="have it made first, or leave issuer.manageBucket out: then irsa makes it",
            )
        if UID_TAG in observed and not self.owner.owns_tagged(observed):
            raise RefusedError(
                f"bucket {self.name} {whose(observed)}, whose irsa manages it",
                hint="a shared bucket belongs to no cluster: choose another issuer.bucket",
            )
        return Diff()

    def removal(self, observed: Mapping[str, str] | None) -> Diff:
        """Nothing to remove."""
        if observed is None:
            return Diff()
        return Diff(notes=(f"bucket {self.name} is not irsa's (manageBucket: false): left alone",))

    def _call(self, operation: str) -> Call:
        params = {"Bucket": self.name, "ExpectedBucketOwner": self.account}
        return Call(service="s3", operation=operation, params=params)
