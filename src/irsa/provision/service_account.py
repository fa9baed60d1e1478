"""
The annotation on a ServiceAccount that names its role.

A ServiceAccount that is missing is created, and marked, so that a removal knows whether to delete
it or only to take the annotation off.
"""

from dataclasses import dataclass

from irsa.errors import RefusedError
from irsa.kube.objects import Object, Ref
from irsa.provision.owner import CREATED_ANNOTATION, Owner
from irsa.provision.resource import Action, Apply, Change, Delete, Diff, Field, Reader, Step

KIND = "ServiceAccount"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountState:
    """A ServiceAccount as it is (None if it is missing), and whether its namespace exists."""

    object: Object | None
    namespace_exists: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """
    A ServiceAccount as it should be.

    Args:
        namespace: Its namespace.
        name: Its name.
        annotation: The annotation that names the role.
        role_arn: The role.
        owner: The cluster.
    """

    namespace: str
    name: str
    annotation: str
    role_arn: str
    owner: Owner

    def read(self, reader: Reader) -> ServiceAccountState:
        """Read the ServiceAccount; and its namespace, if it is missing."""
        found = reader.kube(self._ref)
        if found is None:
            namespace = reader.kube(Ref("v1", "Namespace", self.namespace))
            return ServiceAccountState(object=None, namespace_exists=namespace is not None)
        return ServiceAccountState(object=found)

    def changes(self, observed: ServiceAccountState) -> Diff:
        """
        What annotates the ServiceAccount.

        Raises:
            RefusedError: Its namespace is missing, or somebody else gave it another role.
        """
        if observed.object is None:
            return self._creation(observed)
        now = role_of(observed.object, self.annotation)
        ours = self._ours(observed.object)
        if now not in (None, self.role_arn) and not ours:
            raise RefusedError(
                f"ServiceAccount {self._title} has the role {now} already, which irsa did not set",
                hint=f"take the annotation off: kubectl annotate serviceaccount -n "
                f"{self.namespace} {self.name} {self.annotation}-",
            )
        if now == self.role_arn and ours:
            return Diff()
        wanted = self._wanted(created=_created(observed.object))
        fields = (Field(name=self.annotation, before=now, after=self.role_arn),)
        return Diff(changes=(self._change(Action.change, fields, wanted, force=ours),))

    def removal(self, observed: ServiceAccountState) -> Diff:
        """What takes the role off the ServiceAccount, or removes it if irsa made it."""
        return removal(observed.object, self.annotation, self.owner)

    @property
    def _ref(self) -> Ref:
        return Ref("v1", KIND, self.name, self.namespace)

    @property
    def _title(self) -> str:
        return f"{self.namespace}/{self.name}"

    def _ours(self, found: Object) -> bool:
        return self.owner.owns_labelled(found["metadata"].get("labels") or {})

    def _creation(self, observed: ServiceAccountState) -> Diff:
        if not observed.namespace_exists:
            raise RefusedError(
                f"namespace {self.namespace!r} of ServiceAccount {self._title} does not exist",
                hint=f"create it first: kubectl create namespace {self.namespace}",
            )
        fields = (Field(name=self.annotation, after=self.role_arn),)
        change = self._change(Action.create, fields, self._wanted(created=True))
        return Diff(changes=(change,))

    def _wanted(self, *, created: bool) -> Object:
        mark = {CREATED_ANNOTATION: "true"} if created else {}
        return {
            "apiVersion": "v1",
            "kind": KIND,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": self.owner.labels,
                "annotations": {self.annotation: self.role_arn} | mark,
            },
        }

    def _change(
        self, action: Action, fields: tuple[Field, ...], wanted: Object, *, force: bool = False
    ) -> Change:
        return Change(
            kind=KIND,
            name=self._title,
            action=action,
            fields=fields,
            steps=(Apply(object=wanted, force=force),),
        )


def role_of(found: Object, annotation: str) -> str | None:
    """The role that a ServiceAccount is annotated with."""
    return (found["metadata"].get("annotations") or {}).get(annotation)


def removal(found: Object | None, annotation: str, owner: Owner) -> Diff:
    """What takes the role off a ServiceAccount, or removes it if it is marked as made by irsa."""
    if found is None or not owner.owns_labelled(found["metadata"].get("labels") or {}):
        return Diff()
    metadata = found["metadata"]
    ref = Ref.of(found)
    fields = (Field(name=annotation, before=role_of(found, annotation)),)
    if _created(found):
        step: Step = Delete(ref=ref, uid=metadata["uid"])
        action = Action.remove
    else:
        step = Apply(object=_bare(ref))
        action = Action.change
    change = Change(
        kind=KIND,
        name=f"{ref.namespace}/{ref.name}",
        action=action,
        fields=fields,
        steps=(step,),
    )
    return Diff(changes=(change,))


def _bare(ref: Ref) -> Object:
    """The object without anything: applied, it takes off all that the same manager applied."""
    metadata = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": metadata}


def _created(found: Object) -> bool:
    return (found["metadata"].get("annotations") or {}).get(CREATED_ANNOTATION) == "true"
