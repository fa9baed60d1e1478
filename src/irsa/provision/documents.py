"""
The two public documents of the issuer, as objects in the bucket.

A key id is never dropped here, and the JWKS is never empty: what verifies a token today must verify
it tomorrow. Writes are conditional, so that two people cannot undo each other's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from irsa.aws.call import Call
from irsa.errors import InputError, RefusedError
from irsa.identity import discovery, jwks
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import PublicKey
from irsa.provision.checks import Published
from irsa.provision.owner import Owner, tag_map
from irsa.provision.resource import Action, Change, Diff, Field, Reader

KIND = "document"
CONTENT_TYPE = "application/json"
CACHE_CONTROL = "public, max-age=300"
UID_METADATA = "irsa-cluster-uid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One object as it is in the bucket."""

    body: bytes
    etag: str
    content_type: str | None = None
    cache_control: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentsState:
    """
    What is in the bucket.

    Args:
        jwks: The JWKS, None if there is none.
        discovery: The discovery document, None if there is none.
        versions: Every version and delete marker of the two, as (key, version id).
        tags: The bucket's tags: whose it is, these are.
    """

    jwks: Stored | None = None
    discovery: Stored | None = None
    versions: tuple[tuple[str, str], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """
    The documents as they should be.

    Args:
        bucket: The bucket.
        account: The account that must own the bucket.
        prefix: The path inside the bucket.
        issuer: The issuer's URL.
        keys: The public keys that have to be published.
        owner: The cluster that the documents belong to.
        shared: Whether the bucket is somebody else's. The objects then say themselves whose they
            are, and nobody else's is touched.
    """

    bucket: str
    account: str
    prefix: str
    issuer: IssuerUrl
    keys: tuple[PublicKey, ...]
    owner: Owner
    shared: bool = False

    @property
    def jwks_key(self) -> str:
        """The key of the JWKS in the bucket."""
        return object_key(self.prefix, JWKS_KEY)

    @property
    def discovery_key(self) -> str:
        """The key of the discovery document in the bucket."""
        return object_key(self.prefix, DISCOVERY_KEY)

    def read(self, reader: Reader) -> DocumentsState:
        """Read both documents and the list of their versions."""
        return DocumentsState(
            jwks=_stored(reader.aws(self._call("GetObject", Key=self.jwks_key))),
            discovery=_stored(reader.aws(self._call("GetObject", Key=self.discovery_key))),
            versions=(
                *self._versions(reader, self.discovery_key),
                *self._versions(reader, self.jwks_key),
            ),
            tags=tag_map((reader.aws(self._call("GetBucketTagging")) or {}).get("TagSet", ())),
        )

    def changes(self, observed: DocumentsState) -> Diff:
        """
        What publishes the keys: the JWKS before the document that points to it.

        Raises:
            RefusedError: The JWKS in the bucket cannot be understood, or is somebody else's.
        """
        self._require_ours(observed)
        keys = self._merged(observed.jwks)
        published = Published(issuer=self.issuer, kids=tuple(key.kid for key in keys))
        wanted = (
            (self.jwks_key, observed.jwks, jwks.build(keys), _keys_face(keys)),
            (
                self.discovery_key,
                observed.discovery,
                discovery.build(self.issuer, keys),
                Field(name="issuer", after=str(self.issuer)),
            ),
        )
        writes = [self._write(key, stored, body, face=face) for key, stored, body, face in wanted]
        changes = [change for change in writes if change is not None]
        if changes:
            last = changes.pop()
            changes.append(replace(last, steps=(*last.steps, published)))
        return Diff(changes=tuple(changes))

    def removal(self, observed: DocumentsState) -> Diff:
        """What removes the documents: every version, and every delete marker."""
        if not self.owner.owns_tagged(observed.tags):
            return self._own_removal(observed) if self.shared else Diff()
        return Diff(
            changes=tuple(
                change
                for key in (self.discovery_key, self.jwks_key)
                if (change := self._removed(key, observed.versions))
            )
        )

    def _own_removal(self, observed: DocumentsState) -> Diff:
        """What removes those objects that say that they are ours, from a bucket that is not."""
        found = self._found(observed)
        changes = [
            self._removed(key, observed.versions)
            for key, stored in found.items()
            if stored and self._says_ours(stored)
        ]
        notes = [
            f"s3://{self.bucket}/{key} was not written by irsa for this cluster: left alone"
            for key, stored in found.items()
            if stored and not self._says_ours(stored)
        ]
        return Diff(changes=tuple(one for one in changes if one), notes=tuple(notes))

    def _found(self, observed: DocumentsState) -> dict[str, Stored | None]:
        return {self.discovery_key: observed.discovery, self.jwks_key: observed.jwks}

    def _says_ours(self, stored: Stored) -> bool:
        return stored.metadata.get(UID_METADATA) == self.owner.uid

    def _require_ours(self, observed: DocumentsState) -> None:
        if not self.shared or self.owner.owns_tagged(observed.tags):
            return
        for key, stored in self._found(observed).items():
            if stored and not self._says_ours(stored):
                raise RefusedError(
                    f"s3://{self.bucket}/{key} exists and was not written by irsa for this cluster",
                    hint="every cluster needs a prefix of its own: choose another issuer.prefix",
                )

    def _removed(self, key: str, versions: tuple[tuple[str, str], ...]) -> Change | None:
        steps = tuple(
            self._call("DeleteObject", Key=key, VersionId=version)
            for name, version in versions
            if name == key
        )
        if not steps:
            return None
        return Change(
            kind=KIND,
            name=f"s3://{self.bucket}/{key}",
            action=Action.remove,
            fields=(Field(name="versions", before=len(steps)),),
            steps=steps,
        )

    def _merged(self, stored: Stored | None) -> tuple[PublicKey, ...]:
        if stored is None:
            return self.keys
        source = f"s3://{self.bucket}/{self.jwks_key}"
        try:
            return tuple(jwks.merge(jwks.parse(stored.body, source), self.keys))
        except InputError as error:
            raise RefusedError(
                f"the published JWKS cannot be understood, and may hold keys that tokens are "
                f"verified with: {error.message}",
                hint="put an earlier version of the object back, or delete it if it is not needed",
            ) from error

    def _write(self, key: str, stored: Stored | None, body: bytes, *, face: Field) -> Change | None:
        wanted = Stored(
            body=body,
            etag=stored.etag if stored else "",
            content_type=CONTENT_TYPE,
            cache_control=CACHE_CONTROL,
            metadata={UID_METADATA: self.owner.uid} if self.shared else {},
        )
        if stored == wanted:
            return None
        condition = {"IfMatch": stored.etag} if stored else {"IfNoneMatch": "*"}
        put = self._call(
            "PutObject",
            Key=key,
            Body=body,
            ContentType=CONTENT_TYPE,
            CacheControl=CACHE_CONTROL,
            **({"Metadata": wanted.metadata} if self.shared else {}),
            **condition,
        )
        return Change(
            kind=KIND,
            name=f"s3://{self.bucket}/{key}",
            action=Action.change if stored else Action.create,
            fields=_differences(stored, wanted) if stored else (face,),
            steps=(put,),
        )

    def _versions(self, reader: Reader, key: str) -> list[tuple[str, str]]:
        answer = reader.aws(self._call("ListObjectVersions", Prefix=key)) or {}
        entries = (*answer.get("Versions", ()), *answer.get("DeleteMarkers", ()))
        return [(one["Key"], one["VersionId"]) for one in entries if one["Key"] == key]

    def _call(self, operation: str, **params: Any) -> Call:
        common = {"Bucket": self.bucket, "ExpectedBucketOwner": self.account}
        return Call(service="s3", operation=operation, params=common | params)


def object_key(prefix: str, name: str) -> str:
    """The key of a document under a prefix."""
    return f"{prefix}/{name}" if prefix else name


def _stored(answer: Mapping[str, Any] | None) -> Stored | None:
    if answer is None:
        return None
    return Stored(
        body=answer["Body"],
        etag=answer["ETag"],
        content_type=answer.get("ContentType"),
        cache_control=answer.get("CacheControl"),
        metadata=answer.get("Metadata") or {},
    )


def _keys_face(keys: tuple[PublicKey, ...]) -> Field:
    return Field(name="keys", after=[f"{key.kid} ({key.algorithm})" for key in keys])


def _differences(stored: Stored, wanted: Stored) -> tuple[Field, ...]:
    pairs = (
        ("content", _text(stored.body), _text(wanted.body)),
        ("content type", stored.content_type, wanted.content_type),
        ("cache control", stored.cache_control, wanted.cache_control),
        ("metadata", stored.metadata, wanted.metadata),
    )
    return tuple(
        Field(name=name, before=before, after=after)
        for name, before, after in pairs
        if before != after
    )


def _text(body: bytes) -> str:
    return body.decode(errors="replace")
