"""
Whose a thing is: the cluster's uid in its tags or labels.

Never here: reading tags or labels.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from irsa.errors import RefusedError

CLUSTER_TAG = "irsa:cluster"
UID_TAG = "irsa:cluster-uid"
UID_LABEL = "irsa/cluster-uid"
CREATED_ANNOTATION = "irsa/created"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The cluster that everything is made for."""

    name: str
    uid: str

    @property
    def tags(self) -> dict[str, str]:
        """The tags on everything in AWS."""
        return {CLUSTER_TAG: self.name, UID_TAG: self.uid}

    @property
    def labels(self) -> dict[str, str]:
        """The labels on everything in Kubernetes."""
        return {UID_LABEL: self.uid}

    def owns_tagged(self, tags: Mapping[str, str]) -> bool:
        """Whether the tags say that a thing is this cluster's."""
        return tags.get(UID_TAG) == self.uid

    def owns_labelled(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels say that an object is this cluster's."""
        return labels.get(UID_LABEL) == self.uid

    def require_tags(self, thing: str, tags: Mapping[str, str], *, adopt: str) -> None:
        """
        Make sure that a thing in AWS is this cluster's.

        Args:
            thing: What it is, in words.
            tags: Its tags.
            adopt: How an untagged thing is made this cluster's, or what else can be done.

        Raises:
            RefusedError: It is another cluster's, or somebody else's.
        """
        if not self.owns_tagged(tags):
            raise RefusedError(
                f"{thing} exists and {whose(tags)}: irsa changes only what it made itself",
                hint=adopt,
            )

    def require_labels(self, thing: str, labels: Mapping[str, str]) -> None:
        """
        Make sure that an object in Kubernetes is this cluster's.

        Raises:
            RefusedError: It is somebody else's.
        """
        if not self.owns_labelled(labels):
            raise RefusedError(
                f"{thing} exists and was not made by irsa for this cluster",
                hint=f"remove it, or hand it over: label it {UID_LABEL}={self.uid}",
            )


def whose(tags: Mapping[str, str]) -> str:
    """Whose a thing is that is not ours, as the end of a sentence."""
    if UID_TAG not in tags:
        return f"is somebody else's (it has no tag {UID_TAG})"
    name = tags.get(CLUSTER_TAG, "without a name")
    return f"belongs to another cluster ({name}, uid {tags[UID_TAG]})"


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS's requests spell them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def tag_map(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as AWS's answers spell them, as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in tags}
