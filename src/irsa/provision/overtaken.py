"""
Which refusals say that the world is another one than the plan was made for.

Another run was quicker, or IAM shows late what an earlier run did before it was killed: what was
to be made is there, what was to be changed is gone. Repeating the call is of no use then.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html
Never here: reading again, waiting.
"""

from dataclasses import dataclass

from irsa.errors import AwsError, IrsaError, KubeError

_LATE = 90.0
_AT_ONCE = 30.0

# How the operations begin that take something away.
REMOVALS = ("Delete", "Detach", "Remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overtaken:
    """
    What a refusal says of a thing.

    Args:
        said: The sentence about it, with a place for its name.
        seconds: For how long it is worth reading it again.
        late: Whether what is read may be older than the refusal.
    """

    said: str
    seconds: float
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """A refusal: its codes, of which service, and what its text mentions."""

    codes: frozenset[str]
    service: str
    verdict: Overtaken
    mentions: tuple[str, ...] = ("",)

    def fits(self, error: AwsError) -> bool:
        text = error.message.lower()
        return (
            error.code in self.codes
            and (error.operation or "").startswith(f"{self.service}:")
            and any(one in text for one in self.mentions)
        )


_IAM = Overtaken(said="waiting: IAM does not show {} yet as it is", seconds=_LATE, late=True)
_S3 = Overtaken(said="waiting: S3 does not show {} yet as it is", seconds=_LATE, late=True)
_RACED = Overtaken(
    said="{} was changed by somebody else just now: reading it again", seconds=_AT_ONCE, late=False
)
_RULES = (
    _Rule(codes=frozenset({"EntityAlreadyExists", "DeleteConflict"}), service="iam", verdict=_IAM),
    _Rule(
        codes=frozenset({"NoSuchEntity"}),  # but not of a policy, which nobody here makes
        service="iam",
        verdict=_IAM,
        mentions=("role with name", "openidconnect provider not found"),
    ),
    _Rule(codes=frozenset({"BucketAlreadyOwnedByYou", "NoSuchBucket"}), service="s3", verdict=_S3),
    _Rule(
        codes=frozenset({"PreconditionFailed", "ConditionalRequestConflict"}),
        service="s3",
        verdict=_RACED,
    ),
)
# A conflict, or what was to be changed is gone: Kubernetes shows at once what is so.
_KUBERNETES = frozenset({404, 409})


def overtaken(error: IrsaError) -> Overtaken | None:
    """What a refusal says of the thing that was to be changed; None if it is about the call."""
    match error:
        case AwsError():
            return next((rule.verdict for rule in _RULES if rule.fits(error)), None)
        case KubeError(status=status) if status in _KUBERNETES:
            return _RACED
        case _:
            return None
