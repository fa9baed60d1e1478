"""
Which role a ServiceAccount grants: its annotations plus the defaults, judged once.

Every annotation name lives here, with EKS's words and meaning; the prefix can be changed.
Source: https://github.com/aws/amazon-eks-pod-identity-webhook#usage
Never here: pods, look-ups.
"""

from collections.abc import Iterator, Mapping

from msgspec import Struct, field

from irsa.arns import RoleArn, find_partition
from irsa.errors import InputError, excerpt
from irsa.trust.match import matches

DEFAULT_PREFIX = "eks.amazonaws.com"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
MIN_EXPIRATION = 600
MAX_EXPIRATION = 86_400
DEFAULT_MOUNT_PATH = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
_EVERY_NAMESPACE = "*"
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
MAX_SESSION_NAME = 64

ROLE_ARN = "role-arn"
AUDIENCE = "audience"
REGIONAL_STS = "sts-regional-endpoints"
TOKEN_EXPIRATION = "token-expiration"  # noqa: S105 # the name of an annotation
SKIP_CONTAINERS = "skip-containers"
SKIP_LABEL = "skip-pod-identity-webhook"

_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


class Defaults(Struct, frozen=True, kw_only=True):
    """
    What applies where a ServiceAccount says nothing.

    Args:
        prefix: What annotation names begin with, before the slash.
        region: Becomes AWS_REGION and AWS_DEFAULT_REGION; None adds neither.
        regional_sts: Whether AWS_STS_REGIONAL_ENDPOINTS is set where nothing is annotated; None
            sets it where the region is known.
        session_name: Whether AWS_ROLE_SESSION_NAME names the ServiceAccount.
        mount_path: Where the token is mounted.
        compose_account: Completes a role that is annotated as name or path, with the partition of
            the region; None takes whole ARNs only.
        allowed_accounts: The accounts whose roles may be injected; empty allows every account.
        allowed_roles: For a namespace, or `*` for every other one, the patterns of which one must
            fit a role's ARN; a namespace that is not there may have any role.
    """

    prefix: str = DEFAULT_PREFIX
    audience: str = DEFAULT_AUDIENCE
    expiration: int = MAX_EXPIRATION
    region: str | None = None
    regional_sts: bool | None = None
    session_name: bool = True
    mount_path: str = DEFAULT_MOUNT_PATH
    compose_account: str | None = None
    allowed_accounts: frozenset[str] = frozenset()
    allowed_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def partition(self) -> str | None:
        """The partition of the region; None if there is none, or nobody has heard of it yet."""
        found = find_partition(self.region) if self.region else None
        return found.name if found else None

    def patterns(self, namespace: str) -> tuple[str, ...] | None:
        """The patterns for the roles of a namespace; None if it may have any role."""
        return self.allowed_roles.get(namespace, self.allowed_roles.get(_EVERY_NAMESPACE))


class Grant(Struct, frozen=True, kw_only=True, gc=False):
    """A ServiceAccount and its role: what its pods are given, and what to tell their creators."""

    role_arn: str
    audience: str
    expiration: int
    region: str | None = None
    regional_sts: bool = False
    session_name: str | None = None
    mount_path: str = DEFAULT_MOUNT_PATH
    warnings: tuple[str, ...] = ()


class Refusal(Struct, frozen=True, kw_only=True, gc=False):
    """A role is annotated, and not given: why, for whoever creates the pod."""

    reason: str


Verdict = Grant | Refusal | None


def grant_of(
    annotations: Mapping[str, str], defaults: Defaults, *, namespace: str, name: str
) -> Verdict:
    """
    What the annotations of a ServiceAccount grant to its pods.

    Args:
        annotations: Its annotations.
        defaults: What applies where they say nothing, and what must not be given.
        namespace: Its namespace.
        name: Its name.

    Returns:
        None if no role is annotated; a Refusal if there is one that must not be given.
    """
    text = _annotation(annotations, ROLE_ARN, defaults.prefix)
    if not text:
        return None
    text = _composed(text, defaults)
    try:
        role = RoleArn.parse(text)
    except InputError:
        reason = f"{defaults.prefix}/{ROLE_ARN}: {excerpt(text)!r} is not the ARN of an IAM role"
        return Refusal(reason=reason)
    if defaults.allowed_accounts and role.account not in defaults.allowed_accounts:
        return Refusal(reason=f"account {role.account} is not among the allowed accounts")
    patterns = defaults.patterns(namespace)
    if patterns is not None and not any(matches(pattern, text) for pattern in patterns):
        return Refusal(reason=f"{text} is not among the roles allowed in namespace {namespace}")
    return Grant(
        role_arn=text,
        audience=_annotation(annotations, AUDIENCE, defaults.prefix) or defaults.audience,
        expiration=_seconds(annotations, defaults.prefix, default=defaults.expiration),
        region=defaults.region,
        regional_sts=_regional_sts(annotations, defaults),
        session_name=session_name(namespace, name) if defaults.session_name else None,
        mount_path=defaults.mount_path,
        warnings=tuple(_warnings(annotations, role, defaults)),
    )


def session_name(namespace: str, name: str) -> str:
    """`NAMESPACE.NAME`, which CloudTrail shows; a long one ends in a hash instead of its rest."""
    full = f"{namespace}.{name}"
    if len(full) <= MAX_SESSION_NAME:
        return full
    import hashlib  # heavy, and few names are as long

    digest = hashlib.sha256(full.encode()).hexdigest()[:8]
    return f"{full[: MAX_SESSION_NAME - 9]}-{digest}"


def pod_expiration(annotations: Mapping[str, str], grant: Grant, *, prefix: str) -> int:
    """The life of the token in seconds: the pod's own annotation goes before the grant's."""
    return _seconds(annotations, prefix, default=grant.expiration)


def skipped_containers(annotations: Mapping[str, str], *, prefix: str) -> frozenset[str]:
    """The names of the containers that the pod's annotation leaves out."""
    text = _annotation(annotations, SKIP_CONTAINERS, prefix)
    if not text:
        return frozenset()
    return frozenset(name.strip().strip('"') for name in text.split(",")) - {""}


def expiration_warnings(annotations: Mapping[str, str], *, prefix: str) -> Iterator[str]:
    """What is wrong with an annotated life of the token; something else is taken instead."""
    text = _annotation(annotations, TOKEN_EXPIRATION, prefix)
    if not text:
        return
    shown = f"{prefix}/{TOKEN_EXPIRATION}: {excerpt(text)!r}"
    if not _is_number(text):
        yield f"{shown} is not a number of seconds; the default applies"
    elif (used := _bounded(_number(text))) != _number(text):
        yield f"{shown} is not between {MIN_EXPIRATION} and {MAX_EXPIRATION}; {used} is used"


def _composed(text: str, defaults: Defaults) -> str:
    if defaults.compose_account is None or text.startswith("arn:"):
        return text
    return (
        f"arn:{defaults.partition or 'aws'}:iam::{defaults.compose_account}:role/{text.lstrip('/')}"
    )


def _regional_sts(annotations: Mapping[str, str], defaults: Defaults) -> bool:
    known = defaults.region is not None
    otherwise = known if defaults.regional_sts is None else defaults.regional_sts
    text = _annotation(annotations, REGIONAL_STS, defaults.prefix).lower()
    return _BOOLEANS.get(text, otherwise)


def _warnings(annotations: Mapping[str, str], role: RoleArn, defaults: Defaults) -> Iterator[str]:
    prefix = defaults.prefix
    yield from expiration_warnings(annotations, prefix=prefix)
    regional = _annotation(annotations, REGIONAL_STS, prefix)
    if regional and regional.lower() not in _BOOLEANS:
        yield f"{prefix}/{REGIONAL_STS}: {excerpt(regional)!r} is neither true nor false"
    if f"{prefix}/{AUDIENCE}" in annotations and not _annotation(annotations, AUDIENCE, prefix):
        yield f"{prefix}/{AUDIENCE} is empty; {defaults.audience} is used"
    if defaults.partition and defaults.partition != role.partition:
        yield f"a role of the partition {role.partition} does not exist in {defaults.region}"


def _annotation(annotations: Mapping[str, str], name: str, prefix: str) -> str:
    return annotations.get(f"{prefix}/{name}", "").strip()


def _seconds(annotations: Mapping[str, str], prefix: str, *, default: int) -> int:
    text = _annotation(annotations, TOKEN_EXPIRATION, prefix)
    return _bounded(_number(text) if _is_number(text) else default)


def _is_number(text: str) -> bool:
    # Digits only: int() would also take "+6_00", and refuse numbers of thousands of digits.
    return text.isascii() and text.isdecimal()


def _bounded(seconds: int) -> int:
    return min(max(seconds, MIN_EXPIRATION), MAX_EXPIRATION)


def _number(digits: str) -> int:
    return int(digits.lstrip("0")[:9] or "0")
