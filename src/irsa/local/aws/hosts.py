"""
AWS's host names: which service, region, bucket or account a name stands for.

Source: botocore's endpoint rules; partitions as in `irsa.arns`.
Never here: what is answered there.
"""

import re
from dataclasses import dataclass

from irsa.arns import PARTITIONS, Partition, find_partition

GLOBAL_REGIONS = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}
_DUALSTACK_SUFFIXES = {
    "api.aws": "aws",
    "api.amazonwebservices.com.cn": "aws-cn",
    "api.amazonwebservices.eu": "aws-eusc",
    "api.aws.ic.gov": "aws-iso",
    "api.aws.scloud": "aws-iso-b",
}
_REGION = r"(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d)"
_FORMS = (
    ("s3control", rf"(?P<account>\d{{12}})\.s3-control(?:-fips)?(?:\.dualstack)?\.{_REGION}"),
    ("s3", rf"(?:(?P<bucket>.+)\.)?s3(?:-fips)?(?:\.dualstack)?\.{_REGION}"),
    ("s3", rf"(?:(?P<bucket>.+)\.)?s3-{_REGION}"),
    ("s3", r"(?:(?P<bucket>.+)\.)?s3"),
    ("sso-oidc", rf"oidc(?:-fips)?\.{_REGION}"),
    ("sso", rf"portal\.sso(?:-fips)?\.{_REGION}"),
    ("sso-device", rf"device\.sso\.{_REGION}"),
    ("sts", rf"sts(?:-fips)?(?:\.{_REGION})?"),
    ("iam", rf"iam(?:-fips)?(?:\.(?:global|us-gov|{_REGION}))?"),
)
_PATTERNS = tuple((service, re.compile(form)) for service, form in _FORMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """
    What a host name stands for.

    Args:
        bucket: Where the name carries one.
        account: Where the name carries one.
        global_name: Whether the name has no region; a bucket is then found in its own.
    """

    service: str
    region: str
    partition: str
    bucket: str | None = None
    account: str | None = None
    global_name: bool = False


def target_of(host: str) -> Target | None:
    """The service behind a host name of AWS; None if it is not one that is served here."""
    for suffix, partition in _suffixes():
        stem = host.removesuffix("." + suffix)
        if stem != host and (target := _match(stem, partition)):
            return target
    return None


def _suffixes() -> list[tuple[str, str]]:
    known = [(partition.dns_suffix, partition.name) for partition in PARTITIONS]
    return sorted([*known, *_DUALSTACK_SUFFIXES.items()], key=lambda pair: -len(pair[0]))


def _match(stem: str, partition: str) -> Target | None:
    for service, pattern in _PATTERNS:
        if found := pattern.fullmatch(stem):
            return _target(service, stem, partition, found.groupdict())
    return None


def _target(service: str, stem: str, partition: str, parts: dict[str, str | None]) -> Target | None:
    region = parts.get("region")
    home = _partition_of(region) if region else _global_partition(stem, partition)
    if home is None or _suffix_of(home) != _suffix_of(partition):
        return None
    return Target(
        service=service,
        region=region if region and service != "iam" else GLOBAL_REGIONS[home],
        partition=home,
        bucket=parts.get("bucket"),
        account=parts.get("account"),
        global_name=region is None,
    )


def _global_partition(stem: str, partition: str) -> str | None:
    if stem == "iam.us-gov":
        return "aws-us-gov" if partition == "aws" else None
    return partition if partition == "aws" else None


def _partition_of(region: str) -> str | None:
    found = find_partition(region)
    return found.name if found else None


def _suffix_of(name: str) -> str:
    found: Partition = next(partition for partition in PARTITIONS if partition.name == name)
    return found.dns_suffix
