"""
The settings of the bucket: how each is read, what it should be, and the call that sets it.

Never here: whether the bucket is ours.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.provision import policies
from irsa.provision.owner import tag_list, tag_map
from irsa.provision.resource import Field

OWNERSHIP = "BucketOwnerEnforced"

_ENCRYPTION = "AES256"
_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": False,
    "RestrictPublicBuckets": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """The bucket as it is; every aspect is None where it was never set."""

    tags: Mapping[str, str]
    access_block: Mapping[str, bool] | None = None
    ownership: str | None = None
    encryption: str | None = None
    versioning: str | None = None
    policy: Mapping[str, Any] | None = None
    keys: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """
    One setting as it should be.

    Args:
        name: What the reader calls it.
        aspect: The attribute of `BucketState`.
        value: What it should be.
        operation: The call that sets it.
        params: The parameters of that call, beside the bucket's own.
    """

    name: str
    aspect: str
    value: Any
    operation: str
    params: Mapping[str, Any]

    def differs(self, observed: BucketState) -> bool:
        """Whether it is something else now."""
        return not policies.same(self._now(observed), self.value)

    def field(self, observed: BucketState) -> Field:
        """What it is now, and what it will be."""
        return Field(name=self.name, before=self._now(observed), after=self.value)

    def _now(self, observed: BucketState) -> Any:
        return getattr(observed, self.aspect) or None


def settings(tags: Mapping[str, str], policy: Mapping[str, Any]) -> tuple[Setting, ...]:
    """
    Every setting, in the order in which they are set.

    The policy comes last: it is refused until public policies are allowed.
    """
    return (
        Setting(
            name="tags",
            aspect="tags",
            value=dict(tags),
            operation="PutBucketTagging",
            params={"Tagging": {"TagSet": tag_list(tags)}},
        ),
        Setting(
            name="ownership",
            aspect="ownership",
            value=OWNERSHIP,
            operation="PutBucketOwnershipControls",
            params={"OwnershipControls": {"Rules": [{"ObjectOwnership": OWNERSHIP}]}},
        ),
        Setting(
            name="encryption",
            aspect="encryption",
            value=_ENCRYPTION,
            operation="PutBucketEncryption",
            params={"ServerSideEncryptionConfiguration": _sse()},
        ),
        Setting(
            name="versioning",
            aspect="versioning",
            value="Enabled",
            operation="PutBucketVersioning",
            params={"VersioningConfiguration": {"Status": "Enabled"}},
        ),
        Setting(
            name="block public access",
            aspect="access_block",
            value=_ACCESS_BLOCK,
            operation="PutPublicAccessBlock",
            params={"PublicAccessBlockConfiguration": _ACCESS_BLOCK},
        ),
        Setting(
            name="policy",
            aspect="policy",
            value=policy,
            operation="PutBucketPolicy",
            params={"Policy": policies.spell(policy)},
        ),
    )


def read_state(get: Callable[[str], Mapping[str, Any]]) -> BucketState:
    """
    Read every setting.

    Args:
        get: Makes one call by its operation's name; an empty answer where nothing was ever set.
    """
    return BucketState(
        tags=tag_map(get("GetBucketTagging").get("TagSet", ())),
        access_block=get("GetPublicAccessBlock").get("PublicAccessBlockConfiguration"),
        ownership=_ownership(get("GetBucketOwnershipControls")),
        encryption=_encryption(get("GetBucketEncryption")),
        versioning=get("GetBucketVersioning").get("Status"),
        policy=_policy(get("GetBucketPolicy")),
        keys=_keys(get("ListObjectVersions")),
    )


def _sse() -> dict[str, Any]:
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": _ENCRYPTION}}]}


def _ownership(answer: Mapping[str, Any]) -> str | None:
    rules = answer.get("OwnershipControls", {}).get("Rules", ())
    return rules[0]["ObjectOwnership"] if rules else None


def _encryption(answer: Mapping[str, Any]) -> str | None:
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", ())
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    return default.get("SSEAlgorithm")


def _policy(answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return json.loads(answer["Policy"]) if "Policy" in answer else None


def _keys(answer: Mapping[str, Any]) -> frozenset[str]:
    entries = (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ()))
    return frozenset(entry["Key"] for entry in entries)
