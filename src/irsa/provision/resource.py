"""
What every kind of thing has in common: how it is read, and how a difference becomes steps.

Never here: a concrete kind of thing, boto3, a client.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from irsa.aws.call import Call
from irsa.kube.objects import Object, Propagation, Ref
from irsa.provision.checks import Check


class Action(StrEnum):
    """What happens to a thing."""

    create = "create"
    change = "change"
    recreate = "recreate"
    remove = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply:
    """
    One server-side apply: the object, exactly as it is sent.

    Args:
        object: The object.
        force: Whether fields that somebody else changed meanwhile are taken back.
    """

    object: Object
    force: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object, as plain JSON values."""
        return {"apply": self.object, "force": self.force}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """
    One deletion in Kubernetes: this very object, not a later one of the same name.

    Args:
        dependents_first: The object stays until all that it owns is gone.
    """

    ref: Ref
    uid: str
    dependents_first: bool = False

    def to_json(self) -> dict[str, Any]:
        """What is deleted, as plain JSON values."""
        return {"delete": self.ref.path, "uid": self.uid, "propagation": self.propagation}

    @property
    def propagation(self) -> Propagation:
        """Kubernetes' word for it."""
        return "Foreground" if self.dependents_first else "Background"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend:
    """
    One statement of ours in the trust policy of somebody else's role; everything else stays.

    It is read, merged and written when it is carried out: what others change meanwhile is kept.

    Args:
        role: The name of the role.
        cluster_uid: The cluster whose statement it is.
        statement: What it should be; None takes it out.
    """

    role: str
    cluster_uid: str
    statement: Mapping[str, Any] | None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that it takes, as far as they are known beforehand."""
        operations = ("GetRole", "UpdateAssumeRolePolicy")
        params = {"RoleName": self.role}
        return tuple(Call(service="iam", operation=one, params=params) for one in operations)

    def to_json(self) -> dict[str, Any]:
        """What is amended, as plain JSON values."""
        return {"amend": self.role, "clusterUid": self.cluster_uid, "statement": self.statement}


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteFile:
    """
    One file, written whole, if it still is what it was.

    Args:
        path: The file.
        content: What it will hold.
        before: What it held when the plan was made; None if there was none.
    """

    path: str
    content: bytes
    before: bytes | None

    def to_json(self) -> dict[str, Any]:
        """The file, as plain JSON values."""
        before = self.before.decode(errors="replace") if self.before is not None else None
        content = self.content.decode(errors="replace")
        return {"write": self.path, "content": content, "before": before}


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFile:
    """One file that goes, if it still is what it was."""

    path: str
    before: bytes

    def to_json(self) -> dict[str, Any]:
        """The file, as plain JSON values."""
        return {"remove": self.path, "before": self.before.decode(errors="replace")}


Step = Call | Apply | Delete | Amend | WriteFile | RemoveFile | Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property that will be another: what it is now (None: nothing), and what it will be."""

    name: str
    before: Any = None
    after: Any = None

    def to_json(self) -> dict[str, Any]:
        """The property, as plain JSON values."""
        return {"name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """
    One thing that will be made, changed or removed.

    Args:
        kind: What it is, in words: `bucket`, `role`, `ServiceAccount`.
        name: Which one.
        action: What happens to it.
        fields: What the reader sees of it.
        steps: What is sent for it, in order.
        origin: The thing that it belongs to; it may have more changes than this one.
    """

    kind: str
    name: str
    action: Action
    fields: tuple[Field, ...] = ()
    steps: tuple[Step, ...] = ()
    origin: "Origin | None" = field(default=None, compare=False, repr=False)

    @property
    def thing(self) -> str:
        """What it happens to."""
        return f"{self.kind} {self.name}"

    @property
    def title(self) -> str:
        """What happens, in a few words."""
        return f"{self.action} {self.thing}"

    @property
    def late(self) -> bool:
        """Whether it may be seen only a while after it was made: all of IAM is."""
        return any(
            isinstance(step, Amend) or (isinstance(step, Call) and step.service == "iam")
            for step in self.steps
        )

    def to_json(self) -> dict[str, Any]:
        """The change, as plain JSON values."""
        return {
            "kind": self.kind,
            "name": self.name,
            "action": str(self.action),
            "fields": [one.to_json() for one in self.fields],
            "steps": [one.to_json() for one in self.steps],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What has to happen to a thing, and what the reader should know although nothing happens."""

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """What a thing may ask about the world; every answer is None where there is no such thing."""

    def aws(self, call: Call) -> Mapping[str, Any] | None:
        """Ask AWS."""

    def kube(self, ref: Ref) -> Object | None:
        """Ask the API server for one object."""

    def kube_list(self, api_version: str, kind: str, *, label_selector: str) -> list[Object]:
        """Ask the API server for all objects of a kind that carry a label."""

    def file(self, path: str) -> bytes | None:
        """Read a file of the issuer's directory."""

    def preview(self, thing: Object) -> Object:
        """What an object would look like if it were applied, with force."""


Observed = TypeVar("Observed")


class Resource(Protocol[Observed]):
    """A thing that should exist."""

    def read(self, reader: Reader) -> Observed:
        """What exists of it now."""

    def changes(self, observed: Observed) -> Diff:
        """
        What makes it as it should be.

        Raises:
            RefusedError: It is somebody else's, or cannot be as it should.
        """

    def removal(self, observed: Observed) -> Diff:
        """What removes it, as far as it is ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    The thing that changes belong to: read again, it tells what is still to be done.

    Args:
        resource: The thing.
        removed: Whether the plan removes it.
    """

    resource: Resource[Any]
    removed: bool = False

    def diff(self, observed: Any) -> Diff:
        """
        What has to happen to it, as it is seen.

        Raises:
            RefusedError: It is somebody else's, or cannot be as it should.
        """
        look = self.resource.removal if self.removed else self.resource.changes
        found = look(observed)
        return replace(found, changes=tuple(replace(one, origin=self) for one in found.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """
    Everything that will happen, in order.

    Args:
        changes: What will be sent.
        notes: What the reader should know.
        checks: What is waited for at the end, whether anything was changed or not.
    """

    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = field(default=())

    @property
    def written(self) -> tuple[Origin, ...]:
        """What shows late that it was changed, each thing once."""
        late = (change.origin for change in self.changes if change.late)
        return tuple({id(one): one for one in late if one}.values())

    def count(self, *actions: Action) -> int:
        """How many changes are of these kinds."""
        return sum(change.action in actions for change in self.changes)

    @property
    def summary(self) -> dict[str, int]:
        """How much is made, changed and removed; a replacement is both made and removed."""
        return {
            "create": self.count(Action.create, Action.recreate),
            "change": self.count(Action.change),
            "remove": self.count(Action.remove, Action.recreate),
        }

    def to_json(self) -> dict[str, Any]:
        """The plan, as plain JSON values: exactly what will be sent."""
        return {
            "summary": self.summary,
            "changes": [change.to_json() for change in self.changes],
            "checks": [check.to_json() for check in self.checks],
            "notes": list(self.notes),
        }
