"""
The bucket that the issuer's documents are read from.

Public by its policy, for exactly two objects; access lists stay off.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irsa.arns import bucket_arn
from irsa.aws.call import Call
from irsa.errors import AwsError, RefusedError
from irsa.provision.bucket_settings import OWNERSHIP, BucketState, read_state, settings
from irsa.provision.owner import Owner, tag_list, whose
from irsa.provision.resource import Action, Change, Diff, Field, Reader, Step

KIND = "bucket"

# The only region that wants no location constraint.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
_CLASSIC_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """
    The bucket as it should be.

    Args:
        name: Its name.
        region: Where it is.
        partition: The partition, for ARNs.
        account: The account that must own it.
        owner: The cluster that it belongs to.
        public_keys: The keys of the objects that everybody may read.
        delete: Whether a removal removes the bucket itself, or only makes it private.
    """

    name: str
    region: str
    partition: str
    account: str
    owner: Owner
    public_keys: tuple[str, ...]
    delete: bool = False

    @property
    def policy(self) -> dict[str, Any]:
        """The bucket's policy: everybody may read the public objects, and may do nothing else."""
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "IrsaDiscovery",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": [
                        bucket_arn(self.partition, self.name, key) for key in self.public_keys
                    ],
                }
            ],
        }

    def read(self, reader: Reader) -> BucketState | None:
        """
        Read the bucket; None if there is none.

        Raises:
            RefusedError: It belongs to another account.
        """
        if self._head(reader) is None:
            return None
        return read_state(lambda operation: reader.aws(self._call(operation)) or {})

    def changes(self, observed: BucketState | None) -> Diff:
        """
        What makes the bucket as it should be.

        Raises:
            RefusedError: The bucket is not this cluster's.
        """
        if observed is None:
            return self._diff(Action.create, self._creation(), BucketState(tags={}))
        self.owner.require_tags(f"bucket {self.name}", observed.tags, adopt=self._adoption())
        return self._diff(Action.change, (), observed)

    def removal(self, observed: BucketState | None) -> Diff:
        """
        What takes the bucket back: public no more, or gone.

        Raises:
            RefusedError: It should be deleted, but holds objects that irsa did not write.
        """
        if observed is None:
            return Diff()
        if not self.owner.owns_tagged(observed.tags):
            return Diff(notes=(f"bucket {self.name} {whose(observed.tags)}: left alone",))
        if self.delete:
            return self._deletion(observed)
        kept = f"bucket {self.name} is kept, emptied and private, so that nobody else can take "
        notes = (kept + "its name while someone trusts it; --delete-bucket removes it",)
        if observed.policy is None:
            return Diff(notes=notes)
        closed = Field(name="policy", before=observed.policy)
        steps = (self._call("DeleteBucketPolicy"),)
        return Diff(changes=(self._change(Action.change, (closed,), steps),), notes=notes)

    def _deletion(self, observed: BucketState) -> Diff:
        foreign = sorted(observed.keys - set(self.public_keys))
        if foreign:
            raise RefusedError(
                f"bucket {self.name} holds objects that irsa did not write, such as {foreign[0]}",
                hint="move them away first, or leave --delete-bucket out",
            )
        return Diff(
            changes=(self._change(Action.remove, (), (self._call("DeleteBucket"),)),),
        )

    def _head(self, reader: Reader) -> Mapping[str, Any] | None:
        try:
            return reader.aws(self._call("HeadBucket"))
        except AwsError as error:
            if error.code not in {"403", "AccessDenied"}:
                raise
            raise RefusedError(
                f"bucket {self.name} belongs to another account, or the caller may not see it "
                f"(s3:ListBucket): AWS answers {error.code}",
                hint="names of buckets are unique in the world: choose another issuer.bucket",
            ) from error

    def _call(self, operation: str, **params: Any) -> Call:
        return Call(
            service="s3",
            operation=operation,
            params={"Bucket": self.name, "ExpectedBucketOwner": self.account, **params},
        )

    def _creation(self) -> tuple[Step, ...]:
        configuration: dict[str, Any] = {"Tags": tag_list(self.owner.tags)}
        if self.region != _CLASSIC_REGION:
            configuration["LocationConstraint"] = self.region
        params = {
            "Bucket": self.name,
            "ObjectOwnership": OWNERSHIP,
            "CreateBucketConfiguration": configuration,
        }
        return (Call(service="s3", operation="CreateBucket", params=params),)

    def _diff(self, action: Action, first: tuple[Step, ...], observed: BucketState) -> Diff:
        tags = {**observed.tags, **self.owner.tags}
        differing = [one for one in settings(tags, self.policy) if one.differs(observed)]
        if not differing:
            return Diff()
        fields = tuple(one.field(observed) for one in differing)
        if action is Action.create:
            fields = self._face()
        calls = (self._call(one.operation, **one.params) for one in differing)
        return Diff(changes=(self._change(action, fields, (*first, *calls)),))

    def _face(self) -> tuple[Field, ...]:
        return (
            Field(name="region", after=self.region),
            Field(name="settings", after="versioned, encrypted (SSE-S3), no access lists"),
            Field(name="readable by everybody", after=list(self.public_keys)),
        )

    def _change(self, action: Action, fields: tuple[Field, ...], steps: tuple[Step, ...]) -> Change:
        return Change(kind=KIND, name=self.name, action=action, fields=fields, steps=steps)

    def _adoption(self) -> str:
        return (
            "choose another issuer.bucket; a bucket of your own can be handed over by tagging it: "
            + ", ".join(f"{key}={value}" for key, value in self.owner.tags.items())
        )
