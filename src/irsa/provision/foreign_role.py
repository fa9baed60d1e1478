"""
A role that is somebody else's, and the one statement of ours in its trust policy.

Either irsa keeps that statement (`trust-only`), or it only says what its owner has to add
(`external`). Nothing else of the role is ever touched.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.errors import AwsError, RefusedError
from irsa.provision import policies
from irsa.provision.account import quota_of
from irsa.provision.owner import UID_TAG, Owner, tag_map, whose
from irsa.provision.resource import Action, Amend, Change, Diff, Field, Reader
from irsa.provision.role import KIND
from irsa.trust import policy
from irsa.trust.evaluate import WebIdentity, evaluate

_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRoleState:
    """What may be known of the role; `readable` is whether the caller may look at it at all."""

    path: str = "/"
    trust: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    quota: int = 0
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignRole:
    """
    A role of somebody else, as this cluster needs it.

    Args:
        name: Its name.
        path: Its path, part of the ARN that pods are given.
        trust: A trust policy with our statement alone.
        provider_arn: The provider that the statement trusts.
        audience: The audience in the statement.
        accounts: The subjects of the ServiceAccounts, by what the reader calls them.
        owner: The cluster.
        keeps: Whether irsa keeps the statement in the role, or only checks.
    """

    name: str
    path: str
    trust: Mapping[str, Any]
    provider_arn: str
    audience: str
    accounts: Mapping[str, str]
    owner: Owner
    keeps: bool

    @property
    def statement(self) -> dict[str, Any]:
        """Our statement."""
        return policy.statements(self.trust)[0]

    @property
    def needs_others(self) -> bool:
        """Whether somebody else has to have made it."""
        return self.keeps

    @property
    def taking_out(self) -> tuple[Call, ...]:
        """The calls that will take our statement out again."""
        return self._amend.calls if self.keeps else ()

    def read(self, reader: Reader) -> ForeignRoleState | None:
        """Read the role; None if there is none."""
        try:
            answer = reader.aws(
                Call(service="iam", operation="GetRole", params={"RoleName": self.name})
            )
        except AwsError as error:
            if self.keeps or error.code not in _DENIED:
                raise
            return ForeignRoleState(readable=False)
        if answer is None:
            return None
        role = answer["Role"]
        missing = self.keeps and not self._has_statement(role["AssumeRolePolicyDocument"])
        return ForeignRoleState(
            path=role["Path"],
            trust=role["AssumeRolePolicyDocument"],
            tags=tag_map(role.get("Tags", ())),
            quota=quota_of(reader) if missing else 0,
        )

    def changes(self, observed: ForeignRoleState | None) -> Diff:
        """
        What puts our statement into the trust policy, or what its owner has to do.

        Raises:
            RefusedError: irsa should keep the statement, and cannot.
        """
        return self._kept(observed) if self.keeps else Diff(notes=self._advice(observed))

    def removal(self, observed: ForeignRoleState | None) -> Diff:
        """What takes our statement out again, and nothing else."""
        ours = self._ours(observed)
        if observed is None or not ours:
            return Diff()
        if not self.keeps:
            sids = ", ".join(one["Sid"] for one in ours)
            note = f"{KIND} {self.name} is not irsa's: its owner has to take out the statement "
            return Diff(notes=(f"{note}{sids} of its trust policy",))
        return take_out(self.name, observed.trust, self.owner)

    def _kept(self, observed: ForeignRoleState | None) -> Diff:
        if observed is None:
            raise RefusedError(
                f"{KIND} {self.name} does not exist; management: trust-only adds to a role that "
                "somebody else made",
                hint="have it made first, or leave management out: then irsa makes it",
            )
        self._require_path(observed)
        self._require_free(observed)
        ours = self._ours(observed)
        if self._has_statement(observed.trust):
            return Diff()
        self._require_size(observed)
        shown = [Field(name="trust policy, our statement", before=one) for one in ours]
        if len(shown) < 2:
            before = ours[0] if ours else None
            name = "trust policy, our statement"
            shown = [Field(name=name, before=before, after=self.statement)]
        return Diff(changes=(_change(self.name, shown, self._amend),))

    @property
    def _amend(self) -> Amend:
        return Amend(role=self.name, cluster_uid=self.owner.uid, statement=self.statement)

    def _ours(self, observed: ForeignRoleState | None) -> list[dict[str, Any]]:
        return statements_of(observed.trust, self.owner) if observed else []

    def _has_statement(self, trust: Mapping[str, Any]) -> bool:
        return policies.same(statements_of(trust, self.owner), [self.statement])

    def _require_path(self, observed: ForeignRoleState) -> None:
        if observed.path != self.path:
            raise RefusedError(
                f"{KIND} {self.name} has the path {observed.path}, the configuration says "
                f"{self.path}: pods would be given another ARN",
                hint=f"write path: {observed.path} for this role",
            )

    def _require_free(self, observed: ForeignRoleState) -> None:
        tags = observed.tags
        if UID_TAG in tags and not self.owner.owns_tagged(tags):
            raise RefusedError(
                f"{KIND} {self.name} {whose(tags)}, whose irsa keeps its whole trust policy and "
                "would take our statement out again",
                hint="choose a role that no cluster owns",
            )

    def _require_size(self, observed: ForeignRoleState) -> None:
        wanted = policy.amend(observed.trust, self.statement, cluster_uid=self.owner.uid)
        size = policy.size(wanted)
        if size > observed.quota:
            raise RefusedError(
                f"the trust policy of role {self.name} would have {size} characters with our "
                f"statement, the account allows {observed.quota}",
                hint="give these ServiceAccounts a role of their own, or ask AWS for a higher "
                "quota (IAM, role trust policy length)",
            )

    def _advice(self, observed: ForeignRoleState | None) -> tuple[str, ...]:
        if observed is None:
            return (self._note("does not exist (management: external). It has to be made, with"),)
        if not observed.readable:
            return (self._note("may not be read (iam:GetRole). Make sure that it has"),)
        notes = []
        if observed.path != self.path:
            notes.append(
                f"{KIND} {self.name} has the path {observed.path}, the configuration says "
                f"{self.path}: pods are given an ARN that does not exist"
            )
        missing = [
            name for name, subject in self.accounts.items() if not self._lets(subject, observed)
        ]
        if missing:
            said = f"does not let {', '.join(missing)} in yet (management: external). It needs"
            notes.append(self._note(said))
        return tuple(notes)

    def _lets(self, subject: str, observed: ForeignRoleState) -> bool:
        who = WebIdentity.of(self.provider_arn, subject=subject, audience=self.audience)
        return evaluate(observed.trust, who).allowed

    def _note(self, said: str) -> str:
        statement = json.dumps(self.statement, indent=2)
        return f"{KIND} {self.name} {said} this statement in its trust policy:\n{statement}"


def statements_of(trust: Mapping[str, Any], owner: Owner) -> list[dict[str, Any]]:
    """The statements of this cluster in a trust policy."""
    return [one for one in policy.statements(trust) if policy.of_cluster(one, owner.uid)]


def take_out(name: str, trust: Mapping[str, Any], owner: Owner) -> Diff:
    """What takes this cluster's statements out of the trust policy of somebody else's role."""
    ours = statements_of(trust, owner)
    if len(ours) == len(policy.statements(trust)):
        return Diff(
            notes=(
                f"{KIND} {name} is somebody else's, and its trust policy holds nothing but irsa's "
                "statement: IAM takes no empty one, so its owner has to replace it",
            )
        )
    fields = [Field(name="trust policy, our statement", before=one) for one in ours]
    step = Amend(role=name, cluster_uid=owner.uid, statement=None)
    return Diff(changes=(_change(name, fields, step),))


def _change(name: str, fields: list[Field], step: Amend) -> Change:
    return Change(kind=KIND, name=name, action=Action.change, fields=tuple(fields), steps=(step,))
