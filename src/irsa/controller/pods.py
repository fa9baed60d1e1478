"""
Running pods whose ServiceAccount has a role and which carry no credentials.

They were created before the annotation, while no webhook answered, or while it could not read
their ServiceAccount. Nothing but another pod helps them.
Never here: IO, restarting.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from irsa.errors import excerpt
from irsa.injection.grants import SKIP_LABEL, Grant, Verdict
from irsa.injection.patch import ROLE_MISSING, patch, without_role
from irsa.injection.pods import Metadata as PodMetadata
from irsa.injection.pods import Pod, PodSpec

UNKNOWN = "it came before the annotation, or while no webhook answered"
_ENDED = ("Succeeded", "Failed")


class OwnerReference(msgspec.Struct, frozen=True, rename="camel"):
    """What an object belongs to."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata of an object, as far as it is looked at."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str = ""
    annotations: dict[str, str] | None = None
    labels: dict[str, str] | None = None
    deletion_timestamp: str | None = None
    owner_references: list[OwnerReference] | None = None


class _Status(msgspec.Struct, frozen=True):
    phase: str = ""


class LivePod(msgspec.Struct, frozen=True):
    """A pod as it runs."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: _Status = _Status()


class Account(msgspec.Struct, frozen=True):
    """A ServiceAccount."""

    metadata: Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """
    A running pod without its role.

    Args:
        why: Why it has none, as far as that is known.
        created: When it was made, in the API server's words.
    """

    namespace: str
    name: str
    uid: str
    service_account: str
    role_arn: str
    containers: tuple[str, ...]
    owner: OwnerReference | None = None
    why: str = UNKNOWN
    created: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def bare_pods(
    pods: Iterable[LivePod], verdict: Callable[[str, str], Verdict], *, prefix: str
) -> Iterator[Bare]:
    """
    The pods that should carry a role and do not.

    One that was left out on purpose is none of them: by label, by annotation, by variables of its
    own, or by something else at the token's path.

    Args:
        pods: Pods as they run.
        verdict: What a ServiceAccount grants, by its namespace and name.
        prefix: What annotations and labels begin with.
    """
    for live in pods:
        if _is_left_alone(live, prefix):
            continue
        metadata = live.metadata
        pod = Pod(metadata=PodMetadata(annotations=metadata.annotations), spec=live.spec)
        grant = verdict(metadata.namespace, pod.service_account)
        if pod.is_mirror or not isinstance(grant, Grant):
            continue
        containers = without_role(pod, prefix=prefix)
        if containers and patch(pod, grant, prefix=prefix).operations:
            yield Bare(
                namespace=metadata.namespace,
                name=metadata.name,
                uid=metadata.uid,
                service_account=pod.service_account,
                role_arn=grant.role_arn,
                containers=containers,
                owner=_owner(metadata),
                why=_why(metadata),
                created=metadata.creation_timestamp,
            )


def _is_left_alone(live: LivePod, prefix: str) -> bool:
    if live.metadata.deletion_timestamp or live.status.phase in _ENDED:
        return True
    return f"{prefix}/{SKIP_LABEL}" in (live.metadata.labels or {})


def _owner(metadata: Metadata) -> OwnerReference | None:
    return next((owner for owner in metadata.owner_references or () if owner.controller), None)


def _why(metadata: Metadata) -> str:
    """What the webhook noted in the pod, if it was asked."""
    noted = (metadata.annotations or {}).get(ROLE_MISSING, "")
    return f"the webhook could not help: {excerpt(noted)}" if noted else UNKNOWN
