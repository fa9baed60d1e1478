"""
The OIDC provider in IAM: the account's trust in the issuer.

It is made only after the documents were read back from outside: AWS may look at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from irsa.aws.call import Call
from irsa.errors import RefusedError
from irsa.identity.issuer import IssuerUrl
from irsa.provision.checks import Published
from irsa.provision.owner import UID_TAG, Owner, tag_list, tag_map, whose
from irsa.provision.resource import Action, Change, Diff, Field, Reader

KIND = "OIDC provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderState:
    """The provider as it is."""

    audiences: tuple[str, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """
    The provider as it should be.

    Args:
        arn: Its ARN, which follows from account and issuer.
        issuer: The issuer's URL.
        audiences: What tokens may be meant for.
        owner: The cluster that it belongs to.
        kids: The keys that have to be readable before the provider is made.
        published: Whether irsa publishes them.
        shared: Whether the provider is somebody else's: audiences are only ever added to it.
    """

    arn: str
    issuer: IssuerUrl
    audiences: tuple[str, ...]
    owner: Owner
    kids: tuple[str, ...]
    published: bool = True
    shared: bool = False

    @property
    def needs_others(self) -> bool:
        """Whether somebody else has to have made it."""
        return self.shared

    def read(self, reader: Reader) -> ProviderState | None:
        """Read the provider; None if there is none."""
        answer = reader.aws(self._call("GetOpenIDConnectProvider"))
        if answer is None:
            return None
        return ProviderState(
            audiences=tuple(answer.get("ClientIDList", ())), tags=tag_map(answer.get("Tags", ()))
        )

    def changes(self, observed: ProviderState | None) -> Diff:
        """
        What makes the provider as it should be.

        Raises:
            RefusedError: The provider is not this cluster's.
        """
        if self.shared:
            return self._added(observed)
        if observed is None:
            return Diff(changes=(self._creation(),))
        self.owner.require_tags(
            f"{KIND} {self.arn}",
            observed.tags,
            adopt="use it as it is with issuer.provider: shared; or whoever made it hands it "
            + "over by tagging it: "
            + ", ".join(f"{key}={value}" for key, value in self.owner.tags.items()),
        )
        pairs = [*self._tag_changes(observed), *self._audience_changes(observed)]
        if not pairs:
            return Diff()
        fields, calls = zip(*pairs, strict=True)
        return Diff(changes=(self._change(Action.change, fields, calls),))

    def removal(self, observed: ProviderState | None) -> Diff:
        """What removes the provider, if it is ours."""
        if observed is None:
            return Diff()
        if self.shared:
            return Diff(notes=(f"{KIND} {self.arn} is shared, not irsa's: left alone",))
        if not self.owner.owns_tagged(observed.tags):
            return Diff(notes=(f"{KIND} {self.arn} {whose(observed.tags)}: left alone",))
        fields = (Field(name="audiences", before=list(observed.audiences)),)
        calls = (self._call("DeleteOpenIDConnectProvider"),)
        return Diff(changes=(self._change(Action.remove, fields, calls),))

    def _added(self, observed: ProviderState | None) -> Diff:
        if observed is None:
            raise RefusedError(
                f"{KIND} {self.arn} does not exist; issuer.provider: shared uses one that "
                "somebody else made",
                hint="have it made first, or leave issuer.provider out: then irsa makes it",
            )
        if UID_TAG in observed.tags and not self.owner.owns_tagged(observed.tags):
            raise RefusedError(
                f"{KIND} {self.arn} {whose(observed.tags)}: clusters with one issuer could forge "
                "each other's identities",
                hint="give this cluster an issuer of its own",
            )
        pairs = [one for one in self._audience_changes(observed) if one[0].after is not None]
        if not pairs:
            return Diff()
        fields, calls = zip(*pairs, strict=True)
        return Diff(changes=(self._change(Action.change, fields, calls),))

    def _creation(self) -> Change:
        create = Call(
            service="iam",
            operation="CreateOpenIDConnectProvider",
            params={
                "Url": str(self.issuer),
                "ClientIDList": list(self.audiences),
                "Tags": tag_list(self.owner.tags),
            },
        )
        return Change(
            kind=KIND,
            name=str(self.issuer),
            action=Action.create,
            fields=(
                Field(name="arn", after=self.arn),
                Field(name="audiences", after=list(self.audiences)),
            ),
            steps=(Published(issuer=self.issuer, kids=self.kids, ours=self.published), create),
        )

    def _audience_changes(self, observed: ProviderState) -> list[tuple[Field, Call]]:
        missing = [one for one in self.audiences if one not in observed.audiences]
        extra = [one for one in observed.audiences if one not in self.audiences]
        return [
            (
                Field(name="audience", after=one),
                self._call("AddClientIDToOpenIDConnectProvider", ClientID=one),
            )
            for one in missing
        ] + [
            (
                Field(name="audience", before=one),
                self._call("RemoveClientIDFromOpenIDConnectProvider", ClientID=one),
            )
            for one in extra
        ]

    def _tag_changes(self, observed: ProviderState) -> list[tuple[Field, Call]]:
        tags = {key: one for key, one in self.owner.tags.items() if observed.tags.get(key) != one}
        if not tags:
            return []
        field = Field(name="tags", before={key: observed.tags.get(key) for key in tags}, after=tags)
        return [(field, self._call("TagOpenIDConnectProvider", Tags=tag_list(tags)))]

    def _call(self, operation: str, **params: Any) -> Call:
        arn = {"OpenIDConnectProviderArn": self.arn}
        return Call(service="iam", operation=operation, params=arn | params)

    def _change(self, action: Action, fields: tuple[Field, ...], calls: tuple[Call, ...]) -> Change:
        return Change(kind=KIND, name=str(self.issuer), action=action, fields=fields, steps=calls)
