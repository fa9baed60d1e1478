"""
Objects of the injection engine that the configuration no longer asks for.

After `engine: none` what was installed before is shown, and removed only when that is asked for:
pods may still get their roles from it. After another `injection.namespace` the old objects go at
once: two controllers would overwrite each other's authority in the one registration.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from irsa.kube.objects import Object, Ref
from irsa.provision.engine import EngineObject, EngineObjectState, removal_order
from irsa.provision.owner import UID_LABEL, Owner
from irsa.provision.resource import Diff, Reader

# In the order in which they are made.
_RBAC = "rbac.authorization.k8s.io/v1"
KINDS = (
    ("v1", "Namespace"),
    ("v1", "ServiceAccount"),
    (_RBAC, "ClusterRole"),
    (_RBAC, "ClusterRoleBinding"),
    (_RBAC, "Role"),
    (_RBAC, "RoleBinding"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("policy/v1", "PodDisruptionBudget"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
)
_NAME_LABEL = "app.kubernetes.io/name=irsa"
_HISTORY = "irsa-history"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverEngine:
    """
    What is left of an engine.

    Args:
        owner: The cluster.
        wanted: The objects that are asked for.
        prune: Whether the others should go.
    """

    owner: Owner
    wanted: tuple[Object, ...] = ()
    prune: bool = False

    def read(self, reader: Reader) -> Sequence[Object]:
        """Find them by their labels; a namespace that holds the issuer's history is needed."""
        wanted = {Ref.of(one) for one in self.wanted}
        selector = f"{_NAME_LABEL},{UID_LABEL}={self.owner.uid}"
        found = (
            {"apiVersion": version, "kind": kind} | one
            for version, kind in KINDS
            for one in reader.kube_list(version, kind, label_selector=selector)
        )
        return [
            one for one in found if Ref.of(one) not in wanted and not _holds_history(one, reader)
        ]

    def changes(self, observed: Sequence[Object]) -> Diff:
        """A note that says what there is, or its removal."""
        if self.prune:
            return self.removal(observed)
        if not observed:
            return Diff()
        places = sorted({_place(one) for one in observed})
        return Diff(
            notes=(
                f"{len(observed)} objects of the webhook are left over ({', '.join(places)}): the "
                "configuration no longer asks for them (--prune removes them)",
            )
        )

    def removal(self, observed: Sequence[Object]) -> Diff:
        """What removes them, the registration first."""
        diffs = [
            one.removal(EngineObjectState(now=one.object))
            for one in removal_order(self._objects(observed))
        ]
        return Diff(changes=tuple(change for diff in diffs for change in diff.changes))

    def _objects(self, found: Iterable[Object]) -> list[EngineObject]:
        return [EngineObject(object=one, owner=self.owner) for one in found]


def _holds_history(found: Object, reader: Reader) -> bool:
    if found["kind"] != "Namespace":
        return False
    return reader.kube(Ref("v1", "ConfigMap", _HISTORY, found["metadata"]["name"])) is not None


def _place(found: Object) -> str:
    metadata = found["metadata"]
    if found["kind"] == "Namespace":
        return f"namespace {metadata['name']}"
    if "namespace" in metadata:
        return f"namespace {metadata['namespace']}"
    return f"{found['kind']} {metadata['name']}"
