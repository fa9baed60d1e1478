"""
AWS partitions, and ARNs built and parsed with the right one.

A partition follows from the region, never from a host name: aws and aws-us-gov share their DNS
suffix. Source of the table: botocore's partitions.json.
Never here: AWS calls.
"""

import functools
import re
from dataclasses import dataclass

from irsa.errors import InputError

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One of AWS's separate worlds: its name in ARNs, and the suffix of its host names."""

    name: str
    dns_suffix: str
    regions: re.Pattern[str]


def _partition(name: str, dns_suffix: str, regions: str) -> Partition:
    return Partition(name=name, dns_suffix=dns_suffix, regions=re.compile(regions))


PARTITIONS = (
    _partition("aws", "amazonaws.com", r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+"),
    _partition("aws-cn", "amazonaws.com.cn", r"cn-[a-z]+-\d+"),
    _partition("aws-us-gov", "amazonaws.com", r"us-gov-[a-z]+-\d+"),
    _partition("aws-eusc", "amazonaws.eu", r"eusc-[a-z]+-[a-z]+-\d+"),
    _partition("aws-iso", "c2s.ic.gov", r"us-iso-[a-z]+-\d+"),
    _partition("aws-iso-b", "sc2s.sgov.gov", r"us-isob-[a-z]+-\d+"),
    _partition("aws-iso-e", "cloud.adc-e.uk", r"eu-isoe-[a-z]+-\d+"),
    _partition("aws-iso-f", "csp.hci.ic.gov", r"us-isof-[a-z]+-\d+"),
)


def partition_of(region: str) -> Partition:
    """
    The partition that a region belongs to.

    Raises:
        InputError: No partition has a region of such a name.
    """
    found = find_partition(region)
    if found is None:
        raise InputError(
            f"{region!r} is not the name of an AWS region",
            hint="for example eu-west-1 or us-gov-west-1",
        )
    return found


@functools.lru_cache(maxsize=64)
def find_partition(region: str) -> Partition | None:
    """The partition that a region belongs to; None if no partition has one of such a name."""
    return next((one for one in PARTITIONS if one.regions.fullmatch(region)), None)


def is_account(text: str) -> bool:
    """Whether the text is an AWS account number: exactly twelve digits."""
    return _ACCOUNT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """
    An Amazon Resource Name, `arn:partition:service:region:account:resource`.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """

    partition: str
    service: str
    region: str = ""
    account: str = ""
    resource: str

    @classmethod
    def parse(cls, text: str) -> "Arn":
        """
        Parse an ARN.

        Raises:
            InputError: The text is not an ARN of a known partition.
        """
        parts = text.split(":", 5)
        known = {partition.name for partition in PARTITIONS}
        if len(parts) != 6 or parts[0] != "arn" or parts[1] not in known or not parts[5]:
            raise InputError(
                f"{text!r} is not an ARN",
                hint="an ARN looks like arn:aws:iam::111122223333:role/NAME",
            )
        _, partition, service, region, account, resource = parts
        return cls(
            partition=partition, service=service, region=region, account=account, resource=resource
        )

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleArn:
    """The ARN of an IAM role: account, path (`/` or `/a/b/`) and name."""

    partition: str
    account: str
    path: str = "/"
    name: str

    @classmethod
    def parse(cls, text: str) -> "RoleArn":
        """
        Parse the ARN of an IAM role.

        Raises:
            InputError: The text is not the ARN of a role.
        """
        arn = Arn.parse(text)
        kind, _, rest = arn.resource.partition("/")
        path, _, name = rest.rpartition("/")
        fits = arn.service == "iam" and kind == "role" and not arn.region
        if not (fits and is_account(arn.account) and _ROLE_NAME.fullmatch(name)):
            raise InputError(
                f"{text!r} is not the ARN of an IAM role",
                hint="it looks like arn:aws:iam::111122223333:role/NAME",
            )
        return cls(
            partition=arn.partition,
            account=arn.account,
            path=f"/{path}/" if path else "/",
            name=name,
        )

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


def provider_arn(partition: str, account: str, provider: str) -> str:
    """The ARN of an IAM OIDC provider; `provider` is the issuer URL without `https://`."""
    return f"arn:{partition}:iam::{account}:oidc-provider/{provider}"


def bucket_arn(partition: str, bucket: str, key: str | None = None) -> str:
    """The ARN of a bucket, or of the objects under it that `key` names."""
    return f"arn:{partition}:s3:::{bucket}" + (f"/{key}" if key is not None else "")
