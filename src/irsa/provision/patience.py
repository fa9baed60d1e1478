"""
Which refusals of AWS pass by themselves: what was made a moment ago is not known everywhere yet.

The same call is repeated then; where another one may be needed, `overtaken.py` says so.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
Never here: sleeping.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from irsa.aws.call import Call
from irsa.errors import AwsError

# Refusals of a removal that say that it has happened already.
GONE = frozenset(
    {"NoSuchEntity", "NoSuchBucket", "NoSuchBucketPolicy", "NoSuchKey", "NoSuchVersion"}
)

_SETTLING = 90.0
_SHORT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a call is worth repeating, and why, for the reader."""

    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A refusal that passes: of which call (None: any), after which other call, and its text."""

    codes: frozenset[str]
    patience: Patience
    call: str | None = None
    after: str | None = None
    mentions: str = ""

    def fits(self, call: Call, error: AwsError, done: frozenset[str]) -> bool:
        return (
            error.code in self.codes
            and self.call in (None, call.name)
            and (self.after is None or self.after in done)
            and self.mentions in error.message.lower()
        )


def _rule(  # noqa: PLR0913 # a row of the table below
    codes: str,
    seconds: float,
    reason: str,
    *,
    of: str | None = None,
    after: str | None = None,
    mentions: str = "",
) -> _Rule:
    return _Rule(
        codes=frozenset(codes.split()),
        patience=Patience(seconds=seconds, reason=reason),
        call=of,
        after=after,
        mentions=mentions,
    )


_RULES = (
    _rule(
        "ConcurrentModification OperationAborted",
        _SETTLING,
        "AWS is still busy with an earlier change",
    ),
    _rule(
        "AccessDenied",
        _SHORT,
        "S3 does not allow public policies here yet",
        of="s3:PutBucketPolicy",
        after="s3:PutPublicAccessBlock",
    ),
    _rule(
        "NoSuchBucket",
        _SETTLING,
        "the new bucket is not known everywhere yet",
        after="s3:CreateBucket",
    ),
    _rule(
        "NoSuchEntity",
        _SETTLING,
        "the new role is not known everywhere yet",
        after="iam:CreateRole",
        mentions="role with name",
    ),
    _rule(
        "MalformedPolicyDocument",
        _SHORT,
        "IAM does not know the new provider yet",
        of="iam:CreateRole",
        mentions="principal",
    ),
    _rule(
        "MalformedPolicyDocument",
        _SHORT,
        "IAM does not know the new provider yet",
        of="iam:UpdateAssumeRolePolicy",
        mentions="principal",
    ),
    _rule(
        "OpenIdIdpCommunicationError",
        _SETTLING,
        "IAM cannot read the issuer's documents yet",
        of="iam:CreateOpenIDConnectProvider",
    ),
    _rule("BucketNotEmpty", _SHORT, "S3 still sees objects in the bucket", of="s3:DeleteBucket"),
)


def patience(call: Call, error: AwsError, done: Iterable[str]) -> Patience | None:
    """
    Whether a refused call is worth repeating.

    Args:
        call: The call.
        error: The refusal.
        done: The names of the calls that were made for the same thing just before.
    """
    made = frozenset(done)
    return next((rule.patience for rule in _RULES if rule.fits(call, error, made)), None)
