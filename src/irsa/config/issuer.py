"""
The section `issuer`.

Never here: what the issuer's URL may be.
"""

from typing import Annotated, Literal

from msgspec import Meta

from irsa.config import rules
from irsa.config.section import Section, text


class Issuer(Section, frozen=True):
    """Where the cluster's public keys are published, and which they are."""

    publish: Annotated[
        Literal["s3", "directory", "existing"],
        Meta(
            description="How the two documents get to the world: `s3` (a bucket), `directory` "
            "(files for any web server or static host, which serves them at `url`), or `existing` "
            "(the cluster's present issuer `url` is public and right already: nothing is "
            "published, and the API servers are left alone).",
            extra={"later": rules.PUBLISH_LATER},
        ),
    ]
    bucket: Annotated[
        str,
        text(
            "The bucket, for `s3`. It is part of the issuer's URL for ever, and belongs to this "
            "cluster alone, unless `manageBucket` is false. A name with dots gives a path-style "
            "URL (`https://s3.REGION.…/BUCKET`), since S3's certificate covers no dots in front "
            "of its host name.",
            rules.bucket,
            pattern=rules.BUCKET.pattern,
        ),
    ] = ""
    prefix: Annotated[
        str,
        text("The path inside the bucket, without slashes at its ends.", rules.prefix),
    ] = ""
    url: Annotated[
        str,
        text(
            "The issuer's URL, for `directory` and `existing`; that of a bucket follows from its "
            "name. It is in every token, for ever.",
            rules.issuer_url,
        ),
    ] = ""
    directory: Annotated[
        str,
        text(
            "Where the two files are written, for `directory`; relative to this file.",
            rules.directory,
        ),
    ] = ""
    keys_from: Annotated[
        Literal["cluster"] | tuple[Annotated[str, text("A file.", rules.filled)], ...],
        Meta(
            description="Where the public keys come from: `cluster` (those seen signing at every "
            "API server), or a list of public key files, relative to this file.",
            extra={"rule": rules.at_least_one},
        ),
    ] = "cluster"
    named_keys: Annotated[
        tuple[Annotated[str, text("A `kid`.", rules.kid)], ...],
        Meta(
            description="The `kid` of further keys of the cluster to publish, although they are "
            "not seen signing. Whoever holds such a private key can be any ServiceAccount.",
            extra={"rule": rules.unique},
        ),
    ] = ()
    audiences: Annotated[
        tuple[Annotated[str, text("An audience.", rules.audience)], ...],
        Meta(
            description="The audiences that IAM accepts from this issuer.",
            extra={"rule": rules.some_unique},
        ),
    ] = ("sts.amazonaws.com",)
    manage_bucket: Annotated[
        bool,
        Meta(
            description="Whether the bucket itself is made, configured and removed by irsa. If "
            "not, only the two objects below `prefix` are: so several clusters can share a bucket, "
            "a prefix each. Somebody else sees to it that everybody can read them."
        ),
    ] = True
    provider: Annotated[
        Literal["managed", "shared"],
        Meta(
            description="Whose the OIDC provider in IAM is: `managed` (irsa makes it, keeps its "
            "audiences, and removes it), or `shared` (somebody else's, such as Terraform's: "
            "audiences are only ever added to it, and it is never removed)."
        ),
    ] = "managed"
