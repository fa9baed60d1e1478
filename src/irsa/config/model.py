"""
The shape of the configuration: every key, its type, its default and what it means.

Long sections have a module of their own, beside this one.
Never here: reading YAML, rules over several keys.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from irsa.config import rules
from irsa.config.injection import Injection
from irsa.config.issuer import Issuer
from irsa.config.roles import Role
from irsa.config.section import Section, text
from irsa.identity.issuer import IssuerUrl


class Cluster(Section, frozen=True):
    """The cluster that this file is about, and how it is recognised."""

    name: Annotated[
        str,
        text(
            "A name for people; it begins the names of the roles, and is in every tag.",
            rules.cluster_name,
            pattern=rules.CLUSTER_NAME.pattern,
        ),
    ]
    uid: Annotated[
        str,
        text(
            "The uid of the namespace `kube-system`. Every command that writes compares it with "
            "the cluster that it talks to, and refuses another one.",
            rules.uid,
            pattern=rules.UID.pattern,
        ),
    ]
    context: Annotated[
        str | None,
        text("The context in the kubeconfig; the current one if left out.", rules.filled),
    ] = None


class Aws(Section, frozen=True):
    """The AWS account and region that everything is made in."""

    account: Annotated[
        str,
        text(
            "The account number: twelve digits. Credentials of any other account are refused.",
            rules.account,
            pattern=rules.ACCOUNT.pattern,
        ),
    ]
    region: Annotated[
        str,
        text("The region of the bucket; it also decides the partition of every ARN.", rules.region),
    ]
    profile: Annotated[
        str | None,
        text("The profile in AWS's own configuration; the usual search if left out.", rules.filled),
    ] = None


class Config(Section, frozen=True, kw_only=True):
    """IAM Roles for Service Accounts of one cluster."""

    api_version: Annotated[
        Literal["irsa/v1"],
        Meta(description="The version of this format.", extra={"required": True}),
    ] = "irsa/v1"
    cluster: Annotated[Cluster, Meta(description="Which cluster.")]
    aws: Annotated[Aws, Meta(description="Which account and region.")]
    issuer: Annotated[Issuer, Meta(description="Where the keys are published.")]
    injection: Annotated[Injection, Meta(description="How pods get their token.")] = field(
        default_factory=Injection
    )
    roles: Annotated[tuple[Role, ...], Meta(description="The roles.")] = ()
    audit_log: Annotated[
        str | None,
        text(
            "The file that every change is recorded in, one JSON object a line; relative to this "
            "file. `irsa/audit.jsonl` in the user's state directory if left out.",
            rules.filled,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Allow the account itself where no accounts are named."""
        if not self.injection.allowed_accounts:
            injection = msgspec.structs.replace(
                self.injection, allowed_accounts=(self.aws.account,)
            )
            msgspec.structs.force_setattr(self, "injection", injection)

    @property
    def issuer_url(self) -> IssuerUrl:
        """The issuer's URL: the given one, or that of the bucket."""
        if self.issuer.publish != "s3":
            return IssuerUrl.parse(self.issuer.url)
        return IssuerUrl.for_bucket(
            self.issuer.bucket, region=self.aws.region, prefix=self.issuer.prefix
        )
