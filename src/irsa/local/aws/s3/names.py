"""
Bucket names: which ones S3 takes, and which ones somebody else has already.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
Never here: buckets.
"""

import re

from irsa.local.aws.errors import ApiError

FOREIGN = frozenset({"amazon", "example-bucket", "taken-by-someone-else"})
_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3", "-an")


def check(name: str) -> None:
    """
    Hold a name against S3's rules.

    Raises:
        ApiError: InvalidBucketName.
    """
    fits = _FORM.fullmatch(name) and ".." not in name and not _ADDRESS.fullmatch(name)
    if not fits or name.startswith(_PREFIXES) or name.endswith(_SUFFIXES):
        raise ApiError(
            "InvalidBucketName",
            "The specified bucket is not valid.",
            details={"BucketName": name},
        )
