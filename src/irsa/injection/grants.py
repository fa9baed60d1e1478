"""
Which role a ServiceAccount grants: its annotations plus the defaults, judged once.

Every annotation name lives here, with EKS's words and meaning; the prefix can be changed.
Source: https://github.com/aws/amazon-eks-pod-identity-webhook#usage
Never here: pods, look-ups.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from irsa.arns import RoleArn
from irsa.errors import InputError, excerpt

DEFAULT_PREFIX = "eks.amazonaws.com"
DEFAULT_AUDIENCE = "sts.amazonaws.com"
MIN_EXPIRATION = 600
MAX_EXPIRATION = 86_400

ROLE_ARN = "role-arn"
AUDIENCE = "audience"
REGIONAL_STS = "sts-regional-endpoints"
TOKEN_EXPIRATION = "token-expiration"  # noqa: S105 # the name of an annotation
SKIP_CONTAINERS = "skip-containers"
SKIP_LABEL = "skip-pod-identity-webhook"

_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """
    What applies where a ServiceAccount says nothing.

    Args:
        prefix: What annotation names begin with, before the slash.
        region: Becomes AWS_REGION and AWS_DEFAULT_REGION; None adds neither.
        regional_sts: Whether AWS_STS_REGIONAL_ENDPOINTS is set where nothing is annotated.
        allowed_accounts: The accounts whose roles may be injected; empty allows every account.
    """

    prefix: str = DEFAULT_PREFIX
    audience: str = DEFAULT_AUDIENCE
    expiration: int = MAX_EXPIRATION
    region: str | None = None
    regional_sts: bool = False
    allowed_accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A ServiceAccount and its role: what its pods are given."""

    role_arn: str
    audience: str
    expiration: int
    region: str | None = None
    regional_sts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A role is annotated, and not given: why, for whoever creates the pod."""

    reason: str


Verdict = Grant | Refusal | None


def grant_of(annotations: Mapping[str, str], defaults: Defaults) -> Verdict:
    """
    What the annotations of a ServiceAccount grant to its pods.

    Returns:
        None if no role is annotated; a Refusal if there is one that must not be given.
    """
    text = _annotation(annotations, ROLE_ARN, defaults.prefix)
    if not text:
        return None
    try:
        role = RoleArn.parse(text)
    except InputError:
        reason = f"{defaults.prefix}/{ROLE_ARN}: {excerpt(text)!r} is not the ARN of an IAM role"
        return Refusal(reason=reason)
    if defaults.allowed_accounts and role.account not in defaults.allowed_accounts:
        return Refusal(reason=f"account {role.account} is not among the allowed accounts")
    return _grant(text, annotations, defaults)


def pod_expiration(annotations: Mapping[str, str], grant: Grant, *, prefix: str) -> int:
    """The life of the token in seconds: the pod's own annotation goes before the grant's."""
    return _expiration(_annotation(annotations, TOKEN_EXPIRATION, prefix), grant.expiration)


def skipped_containers(annotations: Mapping[str, str], *, prefix: str) -> frozenset[str]:
    """The names of the containers that the pod's annotation leaves out."""
    names = _annotation(annotations, SKIP_CONTAINERS, prefix).split(",")
    return frozenset(name.strip().strip('"') for name in names) - {""}


def _grant(role_arn: str, annotations: Mapping[str, str], defaults: Defaults) -> Grant:
    regional = _annotation(annotations, REGIONAL_STS, defaults.prefix).lower()
    expiration = _annotation(annotations, TOKEN_EXPIRATION, defaults.prefix)
    return Grant(
        role_arn=role_arn,
        audience=_annotation(annotations, AUDIENCE, defaults.prefix) or defaults.audience,
        expiration=_expiration(expiration, defaults.expiration),
        region=defaults.region,
        regional_sts=_BOOLEANS.get(regional, defaults.regional_sts),
    )


def _annotation(annotations: Mapping[str, str], name: str, prefix: str) -> str:
    return annotations.get(f"{prefix}/{name}", "").strip()


def _expiration(text: str, default: int) -> int:
    # Digits only: int() would also take "+6_00", and refuse numbers of thousands of digits.
    digits = text if text.isascii() and text.isdecimal() else str(default)
    wanted = int(digits.lstrip("0")[:9] or "0")
    return min(max(wanted, MIN_EXPIRATION), MAX_EXPIRATION)
