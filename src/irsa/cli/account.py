"""
What `irsa init` finds out by itself of the AWS account.

What may not be read is taken for somebody else's.
Never here: choosing values for the configuration, asking.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from irsa.cli.detection import ClusterFacts
from irsa.errors import AwsError

if TYPE_CHECKING:
    from irsa.aws.client import Aws, Identity
    from irsa.identity.issuer import IssuerUrl, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """
    An AWS account as it is.

    Args:
        identity: Who calls.
        has_provider: It has an OIDC provider for the cluster's present issuer.
        owns_provider: That provider carries this cluster's tags.
        place: Where the present issuer's documents are, if this cluster's own bucket holds them.
    """

    identity: "Identity"
    has_provider: bool = False
    owns_provider: bool = False
    place: "Place | None" = None


def unseen_account(number: str, region: str) -> AccountFacts:
    """An account of which nothing but its number is known."""
    from irsa.arns import partition_of
    from irsa.aws.client import Identity

    partition = partition_of(region).name
    return AccountFacts(identity=Identity(account=number, arn="", partition=partition))


def look_at_account(aws: "Aws", cluster: ClusterFacts, *, region: str) -> AccountFacts:
    """
    Everything about the account that matters for this cluster.

    Raises:
        RefusedError: The credentials are of another partition than the region.
        AwsError: There are no credentials, or AWS cannot be reached.
    """
    from irsa.cli import session

    identity = aws.identity()
    session.check_partition(identity, region)
    issuer = cluster.issuer
    if issuer is None or issuer.parsed is None or not issuer.is_public:
        return AccountFacts(identity=identity)
    tags = _provider_tags(aws, issuer.parsed)
    return AccountFacts(
        identity=identity,
        has_provider=tags is not None,
        owns_provider=_is_owned(tags, cluster.uid),
        place=_own_place(aws, issuer.parsed, uid=cluster.uid, region=region),
    )


def _provider_tags(aws: "Aws", issuer: "IssuerUrl") -> dict[str, str] | None:
    """The tags of the provider for an issuer; None if there is none, or it may not be read."""
    from irsa.arns import provider_arn
    from irsa.aws.call import Call
    from irsa.provision.owner import tag_map

    who = aws.identity()
    arn = provider_arn(who.partition, who.account, issuer.provider)
    call = Call(
        service="iam",
        operation="GetOpenIDConnectProvider",
        params={"OpenIDConnectProviderArn": arn},
    )
    answer = _read(aws, call)
    return None if answer is None else tag_map(answer.get("Tags", ()))


def _own_place(aws: "Aws", issuer: "IssuerUrl", *, uid: str, region: str) -> "Place | None":
    from irsa.aws.call import Call
    from irsa.identity.issuer import place_of
    from irsa.provision.owner import tag_map

    place = place_of(issuer)
    if place is None or place.region != region:
        return None
    params = {"Bucket": place.bucket, "ExpectedBucketOwner": aws.identity().account}
    answer = _read(aws, Call(service="s3", operation="GetBucketTagging", params=params))
    owned = answer is not None and _is_owned(tag_map(answer["TagSet"]), uid)
    return place if owned else None


def _read(aws: "Aws", call: Any) -> dict[str, Any] | None:
    try:
        return aws.read(call)
    except AwsError:
        return None


def _is_owned(tags: Mapping[str, str] | None, uid: str) -> bool:
    from irsa.provision.owner import UID_TAG

    return (tags or {}).get(UID_TAG) == uid
