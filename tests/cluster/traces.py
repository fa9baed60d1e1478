"""What `irsa` left on a rig: in the cluster by its labels, in AWS by its tags."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.provision.leftover_engine import KINDS
from irsa.provision.owner import UID_LABEL, UID_TAG

NAMED = "app.kubernetes.io/name=irsa"
# What every cluster has, and the one that the sites of all files share.
LASTING = {"default", "kube-system", "kube-public", "kube-node-lease", "shop"}


def traces(rig: Any) -> dict[str, str]:
    """What is there, each with a remark; whosever it is: also twins of this cluster leave none."""
    return dict([*_namespaces(rig.kube), *_labelled(rig.kube), *_tagged(rig)])


def told(found: Mapping[str, str]) -> str:
    """The same in words."""
    return ", ".join(f"{name}{remark}" for name, remark in sorted(found.items()))


def _namespaces(kube: Kube) -> Iterator[tuple[str, str]]:
    for one in kube.list("v1", "Namespace"):
        if one["metadata"]["name"] not in LASTING:
            yield _entry("v1", "Namespace", one)


def _labelled(kube: Kube) -> Iterator[tuple[str, str]]:
    for version, kind in KINDS:
        for selector in (NAMED, UID_LABEL):
            for one in kube.list(version, kind, label_selector=selector):
                yield _entry(version, kind, one)


def _entry(version: str, kind: str, found: Mapping[str, Any]) -> tuple[str, str]:
    ref = Ref.of({"apiVersion": version, "kind": kind, **found})
    going = "deletionTimestamp" in found["metadata"]
    return str(ref), " (deleted, and not waited for)" if going else ""


def _tagged(rig: Any) -> Iterator[tuple[str, str]]:
    iam, s3 = rig.boto("iam"), rig.boto("s3")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            if _is_ours(iam.list_role_tags(RoleName=role["RoleName"])["Tags"]):
                yield f"role {role['RoleName']}", ""
    for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=one["Arn"])
        if _is_ours(found["Tags"]):
            yield f"OIDC provider {found['Url']}", ""
    for bucket in s3.list_buckets()["Buckets"]:
        if _is_ours(_tags_of_bucket(s3, bucket["Name"])):
            yield f"bucket {bucket['Name']}", ""


def _tags_of_bucket(s3: Any, name: str) -> list[Mapping[str, str]]:
    try:
        return s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchTagSet":
            raise
        return []


def _is_ours(tags: Iterable[Mapping[str, str]]) -> bool:
    return any(tag["Key"] == UID_TAG for tag in tags)
