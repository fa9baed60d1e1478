"""
What one value may be, beyond its type: each rule takes it and says what is wrong, or None.

A sentence about a text goes on after the text ("… is not an account number").
Never here: rules over several keys, the place of a value in the file.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from irsa.arns import Arn, find_partition, is_account
from irsa.errors import InputError
from irsa.identity.issuer import IssuerUrl

Rule = Callable[[Any], str | None]

ACCOUNT = re.compile(r"^[0-9]{12}$")
BUCKET = re.compile(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
CLUSTER_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$")
PATH = re.compile(r"^(/|/[!-~]{1,510}/)$")
ROLE_NAME = re.compile(r"^[A-Za-z0-9_+=,.@-]{1,64}$")
UID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PART = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_PATTERN = re.compile(r"[a-z0-9.*?-]+")
_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_KID = re.compile(r"[!-~]{1,1024}")
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_RESERVED_BEGINNINGS = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_ENDINGS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_MAX_INLINE_POLICY = 10_240
_MAX_TAGS = 48
_TAG_CHARACTERS = frozenset(" _.:/=+-@")

PUBLISH_LATER = {
    "cloudfront": "is not built yet; publish to s3, whose objects AWS reads directly, or to a "
    "directory that your own web server shows",
}
ENGINE_LATER = {
    "policy": "is not built yet; the webhook gives pods the same role on every Kubernetes version",
}


def filled(text: str) -> str | None:
    """Some text: not empty, and without space around it."""
    return None if text and text == text.strip() else "is empty or has space around it"


def cluster_name(text: str) -> str | None:
    """A name that can begin a role's name, and be a tag and a label."""
    if CLUSTER_NAME.fullmatch(text):
        return None
    return "is not a cluster name: up to 63 letters, digits, dots, dashes and underscores"


def uid(text: str) -> str | None:
    """The uid of a Kubernetes object."""
    if UID.fullmatch(text):
        return None
    return (
        "is not a uid; `kubectl get namespace kube-system -o jsonpath={.metadata.uid}` prints "
        "the cluster's"
    )


def account(text: str) -> str | None:
    """An AWS account number."""
    return None if is_account(text) else "is not an AWS account number: exactly twelve digits"


def region(text: str) -> str | None:
    """The name of a region in one of AWS's partitions."""
    known = find_partition(text) is not None
    return None if known else "is not the name of an AWS region, such as eu-west-1"


def bucket(text: str) -> str | None:
    """The name of a general purpose bucket."""
    if not BUCKET.fullmatch(text):
        return (
            "is not a bucket name: 3 to 63 lower-case letters, digits, dashes and dots, "
            "with a letter or digit at both ends"
        )
    if ".." in text:
        return "is not a bucket name: two dots stand side by side"
    if _is_address(text):
        return "is not a bucket name: it looks like an IP address"
    if text.startswith(_RESERVED_BEGINNINGS) or text.endswith(_RESERVED_ENDINGS):
        return "is not a bucket name: S3 keeps this beginning or ending for itself"
    return None


def prefix(text: str) -> str | None:
    """A path inside a bucket that can be part of a URL as it stands."""
    if not text:
        return None
    if text.startswith("/") or text.endswith("/"):
        return "is not a prefix: no slash at its beginning or end"
    segments = text.split("/")
    if any(segment in {".", ".."} or not _SEGMENT.fullmatch(segment) for segment in segments):
        return (
            "is not a prefix: letters, digits and . _ ~ - only, in parts joined by single slashes"
        )
    return None


def kid(text: str) -> str | None:
    """A key id, as in the header of a token."""
    return None if _KID.fullmatch(text) else "is not a key id"


def audience(text: str) -> str | None:
    """An audience that IAM registers: 1 to 255 characters, no space."""
    if 1 <= len(text) <= 255 and not any(character.isspace() for character in text):
        return None
    return "is not an audience: 1 to 255 characters without space"


def namespace(text: str) -> str | None:
    """The name of a namespace."""
    if _LABEL.fullmatch(text):
        return None
    return "is not a namespace: up to 63 lower-case letters, digits and dashes"


def object_name(text: str) -> str | None:
    """The name of an object, such as a Secret."""
    return None if is_dns_name(text) else "is not the name of an object: a DNS name in lower case"


def role_pattern(text: str) -> str | None:
    """A pattern of the ARNs of roles."""
    parts = text.split(":", 5)
    if len(parts) == 6 and parts[0] == "arn" and parts[2] == "iam" and parts[5].startswith("role/"):
        return None
    return "is not a pattern of roles, such as arn:aws:iam::111122223333:role/shop/*"


def pattern_namespaces(values: Mapping[str, Sequence[str]]) -> str | None:
    """Namespaces, or `*`, each with patterns."""
    for key in values:
        if key != "*" and (complaint := namespace(key)):
            return f"names {_quoted(key)}, which {complaint}"
    return None


def annotation_prefix(text: str) -> str | None:
    """The prefix of annotations, which is a DNS name."""
    return None if is_dns_name(text) else "is not an annotation prefix: a DNS name in lower case"


def image(text: str) -> str | None:
    """A reference to an image."""
    good = text and not any(character.isspace() for character in text)
    return None if good else "is not the reference of an image"


def directory(text: str) -> str | None:
    """The path of a directory, or none."""
    return filled(text) if text else None


def issuer_url(text: str) -> str | None:
    """An issuer's URL that IAM takes, or none."""
    if not text:
        return None
    try:
        IssuerUrl.parse(text)
    except InputError as error:
        return f"is not an issuer: {error.message.partition(': ')[2]}"
    return None


def service_account(text: str) -> str | None:
    """A ServiceAccount as `namespace/name`, or a pattern of such."""
    parts = text.split("/")
    if len(parts) != 2 or not all(parts):
        return "is not a ServiceAccount: write it as namespace/name"
    if "*" in text or "?" in text:
        good = all(_PATTERN.fullmatch(part) for part in parts)
        return None if good else "is not a pattern of ServiceAccounts, such as shop/*"
    if namespace(parts[0]):
        return "has no proper namespace: up to 63 lower-case letters, digits and dashes"
    if not is_dns_name(parts[1]):
        return "has no proper name: up to 253 lower-case letters, digits, dashes and dots"
    return None


def role_name(text: str) -> str | None:
    """The name of a role."""
    if ROLE_NAME.fullmatch(text):
        return None
    return "is not a role name: 1 to 64 letters, digits and _ + = , . @ -"


def role_path(text: str) -> str | None:
    """The path of a role."""
    return None if PATH.fullmatch(text) else "is not a path: / alone, or /with/slashes/ at its ends"


def policy_arn(text: str) -> str | None:
    """The ARN of a managed policy, AWS's or an account's."""
    try:
        arn = Arn.parse(text)
    except InputError:
        return "is not an ARN, such as arn:aws:iam::aws:policy/ReadOnlyAccess"
    named = arn.resource.startswith("policy/") and not arn.resource.endswith("/")
    owned = arn.account == "aws" or is_account(arn.account)
    if arn.service == "iam" and not arn.region and named and owned:
        return None
    return "is not the ARN of an IAM policy, such as arn:aws:iam::aws:policy/ReadOnlyAccess"


def inline_policy(document: Mapping[str, Any]) -> str | None:
    """A policy document: Version and Statement, within IAM's size."""
    missing = [key for key in ("Version", "Statement") if key not in document]
    if missing:
        return f"has no {' and no '.join(missing)}"
    if document["Version"] not in ("2012-10-17", "2008-10-17"):
        return 'has an unknown Version; write Version: "2012-10-17"'
    if not document["Statement"] or not isinstance(document["Statement"], list | dict):
        return "has a Statement that is not a list of statements"
    size = len(re.sub(r"\s", "", json.dumps(document, separators=(",", ":"), ensure_ascii=False)))
    if size > _MAX_INLINE_POLICY:
        return f"is {size} characters long; IAM takes {_MAX_INLINE_POLICY}"
    return None


def tags(values: Mapping[str, str]) -> str | None:
    """As many tags as IAM takes, whose keys differ by more than case."""
    if len(values) > _MAX_TAGS:
        return f"holds {len(values)} tags; at most {_MAX_TAGS}, since irsa adds two to IAM's 50"
    twins = _first_double([key.lower() for key in values])
    return f"holds {_quoted(twins)} twice; IAM's keys do not differ by case" if twins else None


def tag(key: str, value: str) -> str | None:
    """One tag that IAM takes, and that is not irsa's or AWS's own."""
    if not 1 <= len(key) <= 128:
        return "is not the key of a tag: 1 to 128 characters"
    if key.lower().startswith(("aws:", "irsa:")):
        return "is not a tag of yours: aws: and irsa: are reserved"
    if len(value) > 256:
        return f"has a value of {len(value)} characters; at most 256"
    if not all(_fits_tag(character) for character in key + value):
        return "has a character that IAM refuses; letters, digits, space and _ . : / = + - @ only"
    return None


def at_least_one(values: Sequence[object]) -> str | None:
    """A list with something in it."""
    return None if values else "is an empty list"


def unique(values: Sequence[object]) -> str | None:
    """A list in which nothing stands twice."""
    double = _first_double(values)
    return None if double is None else f"names {_quoted(double)} twice"


def some_unique(values: Sequence[object]) -> str | None:
    """A list with something in it, and nothing twice."""
    return at_least_one(values) or unique(values)


def is_dns_name(text: str) -> bool:
    """Whether the text is a DNS subdomain as Kubernetes understands it: parts of any length."""
    return len(text) <= 253 and all(_PART.fullmatch(part) for part in text.split("."))


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _first_double(values: Sequence[object]) -> object | None:
    return next((value for at, value in enumerate(values) if value in values[:at]), None)


def _fits_tag(character: str) -> bool:
    return character.isalnum() or character in _TAG_CHARACTERS


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
