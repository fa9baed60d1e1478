"""
What this cluster once had and the configuration no longer names: roles and ServiceAccounts.

They are shown, and removed only when that is asked for.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.kube.objects import Object
from irsa.provision import foreign_role, role, service_account
from irsa.provision.owner import UID_LABEL, Owner, tag_map
from irsa.provision.resource import Diff, Reader
from irsa.provision.role import RoleState


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverState:
    """Roles of this cluster, and the trust policies of others' that still hold its statement."""

    roles: Mapping[str, RoleState]
    trusts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """
    The roles that let this cluster in and are not in the configuration: its own, and others'.

    Args:
        owner: The cluster.
        provider_arn: The provider that their trust policies name.
        configured: The names of the roles that are in the configuration.
        prune: Whether they should go.
    """

    owner: Owner
    provider_arn: str
    configured: frozenset[str]
    prune: bool = False

    def read(self, reader: Reader) -> LeftoverState:
        """
        Find the roles: ours by tag, which no list of roles holds.

        Our statement or our provider leads to them; an earlier issuer had another provider.
        """
        answer = reader.aws(Call(service="iam", operation="ListRoles")) or {}
        roles, trusts = {}, {}
        for one in answer.get("Roles", ()):
            name, trust = one["RoleName"], one.get("AssumeRolePolicyDocument", {})
            if name in self.configured:
                continue
            names_us = bool(foreign_role.statements_of(trust, self.owner))
            if (names_us or self._trusts(trust)) and self._ours(reader, name):
                state = role.read_role(reader, name)
                if state is not None:
                    roles[name] = state
            elif names_us:
                trusts[name] = trust
        return LeftoverState(roles=roles, trusts=trusts)

    def changes(self, observed: LeftoverState) -> Diff:
        """A note about each, or its removal."""
        if self.prune:
            return self.removal(observed)
        notes = [
            f"role {name} is left over: it is not in the configuration (--prune removes it)"
            for name in observed.roles
        ]
        notes += [
            f"role {name} of somebody else still lets this cluster in, and is not in the "
            "configuration (--prune takes our statement out)"
            for name in observed.trusts
        ]
        return Diff(notes=tuple(notes))

    def removal(self, observed: LeftoverState) -> Diff:
        """What removes them."""
        diffs = [role.removal(name, state, self.owner) for name, state in observed.roles.items()]
        for name, trust in observed.trusts.items():
            diffs.append(foreign_role.take_out(name, trust, self.owner))
        return Diff(
            changes=tuple(change for diff in diffs for change in diff.changes),
            notes=tuple(note for diff in diffs for note in diff.notes),
        )

    def _trusts(self, trust: Mapping[str, Any]) -> bool:
        return self.provider_arn in json.dumps(trust)

    def _ours(self, reader: Reader, name: str) -> bool:
        call = Call(service="iam", operation="ListRoleTags", params={"RoleName": name})
        return self.owner.owns_tagged(tag_map((reader.aws(call) or {}).get("Tags", ())))


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverAccounts:
    """
    The ServiceAccounts that were annotated by irsa and are not in the configuration.

    Args:
        owner: The cluster.
        annotation: The annotation that names the role.
        configured: Those in the configuration, as namespace/name.
        prune: Whether the annotation should go.
    """

    owner: Owner
    annotation: str
    configured: frozenset[str] = field(default=frozenset())
    prune: bool = False

    def read(self, reader: Reader) -> list[Object]:
        """Find them by label."""
        selector = f"{UID_LABEL}={self.owner.uid}"
        found = reader.kube_list("v1", "ServiceAccount", label_selector=selector)
        return [
            one
            for one in found
            if _title(one) not in self.configured
            and service_account.role_of(one, self.annotation) is not None
        ]

    def changes(self, observed: list[Object]) -> Diff:
        """A note about each, or its removal."""
        if self.prune:
            return self.removal(observed)
        return Diff(
            notes=tuple(
                f"ServiceAccount {_title(one)} is left over: it has a role and is not in the "
                "configuration (--prune takes it off)"
                for one in observed
            )
        )

    def removal(self, observed: list[Object]) -> Diff:
        """What takes the role off them."""
        diffs = [service_account.removal(one, self.annotation, self.owner) for one in observed]
        return Diff(changes=tuple(change for diff in diffs for change in diff.changes))


def _title(found: Object) -> str:
    return f"{found['metadata']['namespace']}/{found['metadata']['name']}"
