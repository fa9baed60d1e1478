"""
The section `roles`: a role, its name, and whose it is.

Never here: policies judged.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from irsa.config import rules
from irsa.config.section import Section, text

MAX_ROLE_NAME = 64
_DIGEST_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountName:
    """A ServiceAccount as `namespace/name`; `*` and `?` stand for several, where allowed."""

    namespace: str
    name: str

    @property
    def is_pattern(self) -> bool:
        """Whether this stands for several ServiceAccounts."""
        return any(wildcard in str(self) for wildcard in "*?")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def derived_role_name(cluster_name: str, service_account: ServiceAccountName) -> str:
    """The name of a role that was given none; a long one ends in a hash instead of its rest."""
    full = f"{cluster_name}-{service_account.namespace}-{service_account.name}"
    if len(full) <= MAX_ROLE_NAME:
        return full
    digest = hashlib.sha256(f"{cluster_name}/{service_account}".encode()).hexdigest()
    shortened = full[: MAX_ROLE_NAME - _DIGEST_LENGTH - 1].rstrip("-.")
    return f"{shortened}-{digest[:_DIGEST_LENGTH]}"


class Role(Section, frozen=True):
    """An IAM role, and the ServiceAccounts whose pods may assume it."""

    service_accounts: Annotated[
        tuple[ServiceAccountName, ...],
        Meta(
            description="The ServiceAccounts, each as `namespace/name`.",
            extra={"rule": rules.some_unique},
        ),
    ]
    name: Annotated[
        str | None,
        text(
            "The role's name; `CLUSTER-NAMESPACE-NAME` of the first ServiceAccount if left out, "
            "shortened to 64 characters with a hash.",
            rules.role_name,
            pattern=rules.ROLE_NAME.pattern,
        ),
    ] = None
    management: Annotated[
        Literal["full", "trust-only", "external"],
        Meta(
            description="How much of the role is irsa's: `full` (all of it), `trust-only` (one "
            "statement in the trust policy of somebody else's role, and nothing else), or "
            "`external` (nothing: it is only checked, and what its owner has to add is printed)."
        ),
    ] = "full"
    policies: Annotated[
        tuple[Annotated[str, text("The ARN of a policy.", rules.policy_arn)], ...],
        Meta(
            description="The ARNs of the managed policies to attach.",
            extra={"rule": rules.unique},
        ),
    ] = ()
    inline_policy: Annotated[
        dict[str, Any] | None,
        Meta(
            description="A policy document of the role's own, with `Version` and `Statement`.",
            extra={"rule": rules.inline_policy},
        ),
    ] = None
    path: Annotated[
        str,
        text("The role's path: `/`, or `/a/b/`.", rules.role_path, pattern=rules.PATH.pattern),
    ] = "/"
    permissions_boundary: Annotated[
        str | None,
        text("The ARN of the policy that bounds what the role may ever do.", rules.policy_arn),
    ] = None
    max_session_duration: Annotated[
        int,
        Meta(ge=3600, le=43200, description="How long a session may last at most, in seconds."),
    ] = 3600
    tags: Annotated[
        dict[str, str],
        Meta(
            description="Tags of the role, beside irsa's own.",
            extra={"rule": rules.tags, "entry_rule": rules.tag},
        ),
    ] = field(default_factory=dict)
    allow_wildcard: Annotated[
        bool,
        Meta(
            description="Whether `serviceAccounts` may hold `*` and `?`. Whoever may create "
            "ServiceAccounts that match gets the role."
        ),
    ] = False

    def role_name(self, cluster_name: str) -> str:
        """The name of the role in IAM: the given one, or one made of cluster and ServiceAccount."""
        return self.name or derived_role_name(cluster_name, self.service_accounts[0])
