"""
What the AWS account allows: public buckets, and how long a trust policy may be.

Nothing is ever changed here: these are other people's switches.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.errors import RefusedError
from irsa.provision.resource import Diff, Reader

DEFAULT_TRUST_QUOTA = 2048
_SUMMARY = Call(service="iam", operation="GetAccountSummary")
_PUBLIC = ("BlockPublicPolicy", "RestrictPublicBuckets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The account's switches and quotas."""

    blocked: tuple[str, ...]
    trust_quota: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """
    The account, as far as it can stand in the way.

    Args:
        account: Its number.
        public: Whether a public bucket is wanted.
        trust_sizes: The length of every role's trust policy, by the role's name.
    """

    account: str
    public: bool = False
    trust_sizes: Mapping[str, int] = field(default_factory=dict)

    def read(self, reader: Reader) -> Limits:
        """Read the account's block-public-access and its quotas, as far as they matter."""
        block = reader.aws(self._block) if self.public else None
        summary = reader.aws(_SUMMARY) if self.trust_sizes else None
        return Limits(blocked=_blocked(block), trust_quota=_quota(summary))

    @property
    def _block(self) -> Call:
        params = {"AccountId": self.account}
        return Call(service="s3control", operation="GetPublicAccessBlock", params=params)

    def changes(self, observed: Limits) -> Diff:
        """
        Nothing to change; only reasons to refuse.

        Raises:
            RefusedError: The account forbids public buckets, or a trust policy is too long.
        """
        if observed.blocked:
            raise RefusedError(
                f"account {self.account} forbids public buckets "
                f"(its Block Public Access has {' and '.join(observed.blocked)} on), so the "
                "issuer's documents could not be read by AWS STS",
                hint="irsa never switches that off; write issuer.publish: directory and "
                "issuer.url, and let any public web server or static host show the two files, or "
                "have public buckets allowed for this account",
            )
        for role, size in self.trust_sizes.items():
            if size > observed.trust_quota:
                raise RefusedError(
                    f"the trust policy of role {role} has {size} characters, account "
                    f"{self.account} allows {observed.trust_quota}",
                    hint="give its ServiceAccounts several roles, or ask AWS for a higher quota "
                    "(IAM, role trust policy length)",
                )
        return Diff()

    def removal(self, observed: Limits) -> Diff:  # noqa: ARG002 # part of the protocol
        """Nothing to remove."""
        return Diff()


def quota_of(reader: Reader) -> int:
    """How long a trust policy may be in this account."""
    return _quota(reader.aws(Call(service="iam", operation="GetAccountSummary")))


def _blocked(block: Mapping[str, Any] | None) -> tuple[str, ...]:
    switches = (block or {}).get("PublicAccessBlockConfiguration", {})
    return tuple(name for name in _PUBLIC if switches.get(name))


def _quota(summary: Mapping[str, Any] | None) -> int:
    values = (summary or {}).get("SummaryMap", {})
    return int(values.get("AssumeRolePolicySizeQuota", DEFAULT_TRUST_QUOTA))
