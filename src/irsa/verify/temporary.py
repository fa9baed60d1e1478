"""
What a verification makes in AWS for its own time: one role and one bucket.

The role lies under a path of the cluster's own, and is made first and removed last: whatever an
interrupted run left is found through it.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from irsa.arns import RoleArn, bucket_arn, partition_of, provider_arn
from irsa.aws.call import Call
from irsa.config import Config
from irsa.errors import AwsError
from irsa.provision.world import AwsDoor
from irsa.trust import policy
from irsa.verify.echo import PREFIX, Echo

_INLINE = "irsa-verify"


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """The names of one run's role and bucket; they follow from the cluster and the run."""

    config: Config
    run: str

    @property
    def path(self) -> str:
        """The IAM path under which this cluster's verification roles lie."""
        return f"/{PREFIX}/{self.config.cluster.uid}/"

    @property
    def role(self) -> str:
        """The role's name."""
        return f"{PREFIX}-{self.run}"

    @property
    def role_arn(self) -> str:
        """The role's ARN."""
        aws = self.config.aws
        partition = partition_of(aws.region).name
        return str(
            RoleArn(partition=partition, account=aws.account, path=self.path, name=self.role)
        )

    @property
    def bucket(self) -> str:
        """The bucket's name: no other cluster's or account's run can have the same."""
        scope = f"{self.config.aws.account}/{self.config.cluster.uid}"
        return f"{PREFIX}-{sha256(scope.encode()).hexdigest()[:12]}-{self.run}"

    def role_calls(self, echo: Echo) -> list[Call]:
        """Make the role: the pod's ServiceAccount may assume it, and write just its own object."""
        aws = self.config.aws
        partition = partition_of(aws.region).name
        issuer = self.config.issuer_url
        trust = policy.build(
            provider_arn=provider_arn(partition, aws.account, issuer.provider),
            issuer=issuer,
            subjects=[policy.subject(echo.namespace, echo.service_account)],
            audience=self.config.issuer.audiences[0],
        )
        return [
            Call(
                service="iam",
                operation="CreateRole",
                params={
                    "RoleName": self.role,
                    "Path": self.path,
                    "AssumeRolePolicyDocument": json.dumps(trust),
                    "Description": "irsa verify; removed when the verification ends",
                    "Tags": self._tags(),
                },
            ),
            Call(
                service="iam",
                operation="PutRolePolicy",
                params={
                    "RoleName": self.role,
                    "PolicyName": _INLINE,
                    "PolicyDocument": json.dumps(_own_object(partition, echo)),
                },
            ),
        ]

    def bucket_call(self) -> Call:
        """Make the bucket, private as all new buckets are."""
        region = self.config.aws.region
        params: dict[str, object] = {"Bucket": self.bucket}
        if region != "us-east-1":
            params["CreateBucketConfiguration"] = {"LocationConstraint": region}
        return Call(service="s3", operation="CreateBucket", params=params)

    def remove(self, aws: AwsDoor) -> None:
        """Remove bucket and role with all that is in them, as far as they exist."""
        owner = {"Bucket": self.bucket, "ExpectedBucketOwner": self.config.aws.account}
        remove_objects(aws, owner)
        _gone(aws, Call(service="s3", operation="DeleteBucket", params=owner))
        _gone(
            aws,
            Call(
                service="iam",
                operation="DeleteRolePolicy",
                params={"RoleName": self.role, "PolicyName": _INLINE},
            ),
        )
        _gone(aws, Call(service="iam", operation="DeleteRole", params={"RoleName": self.role}))

    def _tags(self) -> list[dict[str, str]]:
        cluster = self.config.cluster
        return [
            {"Key": "irsa:cluster", "Value": cluster.name},
            {"Key": "irsa:cluster-uid", "Value": cluster.uid},
        ]


def left_behind(config: Config, aws: AwsDoor) -> Iterable[Temporary]:
    """What earlier runs of this cluster left because they were killed."""
    path = Temporary(config=config, run="").path
    found = aws.read(Call(service="iam", operation="ListRoles", params={"PathPrefix": path})) or {}
    for role in found.get("Roles", ()):
        yield Temporary(config=config, run=role["RoleName"].removeprefix(f"{PREFIX}-"))


def _own_object(partition: str, echo: Echo) -> dict[str, object]:
    # S3 puts the caller's unique id in place of the variable: nobody else's object fits.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    key = f"{echo.key_prefix}/${{aws:userid}}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:PutObject",
                "Resource": bucket_arn(partition, echo.bucket, key),
            }
        ],
    }


def remove_objects(aws: AwsDoor, bucket: dict[str, str], *, prefix: str = "") -> None:
    """Remove the objects of a bucket, or those of a prefix; `bucket` is what names it in a call."""
    where = {**bucket, "Prefix": prefix} if prefix else bucket
    listed = aws.read(Call(service="s3", operation="ListObjectsV2", params=where)) or {}
    for entry in listed.get("Contents", ()):
        params = {**bucket, "Key": entry["Key"]}
        aws.call(Call(service="s3", operation="DeleteObject", params=params))


def _gone(aws: AwsDoor, call: Call) -> None:
    try:
        aws.call(call)
    except AwsError as error:
        if error.code not in {"NoSuchEntity", "NoSuchBucket"}:
            raise
