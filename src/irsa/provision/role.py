"""
A role in IAM, and who may assume it.

The role is exactly what the configuration says: policies that somebody else attached are taken off,
and shown first. Only tags of others stay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.provision import policies
from irsa.provision.owner import Owner, tag_list, tag_map, whose
from irsa.provision.resource import Action, Change, Diff, Field, Reader, Step

KIND = "role"
INLINE_NAME = "irsa"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """A role as it is."""

    path: str
    description: str
    trust: Mapping[str, Any]
    max_session_duration: int
    tags: Mapping[str, str]
    boundary: str | None = None
    policies: tuple[str, ...] = ()
    inline: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """
    A role as it should be.

    Args:
        name: Its name, unique in the account.
        path: Its path, part of the ARN.
        description: For people.
        trust: The trust policy.
        subjects: Who may assume the role, as namespace/name.
        max_session_duration: In seconds.
        tags: Its tags, those of the owner included.
        owner: The cluster that it belongs to.
        boundary: The ARN of the permissions boundary.
        policies: The ARNs of the managed policies.
        inline: Its own policy.
    """

    name: str
    path: str
    description: str
    trust: Mapping[str, Any]
    max_session_duration: int
    tags: Mapping[str, str]
    owner: Owner
    subjects: tuple[str, ...] = ()
    boundary: str | None = None
    policies: tuple[str, ...] = ()
    inline: Mapping[str, Any] | None = None

    def read(self, reader: Reader) -> RoleState | None:
        """Read the role with its policies; None if there is none."""
        return read_role(reader, self.name)

    def changes(self, observed: RoleState | None) -> Diff:
        """
        What makes the role as it should be; another path needs another role.

        Raises:
            RefusedError: The role is not this cluster's.
        """
        if observed is None:
            return Diff(changes=(self._creation(),))
        adopt = "choose another name for it (roles: name), or remove the role if nobody needs it"
        self.owner.require_tags(f"{KIND} {self.name}", observed.tags, adopt=adopt)
        if observed.path != self.path:
            return Diff(changes=(self._replacement(observed),))
        pairs = (*self._own(observed), *self._managed(observed), *self._inline(observed))
        if not pairs:
            return Diff()
        fields, calls = zip(*pairs, strict=True)
        return Diff(changes=(self._change(Action.change, fields, calls),))

    def removal(self, observed: RoleState | None) -> Diff:
        """What removes the role, if it is ours."""
        return removal(self.name, observed, self.owner)

    def _creation(self) -> Change:
        params = {
            "RoleName": self.name,
            "Path": self.path,
            "AssumeRolePolicyDocument": policies.spell(self.trust),
            "Description": self.description,
            "MaxSessionDuration": self.max_session_duration,
            "Tags": tag_list(self.tags),
        }
        if self.boundary:
            params["PermissionsBoundary"] = self.boundary
        fresh = RoleState(
            path=self.path,
            description=self.description,
            trust=self.trust,
            max_session_duration=self.max_session_duration,
            tags=self.tags,
            boundary=self.boundary,
        )
        pairs = (*self._managed(fresh), *self._inline(fresh))
        return self._change(
            Action.create,
            (*self._face(), *(field for field, _ in pairs)),
            (self._call("CreateRole", **params), *(call for _, call in pairs)),
        )

    def _face(self) -> tuple[Field, ...]:
        own = {key: one for key, one in self.tags.items() if key not in self.owner.tags}
        values = {
            "path": self.path,
            "assumed by": list(self.subjects),
            "session duration (seconds)": self.max_session_duration,
            "permissions boundary": self.boundary,
            "tags": own,
        }
        return tuple(_field(name, None, value) for name, value in values.items() if value)

    def _replacement(self, observed: RoleState) -> Change:
        made = self._creation()
        return self._change(
            Action.recreate,
            (_field("path (a new role, with another id)", observed.path, self.path),),
            (*removal_calls(self.name, observed), *made.steps),
        )

    def _own(self, observed: RoleState) -> list[tuple[Field, Call]]:
        pairs = []
        if not policies.same(observed.trust, self.trust):
            document = policies.spell(self.trust)
            call = self._call("UpdateAssumeRolePolicy", PolicyDocument=document)
            pairs.append((_field("trust policy", observed.trust, self.trust), call))
        if (observed.max_session_duration, observed.description) != (
            self.max_session_duration,
            self.description,
        ):
            pairs.append((self._update_field(observed), self._update()))
        if observed.boundary != self.boundary:
            call = self._boundary()
            pairs.append((_field("permissions boundary", observed.boundary, self.boundary), call))
        tags = {key: one for key, one in self.tags.items() if observed.tags.get(key) != one}
        if tags:
            before = {key: observed.tags[key] for key in tags if key in observed.tags} or None
            pairs.append((_field("tags", before, tags), self._call("TagRole", Tags=tag_list(tags))))
        return pairs

    def _update_field(self, observed: RoleState) -> Field:
        if observed.max_session_duration != self.max_session_duration:
            before, after = observed.max_session_duration, self.max_session_duration
            return _field("session duration (seconds)", before, after)
        return _field("description", observed.description, self.description)

    def _update(self) -> Call:
        return self._call(
            "UpdateRole",
            Description=self.description,
            MaxSessionDuration=self.max_session_duration,
        )

    def _boundary(self) -> Call:
        if self.boundary is None:
            return self._call("DeleteRolePermissionsBoundary")
        return self._call("PutRolePermissionsBoundary", PermissionsBoundary=self.boundary)

    def _managed(self, observed: RoleState) -> list[tuple[Field, Call]]:
        attach = [one for one in self.policies if one not in observed.policies]
        detach = [one for one in observed.policies if one not in self.policies]
        return [
            (_field("policy", None, one), self._call("AttachRolePolicy", PolicyArn=one))
            for one in attach
        ] + [
            (_field("policy", one, None), self._call("DetachRolePolicy", PolicyArn=one))
            for one in detach
        ]

    def _inline(self, observed: RoleState) -> list[tuple[Field, Call]]:
        pairs = []
        before = observed.inline.get(INLINE_NAME)
        if self.inline is not None and not policies.same(before, self.inline):
            call = self._call(
                "PutRolePolicy",
                PolicyName=INLINE_NAME,
                PolicyDocument=policies.spell(self.inline),
            )
            pairs.append((_field("inline policy", before, self.inline), call))
        for name, document in observed.inline.items():
            if self.inline is None or name != INLINE_NAME:
                call = self._call("DeleteRolePolicy", PolicyName=name)
                pairs.append((_field(f"inline policy {name}", document, None), call))
        return pairs

    def _call(self, operation: str, **params: Any) -> Call:
        return _call(self.name, operation, **params)

    def _change(self, action: Action, fields: tuple[Field, ...], calls: tuple[Step, ...]) -> Change:
        return Change(kind=KIND, name=self.name, action=action, fields=fields, steps=calls)


def read_role(reader: Reader, name: str) -> RoleState | None:
    """Read a role with its policies; None if there is none."""
    answer = reader.aws(_call(name, "GetRole"))
    if answer is None:
        return None
    role = answer["Role"]
    attached = reader.aws(_call(name, "ListAttachedRolePolicies")) or {}
    names = (reader.aws(_call(name, "ListRolePolicies")) or {}).get("PolicyNames", ())
    return RoleState(
        path=role["Path"],
        description=role.get("Description", ""),
        trust=role["AssumeRolePolicyDocument"],
        max_session_duration=role.get("MaxSessionDuration", 3600),
        tags=tag_map(role.get("Tags", ())),
        boundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        policies=tuple(one["PolicyArn"] for one in attached.get("AttachedPolicies", ())),
        inline={one: _inline_document(reader, name, one) for one in names},
    )


def removal(name: str, observed: RoleState | None, owner: Owner) -> Diff:
    """What removes a role with all that hangs on it, if it is the owner's."""
    if observed is None:
        return Diff()
    if not owner.owns_tagged(observed.tags):
        return Diff(notes=(f"{KIND} {name} {whose(observed.tags)}: left alone",))
    attached = [_field("policy", one, None) for one in observed.policies]
    inline = [_field(f"inline policy {one}", observed.inline[one], None) for one in observed.inline]
    change = Change(
        kind=KIND,
        name=name,
        action=Action.remove,
        fields=(*attached, *inline),
        steps=removal_calls(name, observed),
    )
    return Diff(changes=(change,))


def removal_calls(name: str, observed: RoleState) -> tuple[Call, ...]:
    """The calls that remove a role: IAM wants its policies gone first."""
    return (
        *(_call(name, "DetachRolePolicy", PolicyArn=one) for one in observed.policies),
        *(_call(name, "DeleteRolePolicy", PolicyName=one) for one in observed.inline),
        _call(name, "DeleteRole"),
    )


def _inline_document(reader: Reader, role: str, name: str) -> Mapping[str, Any]:
    answer = reader.aws(_call(role, "GetRolePolicy", PolicyName=name)) or {}
    document: Mapping[str, Any] = answer.get("PolicyDocument", {})
    return document


def _call(role: str, operation: str, **params: Any) -> Call:
    return Call(service="iam", operation=operation, params={"RoleName": role} | params)


def _field(name: str, before: Any, after: Any) -> Field:
    return Field(name=name, before=before, after=after)
