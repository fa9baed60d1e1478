"""
The issuer URL: parsed once, then trusted.

It is compared as a plain string by IAM, STS and every verifier, and is there for good: what IAM
or S3 would refuse later is refused here.
Never here: HTTP.
"""

import ipaddress
import re
from dataclasses import dataclass

from irsa.arns import PARTITIONS, partition_of
from irsa.errors import InputError

DISCOVERY_KEY = ".well-known/openid-configuration"
JWKS_KEY = "keys.json"
MAX_LENGTH = 255

_SCHEME = "https://"
_EXAMPLE = "an issuer looks like https://BUCKET.s3.eu-west-1.amazonaws.com"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# RFC 3986's unreserved characters: they mean the same in a URL, an ARN and a condition key.
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_BUCKET = re.compile(r"(xn--|sthree-|amzn-s3-demo-).*|.*(-s3alias|--ol-s3|\.mrap|--x-s3)")
_SUFFIXES = "|".join(
    re.escape(suffix)
    for suffix in sorted({p.dns_suffix for p in PARTITIONS}, key=lambda s: (-len(s), s))
)
_S3_HOST = re.compile(
    rf"((?P<bucket>.+)\.)?s3(?P<website>-website)?([.-](dualstack\.)?[a-z]+(-[a-z]+)+-\d+)?"
    rf"\.({_SUFFIXES})"
)
_REGIONAL_HOST = re.compile(rf"((?P<bucket>[^.]+)\.)?s3\.(?P<region>[a-z0-9-]+)\.({_SUFFIXES})")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerUrl:
    """
    The URL that a cluster's tokens carry as `iss`.

    Args:
        host: Lower case, without port.
        path: Empty, or `/a/b` without a slash at the end.
    """

    host: str
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> "IssuerUrl":
        """
        Parse an issuer URL.

        Raises:
            InputError: IAM or S3 would refuse it, or it would not compare equal everywhere.
        """
        _check_text(text)
        host, slash, path = text.removeprefix(_SCHEME).partition("/")
        _check_host(text, host)
        _check_path(text, slash + path)
        _check_s3(text, host, path=path)
        return cls(host=host, path=slash + path)

    @classmethod
    def for_bucket(cls, bucket: str, *, region: str, prefix: str = "") -> "IssuerUrl":
        """
        The URL of a public bucket: virtual-hosted, or path-style when its name has dots.

        Args:
            bucket: The bucket's name.
            region: The bucket's region.
            prefix: Where the documents are in the bucket, such as `clusters/prod`.

        Raises:
            InputError: The bucket, region or prefix cannot be used.
        """
        check_bucket_name(bucket)
        endpoint = f"s3.{region}.{partition_of(region).dns_suffix}"
        tail = f"/{prefix}" if prefix else ""
        if "." in bucket:
            return cls.parse(f"{_SCHEME}{endpoint}/{bucket}{tail}")
        return cls.parse(f"{_SCHEME}{bucket}.{endpoint}{tail}")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.provider}"

    @property
    def provider(self) -> str:
        """The URL without its scheme: IAM's name for the provider, and condition-key prefix."""
        return f"{self.host}{self.path}"

    @property
    def discovery_url(self) -> str:
        """Where the discovery document is."""
        return f"{self}/{DISCOVERY_KEY}"

    @property
    def jwks_url(self) -> str:
        """Where we publish the JWKS."""
        return f"{self}/{JWKS_KEY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in S3 the documents of an issuer are."""

    bucket: str
    region: str
    prefix: str


def place_of(issuer: IssuerUrl) -> Place | None:
    """The inverse of `IssuerUrl.for_bucket`; None if the issuer is not such a URL."""
    match = _REGIONAL_HOST.fullmatch(issuer.host)
    if match is None:
        return None
    path = issuer.path.removeprefix("/")
    bucket, prefix = match["bucket"], path
    if bucket is None:
        bucket, _, prefix = path.partition("/")
    try:
        again = IssuerUrl.for_bucket(bucket, region=match["region"], prefix=prefix)
    except InputError:
        return None
    return Place(bucket=bucket, region=match["region"], prefix=prefix) if again == issuer else None


def check_bucket_name(name: str) -> None:
    """
    Check that S3 takes a name for a new bucket.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html

    Raises:
        InputError: It does not.
    """
    fits = _BUCKET.fullmatch(name) and ".." not in name and not _RESERVED_BUCKET.fullmatch(name)
    if not fits or _is_address(name):
        raise InputError(
            f"{name!r} cannot be the name of a bucket",
            hint="3 to 63 lower-case letters, digits and hyphens, such as prod-eu-irsa-7f3a",
        )


def _refuse(text: str, why: str, *, hint: str = _EXAMPLE) -> InputError:
    shown = text if len(text) <= MAX_LENGTH else f"{text[:60]}…"
    return InputError(f"{shown!r} cannot be an issuer: {why}", hint=hint)


def _check_text(text: str) -> None:
    if not text.startswith(_SCHEME):
        raise _refuse(text, "it does not begin with https://")
    if len(text) > MAX_LENGTH:
        raise _refuse(text, f"it has {len(text)} characters; IAM takes {MAX_LENGTH} at most")
    for mark, name in (("?", "a query"), ("#", "a fragment")):
        if mark in text:
            raise _refuse(text, f"it has {name}", hint=f"leave out everything from the {mark!r} on")


def _check_host(text: str, host: str) -> None:
    if "@" in host:
        raise _refuse(text, "it names a user", hint="leave out everything up to the '@'")
    if _is_address(host.strip("[]")) or host.startswith("["):
        raise _refuse(text, "its host is an IP address", hint="AWS needs a public host name")
    if ":" in host:
        raise _refuse(text, "it names a port", hint="serve it on port 443 and leave the port out")
    if host != host.lower():
        raise _refuse(text, "its host has upper case", hint=f"write {host.lower()}")
    labels = host.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise _refuse(text, f"{host!r} is not a public host name")


def _check_path(text: str, path: str) -> None:
    if path.endswith("/"):
        raise _refuse(text, "it ends with a slash", hint=f"write {text.rstrip('/')}")
    for segment in path.split("/")[1:]:
        if not segment:
            raise _refuse(text, "its path has an empty segment", hint="write single slashes")
        if segment in {".", ".."} or not _SEGMENT.fullmatch(segment):
            raise _refuse(
                text,
                f"its path has the segment {segment!r}",
                hint="use letters, digits and . _ ~ - only: they mean the same in a URL and an ARN",
            )


def _check_s3(text: str, host: str, *, path: str) -> None:
    match = _S3_HOST.fullmatch(host)
    if match is None:
        return
    bucket = match["bucket"]
    if match["website"]:
        raise _refuse(text, "S3 website endpoints have no HTTPS", hint=_EXAMPLE)
    if bucket is None and not path:
        raise _refuse(text, "it names no bucket")
    if bucket is not None and "." in bucket:
        raise _refuse(
            text,
            f"S3's certificate does not cover the dots of the bucket {bucket!r}",
            hint=f"write {_SCHEME}{host.removeprefix(bucket + '.')}/{bucket}",
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
