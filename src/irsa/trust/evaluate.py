"""
A role's trust policy judged: may the bearer of a web identity token assume the role?

Used by the diagnosis and by the local STS alike, so that they cannot disagree.
Never here: verifying the token, fetching the policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irsa.trust.access import AccessRequest, Decision, Principal, evaluate_access
from irsa.trust.condition import Keys

ASSUME_ROLE = "sts:AssumeRoleWithWebIdentity"

__all__ = ["ASSUME_ROLE", "Decision", "WebIdentity", "evaluate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebIdentity:
    """
    What AWS knows of the bearer of a verified token.

    Args:
        provider_arn: The IAM OIDC provider that vouches for the issuer.
        keys: Full condition keys, such as `host/path:sub`. For a private issuer AWS offers `aud`,
            `sub` and `amr`, and no other claim.
    """

    provider_arn: str
    keys: Keys

    @classmethod
    def of(cls, provider_arn: str, *, subject: str, audience: str) -> "WebIdentity":
        """The identity in a service-account token; the keys' prefix follows from the ARN."""
        prefix = provider_arn.partition(":oidc-provider/")[2]
        return cls(
            provider_arn=provider_arn, keys={f"{prefix}:aud": audience, f"{prefix}:sub": subject}
        )


def evaluate(
    policy: Mapping[str, Any], request: WebIdentity, *, action: str = ASSUME_ROLE
) -> Decision:
    """
    Judge a trust policy.

    Returns:
        The answer, with the statement and condition that decided it; on a refusal those that came
        nearest.
    """
    return evaluate_access(
        [policy],
        AccessRequest(
            action=action,
            principal=Principal(kind="Federated", names=(request.provider_arn,)),
            keys=request.keys,
        ),
    )
