"""
The objects of the injection engine, each applied by the server's own rules.

What an object would become is asked of the API server (a dry run), so that its defaults and the
fields of others, such as `caBundle`, never show as differences.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from irsa.errors import RefusedError
from irsa.kube.objects import Object, Ref
from irsa.provision.checks import Available, Check, Gone, Injects, Trusted
from irsa.provision.owner import Owner
from irsa.provision.resource import Action, Apply, Change, Delete, Diff, Field, Reader, Step

# What the server keeps for itself and changes at will.
_BOOKKEEPING = frozenset({"managedFields", "resourceVersion", "generation", "uid"})
# What takes its time to go; a namespace goes at once only when its pods are gone before it.
_LASTING = frozenset({"Deployment", "Namespace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineObjectState:
    """An object as it is, and as it would be if it were applied; None if it is missing."""

    now: Object | None = None
    then: Object | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineObject:
    """One object as it should be."""

    object: Object
    owner: Owner

    def read(self, reader: Reader) -> EngineObjectState:
        """Read the object, and ask what it would become."""
        now = reader.kube(self._ref)
        if now is None:
            return EngineObjectState()
        if not self._ours(now):
            return EngineObjectState(now=now)
        return EngineObjectState(now=now, then=reader.preview(self.object))

    def changes(self, observed: EngineObjectState) -> Diff:
        """
        What makes the object as it should be.

        Raises:
            RefusedError: The object is somebody else's, or still being deleted.
        """
        if observed.now is None:
            return self._diff(Action.create, (), Apply(object=self.object))
        self.owner.require_labels(self._title, observed.now["metadata"].get("labels") or {})
        if "deletionTimestamp" in observed.now["metadata"]:
            raise RefusedError(
                f"{self._title} is still being deleted", hint="run it again in a minute"
            )
        before, after = _bare(observed.now), _bare(observed.then or observed.now)
        if before == after:
            return Diff()
        fields = tuple(_differences(before, after, ""))
        return self._diff(Action.change, fields, Apply(object=self.object, force=True))

    def removal(self, observed: EngineObjectState) -> Diff:
        """What removes the object, if it is ours."""
        if observed.now is None:
            return Diff()
        if not self._ours(observed.now):
            return Diff(notes=(f"{self._title} was not made by irsa for this cluster: left alone",))
        return self._diff(Action.remove, (), *self._removal_steps(observed.now))

    def _removal_steps(self, now: Object) -> tuple[Step, ...]:
        waits = (Gone(ref=self._ref),) if self._ref.kind in _LASTING else ()
        if "deletionTimestamp" in now["metadata"] and waits:
            return waits  # an earlier run deleted it; the API server may refuse to do so twice
        delete = Delete(
            ref=self._ref,
            uid=now["metadata"]["uid"],
            dependents_first=self._ref.kind == "Deployment",
        )
        return (delete, *waits)

    @property
    def _ref(self) -> Ref:
        return Ref.of(self.object)

    @property
    def _name(self) -> str:
        ref = self._ref
        return f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name

    @property
    def _title(self) -> str:
        return f"{self._ref.kind} {self._name}"

    def _ours(self, found: Object) -> bool:
        return self.owner.owns_labelled(found["metadata"].get("labels") or {})

    def _diff(self, action: Action, fields: tuple[Field, ...], *steps: Step) -> Diff:
        change = Change(
            kind=self._ref.kind, name=self._name, action=action, fields=fields, steps=steps
        )
        return Diff(changes=(change,))


def removal_order(objects: Iterable[EngineObject]) -> list[EngineObject]:
    """The registration first, so that no pod waits for a webhook that is gone; then backwards."""
    backwards = list(objects)[::-1]
    return sorted(backwards, key=lambda one: one.object["kind"] != "MutatingWebhookConfiguration")


def readiness(objects: Iterable[Object], proof: Injects | None) -> tuple[Check, ...]:
    """What has to become true before the engine can be relied upon."""
    refs = [Ref.of(one) for one in objects]
    return (
        *(Available(ref=ref) for ref in refs if ref.kind == "Deployment"),
        *(Trusted(ref=ref) for ref in refs if ref.kind == "MutatingWebhookConfiguration"),
        *((proof,) if proof else ()),
    )


def proof_pod(namespace: str, service_account: str) -> Object:
    """A pod that every admission policy lets through; it is only ever created as a dry run."""
    container = {
        "name": "proof",
        "image": "registry.k8s.io/pause:3.10",
        "resources": {
            "requests": {"cpu": "1m", "memory": "1Mi"},
            "limits": {"cpu": "1m", "memory": "1Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "irsa-proof", "namespace": namespace},
        "spec": {
            "serviceAccountName": service_account,
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        },
    }


def _bare(found: Object) -> Object:
    """An object without what the server keeps for itself."""
    metadata = {key: value for key, value in found["metadata"].items() if key not in _BOOKKEEPING}
    return {key: value for key, value in found.items() if key != "status"} | {"metadata": metadata}


def _differences(before: Any, after: Any, path: str) -> list[Field]:
    if before == after:
        return []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = [*before, *(key for key in after if key not in before)]
        return [
            field
            for key in keys
            for field in _differences(before.get(key), after.get(key), f"{path}.{key}".lstrip("."))
        ]
    if _parallel(before, after):
        pairs = enumerate(zip(before, after, strict=True))
        return [
            field
            for index, (one, other) in pairs
            for field in _differences(one, other, f"{path}[{index}]")
        ]
    return [Field(name=path, before=before, after=after)]


def _parallel(before: Any, after: Any) -> bool:
    both = isinstance(before, list) and isinstance(after, list)
    return both and len(before) == len(after) and any(isinstance(one, Mapping) for one in after)
