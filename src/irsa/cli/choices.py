"""
From what `irsa init` found out to what its configuration says, and what answers are good.

Never here: asking, reading from the cluster or from AWS.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from irsa.errors import RefusedError

if TYPE_CHECKING:
    from irsa.cli.account import AccountFacts
    from irsa.cli.detection import ClusterFacts
    from irsa.config import Config, Issuer

# Where AWS's webhook, or its like, is part of the distribution.
_WITH_WEBHOOK = ("EKS", "OpenShift")


def present_issuer(cluster: "ClusterFacts", account: "AccountFacts | None") -> "Issuer | None":
    """
    The present issuer as the configuration calls it, if AWS can use it as it is.

    Raises:
        RefusedError: It cannot, and nobody but the cluster's provider could change it.
    """
    from irsa.config import Issuer

    issuer = cluster.issuer
    managed = cluster.recognised.distribution.is_managed
    if issuer is not None and issuer.parsed is not None and (issuer.is_public or managed):
        if account is not None and account.place is not None:
            place = account.place
            return Issuer(publish="s3", bucket=place.bucket, prefix=place.prefix)
        shared = account is not None and account.has_provider and not account.owns_provider
        return Issuer(
            publish="existing",
            url=str(issuer.parsed),
            provider="shared" if shared else "managed",
        )
    if managed:
        raise RefusedError(
            f"the API servers are run by {cluster.recognised.distribution}, and AWS cannot use "
            f"their issuer: {issuer.reason if issuer else 'it could not be read'}",
            hint="have the provider of the cluster make its issuer public; only it can",
        )
    return None


def refuse_new_issuer(cluster: "ClusterFacts") -> None:
    """
    Make sure that the API servers can be given another issuer at all.

    Raises:
        RefusedError: A cloud runs them.
    """
    recognised = cluster.recognised
    if recognised.distribution.is_managed:
        raise RefusedError(
            f"this is a cluster of {recognised.distribution} ({recognised.reason}): its issuer "
            "cannot be changed, so a bucket would be of no use",
            hint="leave --bucket out; its own issuer is used",
        )


def engine(cluster: "ClusterFacts") -> Literal["webhook", "none"]:
    """What should give pods their role: nothing of ours where there is something already."""
    built_in = cluster.recognised.distribution in _WITH_WEBHOOK
    return "none" if cluster.webhook or built_in else "webhook"


def replicas(cluster: "ClusterFacts") -> int:
    """How many pods of the webhook the cluster has room for, on Nodes of their own."""
    return 1 if cluster.nodes == 1 else 2


def remarks(cluster: "ClusterFacts", account: "AccountFacts", config: "Config") -> list[str]:
    """What the reader should know of the choices, a sentence each."""
    issuer = config.issuer
    said = _unseen(cluster, account)
    if cluster.recognised.distribution == "EKS":
        said.append("this is EKS: IRSA is there already, and irsa only makes roles for it")
    if issuer.publish == "existing":
        said.append("nothing has to change for the issuer: AWS can use the present one as it is")
    elif cluster.issuer and cluster.issuer.is_public and _is_of(cluster.issuer.url, issuer.bucket):
        said.append("nothing has to change for the issuer: it is this cluster's bucket already")
    if cluster.webhook and config.injection.engine == "none":
        said.append(f"{cluster.webhook} gives pods their roles already: irsa installs no webhook")
    elif cluster.webhook:
        said.append(f"{cluster.webhook} patches pods too: take it away once irsa's webhook runs")
    said += [f"could not be read: {text}" for text in cluster.unread]
    said += [f"irsa plan will refuse to guess: {text}" for text in cluster.fleet.differences]
    return said


def _unseen(cluster: "ClusterFacts", account: "AccountFacts") -> list[str]:
    said = []
    if not cluster.server:
        said.append(
            "the cluster was not looked at: its uid and its keys are taken as they are given, and "
            "whether it has an issuer or a webhook already is not known"
        )
    if not account.identity.arn:
        said.append(
            f"AWS was not looked at: account {account.identity.account} is taken as it is given, "
            "and whether it has an OIDC provider for the issuer is not known"
        )
    return said


def service_account_complaint(
    namespaces: frozenset[str] | None, foreign_role: Callable[[str], str | None]
) -> Callable[[str], str | None]:
    """
    What is wrong with a ServiceAccount.

    Args:
        namespaces: Those of the cluster; None if they cannot be read.
        foreign_role: The role that somebody else gave to a ServiceAccount.
    """
    from irsa.config import rules

    def complain(text: str) -> str | None:
        complaint = rules.service_account(text)
        if complaint:
            return complaint
        if "*" in text or "?" in text:
            return "stands for several; write that into the file, with allowWildcard: true"
        namespace = text.partition("/")[0]
        if namespaces is not None and namespace not in namespaces:
            return f"is in a namespace that does not exist; kubectl create namespace {namespace}"
        role = foreign_role(text)
        return f"has the role {role} already, which irsa did not give it" if role else None

    return complain


def policy_complaint(account: str | None, region: str | None) -> Callable[[str], str | None]:
    """What is wrong with the ARN of a policy, for a role of this account."""
    from irsa.arns import Arn, partition_of
    from irsa.config import rules

    def complain(text: str) -> str | None:
        complaint = rules.policy_arn(text)
        if complaint:
            return complaint
        arn = Arn.parse(text)
        partition = partition_of(region).name if region else arn.partition
        if arn.partition != partition:
            return f"is of the partition {arn.partition}; {region} is in {partition}"
        if account and arn.account not in ("aws", account):
            return f"is of account {arn.account}; a role takes policies of its own and of AWS"
        return None

    return complain


def optional(complain: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """The same, for an answer that may be empty."""
    return lambda text: complain(text) if text else None


def _is_of(url: str, bucket: str) -> bool:
    from irsa.identity.issuer import IssuerUrl, place_of

    place = place_of(IssuerUrl.parse(url))
    return place is not None and place.bucket == bucket
