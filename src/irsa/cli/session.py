"""
The start of every command that writes: the configuration, and proof of cluster and account.

Never here: changing anything.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from irsa.errors import InputError, RefusedError

if TYPE_CHECKING:
    from irsa.aws.client import Aws, Identity
    from irsa.aws.client import Observer as AwsObserver
    from irsa.config import Config
    from irsa.kube.client import Kube
    from irsa.web import Web


def load(path: Path) -> "Config":
    """
    Read the configuration.

    Raises:
        InputError: The file cannot be read.
        ConfigError: It is wrong; the message says where.
    """
    from irsa import config, files

    if not path.exists():
        raise InputError(
            f"there is no configuration {path}",
            hint="irsa init writes one; name another file with --config, or in IRSA_CONFIG",
        )
    return config.parse(files.read_text(path), source=str(path))


def open_kube(
    config: "Config", *, kubeconfig: str | None = None, context: str | None = None
) -> "Kube":
    """
    Reach the cluster, and make sure that it is the one in the configuration.

    Args:
        config: The configuration; its context is used unless another is given.
        kubeconfig: As the variable KUBECONFIG: one file, or several joined with colons.
        context: The context in the kubeconfig.

    Raises:
        RefusedError: It is another cluster.
        KubeError: It cannot be reached.
    """
    from irsa.kube.client import Kube

    kube = Kube.open(kubeconfig=kubeconfig, context=context or config.cluster.context)
    try:
        check_cluster(config, kube)
    except BaseException:
        kube.close()
        raise
    return kube


def check_cluster(config: "Config", kube: "Kube") -> None:
    """
    Compare the cluster's identity with the configuration.

    Raises:
        RefusedError: It is another cluster.
        KubeError: It cannot be reached.
    """
    uid = kube.cluster_uid()
    if uid != config.cluster.uid:
        raise RefusedError(
            f"the cluster at {kube.server} is not {config.cluster.name!r}: its kube-system "
            f"namespace has the uid {uid}, the configuration says {config.cluster.uid}",
            hint="choose the right one with --context or --kubeconfig, or correct cluster.uid",
        )


def open_aws(config: "Config", *, observer: "AwsObserver | None" = None) -> "Aws":
    """
    Reach AWS, and make sure that account and partition are those in the configuration.

    Raises:
        RefusedError: The credentials belong to another account or partition.
        AwsError: There are no credentials, or AWS cannot be reached.
    """
    from irsa.aws.client import Aws

    aws = Aws.open(region=config.aws.region, profile=config.aws.profile, observer=observer)
    try:
        check_account(config, aws)
    except BaseException:
        aws.close()
        raise
    return aws


def check_account(config: "Config", aws: "Aws") -> None:
    """
    Compare the caller's account and partition with the configuration.

    Raises:
        RefusedError: They differ.
        AwsError: AWS cannot be reached.
    """
    who = aws.identity()
    if who.account != config.aws.account:
        raise RefusedError(
            f"the AWS credentials belong to account {who.account} ({who.arn}), the configuration "
            f"says {config.aws.account}",
            hint="choose others with AWS_PROFILE or aws.profile, or correct aws.account",
        )
    check_partition(who, config.aws.region)


def check_partition(who: "Identity", region: str) -> None:
    """
    Compare the caller's partition with that of a region.

    Raises:
        RefusedError: They differ.
    """
    from irsa.arns import partition_of

    partition = partition_of(region).name
    if who.partition != partition:
        raise RefusedError(
            f"the AWS credentials belong to the partition {who.partition}, the region "
            f"{region} to {partition}",
            hint="choose credentials of that partition, or correct aws.region",
        )


def open_web() -> "Web":
    """
    A reader of public documents, that trusts what the AWS calls trust (AWS_CA_BUNDLE).

    Raises:
        InputError: The bundle cannot be used.
    """
    from irsa.web import Web

    bundle = os.environ.get("AWS_CA_BUNDLE")
    return Web(ca_bundle=Path(bundle) if bundle else None)
