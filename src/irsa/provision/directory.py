"""
The two public documents of the issuer as files, for any web server or static host.

A key id is never dropped, as in a bucket. Whether the world sees them is read back afterwards.
"""

from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any

from irsa.errors import InputError, RefusedError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import PublicKey
from irsa.provision.checks import Published
from irsa.provision.resource import Action, Change, Diff, Field, Reader, RemoveFile, WriteFile

KIND = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryState:
    """What the two files hold; None where there is none."""

    jwks: bytes | None = None
    discovery: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """
    The files as they should be.

    Args:
        root: The directory that is shown at the issuer's URL.
        issuer: The issuer's URL.
        keys: The public keys that have to be published.
    """

    root: str
    issuer: IssuerUrl
    keys: tuple[PublicKey, ...]

    @property
    def jwks_path(self) -> str:
        """Where the JWKS is."""
        return str(PurePath(self.root) / JWKS_KEY)

    @property
    def discovery_path(self) -> str:
        """Where the discovery document is."""
        return str(PurePath(self.root) / DISCOVERY_KEY)

    def read(self, reader: Reader) -> DirectoryState:
        """Read both files."""
        return DirectoryState(
            jwks=reader.file(self.jwks_path), discovery=reader.file(self.discovery_path)
        )

    def changes(self, observed: DirectoryState) -> Diff:
        """
        What publishes the keys: the JWKS before the document that points to it.

        Raises:
            RefusedError: The files are another issuer's, or cannot be understood.
        """
        self._require_ours(observed)
        keys = self._merged(observed)
        wanted = (
            (self.jwks_path, observed.jwks, jwks.build(keys)),
            (self.discovery_path, observed.discovery, discovery.build(self.issuer, keys)),
        )
        changes = [_written(*one) for one in wanted if one[1] != one[2]]
        if changes:
            published = Published(issuer=self.issuer, kids=tuple(key.kid for key in keys))
            last = changes.pop()
            changes.append(replace(last, steps=(*last.steps, published)))
        return Diff(changes=tuple(changes))

    def removal(self, observed: DirectoryState) -> Diff:
        """What removes the two files, and nothing else in the directory."""
        try:
            self._require_ours(observed)
        except RefusedError as error:
            return Diff(notes=(f"{error.message}: left alone",))
        found = (
            (self.discovery_path, observed.discovery),
            (self.jwks_path, observed.jwks),
        )
        return Diff(changes=tuple(_removed(path, body) for path, body in found if body is not None))

    def _require_ours(self, observed: DirectoryState) -> None:
        if observed.discovery is None:
            return
        found = self._understood(
            discovery.parse, observed.discovery, self.discovery_path, "discovery document"
        )
        if found.issuer != str(self.issuer):
            raise RefusedError(
                f"{self.discovery_path} is the document of another issuer, {found.issuer}",
                hint="every issuer needs a directory of its own: choose another issuer.directory",
            )

    def _merged(self, observed: DirectoryState) -> tuple[PublicKey, ...]:
        if observed.jwks is None:
            return self.keys
        present = self._understood(jwks.parse, observed.jwks, self.jwks_path, "JWKS")
        return tuple(jwks.merge(present, self.keys))

    def _understood(self, parse: Any, body: bytes, path: str, name: str) -> Any:
        try:
            return parse(body, path)
        except InputError as error:
            raise RefusedError(
                f"the {name} in {path} cannot be understood: {error.message}",
                hint="put an earlier version of the file back, or remove it if nobody needs it",
            ) from error


def _written(path: str, before: bytes | None, after: bytes) -> Change:
    return Change(
        kind=KIND,
        name=path,
        action=Action.create if before is None else Action.change,
        fields=(Field(name="content", before=_text(before), after=_text(after)),),
        steps=(WriteFile(path=path, content=after, before=before),),
    )


def _removed(path: str, body: bytes) -> Change:
    return Change(
        kind=KIND,
        name=path,
        action=Action.remove,
        steps=(RemoveFile(path=path, before=body),),
    )


def _text(body: bytes | None) -> str | None:
    return None if body is None else body.decode(errors="replace")
