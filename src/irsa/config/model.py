"""
The shape of the configuration: every key, its type, its default and what it means.

The descriptions are what editors show and what the reference page is made of.
Never here: reading YAML, rules over several keys.
"""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from irsa.config import rules
from irsa.identity.issuer import IssuerUrl

MAX_ROLE_NAME = 64
_DIGEST_LENGTH = 8


def _text(description: str, rule: rules.Rule, *, pattern: str | None = None) -> Meta:
    """What one text is, in words, as a rule, and as a pattern for editors."""
    schema = {"pattern": pattern} if pattern else None
    return Meta(description=description, extra={"rule": rule}, extra_json_schema=schema)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccountName:
    """A ServiceAccount as `namespace/name`; `*` and `?` stand for several, where allowed."""

    namespace: str
    name: str

    @property
    def is_pattern(self) -> bool:
        """Whether this stands for several ServiceAccounts."""
        return any(wildcard in str(self) for wildcard in "*?")

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def derived_role_name(cluster_name: str, service_account: ServiceAccountName) -> str:
    """The name of a role that was given none; a long one ends in a hash instead of its rest."""
    full = f"{cluster_name}-{service_account.namespace}-{service_account.name}"
    if len(full) <= MAX_ROLE_NAME:
        return full
    digest = hashlib.sha256(f"{cluster_name}/{service_account}".encode()).hexdigest()
    shortened = full[: MAX_ROLE_NAME - _DIGEST_LENGTH - 1].rstrip("-.")
    return f"{shortened}-{digest[:_DIGEST_LENGTH]}"


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """A mapping in the configuration."""


class Cluster(_Section, frozen=True):
    """The cluster that this file is about, and how it is recognised."""

    name: Annotated[
        str,
        _text(
            "A name for people; it begins the names of the roles, and is in every tag.",
            rules.cluster_name,
            pattern=rules.CLUSTER_NAME.pattern,
        ),
    ]
    uid: Annotated[
        str,
        _text(
            "The uid of the namespace `kube-system`. Every command that writes compares it with "
            "the cluster that it talks to, and refuses another one.",
            rules.uid,
            pattern=rules.UID.pattern,
        ),
    ]
    context: Annotated[
        str | None,
        _text("The context in the kubeconfig; the current one if left out.", rules.filled),
    ] = None


class Aws(_Section, frozen=True):
    """The AWS account and region that everything is made in."""

    account: Annotated[
        str,
        _text(
            "The account number: twelve digits. Credentials of any other account are refused.",
            rules.account,
            pattern=rules.ACCOUNT.pattern,
        ),
    ]
    region: Annotated[
        str,
        _text(
            "The region of the bucket; it also decides the partition of every ARN.", rules.region
        ),
    ]
    profile: Annotated[
        str | None,
        _text(
            "The profile in AWS's own configuration; the usual search if left out.", rules.filled
        ),
    ] = None


class Issuer(_Section, frozen=True):
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
        _text(
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
        _text("The path inside the bucket, without slashes at its ends.", rules.prefix),
    ] = ""
    url: Annotated[
        str,
        _text(
            "The issuer's URL, for `directory` and `existing`; that of a bucket follows from its "
            "name. It is in every token, for ever.",
            rules.issuer_url,
        ),
    ] = ""
    directory: Annotated[
        str,
        _text(
            "Where the two files are written, for `directory`; relative to this file.",
            rules.directory,
        ),
    ] = ""
    keys_from: Annotated[
        Literal["cluster"] | tuple[Annotated[str, _text("A file.", rules.filled)], ...],
        Meta(
            description="Where the public keys come from: `cluster` (those seen signing at every "
            "API server), or a list of public key files, relative to this file.",
            extra={"rule": rules.at_least_one},
        ),
    ] = "cluster"
    named_keys: Annotated[
        tuple[Annotated[str, _text("A `kid`.", rules.kid)], ...],
        Meta(
            description="The `kid` of further keys of the cluster to publish, although they are "
            "not seen signing. Whoever holds such a private key can be any ServiceAccount.",
            extra={"rule": rules.unique},
        ),
    ] = ()
    audiences: Annotated[
        tuple[Annotated[str, _text("An audience.", rules.audience)], ...],
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


class Webhook(_Section, frozen=True):
    """How the pod identity webhook runs."""

    replicas: Annotated[int, Meta(ge=1, le=20, description="How many pods serve.")] = 2
    host_network: Annotated[
        bool,
        Meta(
            description="Whether the pods use the node's network, for clusters whose API server "
            "cannot reach pod addresses."
        ),
    ] = False
    port: Annotated[
        int, Meta(ge=1024, le=65535, description="The port that the pods listen on.")
    ] = 9443
    failure_policy: Annotated[
        Literal["Ignore", "Fail"],
        Meta(
            description="What the API server does with a pod when the webhook does not answer: "
            "`Ignore` starts it without a role, `Fail` refuses it."
        ),
    ] = "Ignore"
    tls_secret: Annotated[
        str | None,
        _text(
            "The Secret of a serving certificate that somebody else makes and renews, such as "
            "cert-manager, with `tls.crt`, `tls.key` and `ca.crt`; if left out, irsa has a CA of "
            "its own.",
            rules.object_name,
        ),
    ] = None
    client_ca: Annotated[
        str | None,
        _text(
            "The ConfigMap whose `ca.crt` signs the API servers' client certificates; with it "
            "nobody else's reviews are answered. If left out, anybody's are.",
            rules.object_name,
        ),
    ] = None


class Injection(_Section, frozen=True):
    """How pods get their token, and which roles they may be given."""

    engine: Annotated[
        Literal["webhook", "none"],
        Meta(
            description="What patches the pods: the webhook, or nothing that irsa installs.",
            extra={"later": rules.ENGINE_LATER},
        ),
    ] = "webhook"
    allowed_accounts: Annotated[
        tuple[Annotated[str, _text("An account number.", rules.account)], ...],
        Meta(
            description="Roles of other accounts are not injected, whatever a ServiceAccount "
            "says; `aws.account` alone if left out.",
            extra={"rule": rules.some_unique},
        ),
    ] = ()
    namespace: Annotated[
        str, _text("The namespace that irsa's own objects live in.", rules.namespace)
    ] = "irsa-system"
    annotation_prefix: Annotated[
        str,
        _text(
            "What the annotations on ServiceAccounts and pods begin with; charts written for EKS "
            "expect the default.",
            rules.annotation_prefix,
        ),
    ] = "eks.amazonaws.com"
    image: Annotated[
        str | None,
        _text(
            "The image of webhook and controller; that of this version if left out.", rules.image
        ),
    ] = None
    namespaces: Annotated[
        dict[str, tuple[Annotated[str, _text("A pattern.", rules.role_pattern)], ...]],
        Meta(
            description="For a namespace, or `*` for those that are not named, the patterns of "
            "which one must fit the ARN of a role that is injected there (`*` and `?` as in IAM). "
            "A namespace without patterns may have any role of the allowed accounts.",
            extra={"rule": rules.pattern_namespaces},
        ),
    ] = field(default_factory=dict)
    role_session_name: Annotated[
        bool,
        Meta(
            description="Whether pods get `AWS_ROLE_SESSION_NAME`, as `NAMESPACE.SERVICEACCOUNT`, "
            "which CloudTrail shows."
        ),
    ] = True
    watch_config_map: Annotated[
        bool,
        Meta(
            description="Whether ServiceAccounts without an annotation have the role that the "
            "ConfigMap `pod-identity-webhook` of this namespace gives them, as with AWS's webhook."
        ),
    ] = False
    restart: Annotated[
        bool,
        Meta(
            description="Whether the controller restarts the Deployments, StatefulSets and "
            "DaemonSets of running pods that should carry a role and do not, one rollout at a "
            "time. It may patch workloads only then."
        ),
    ] = False
    webhook: Annotated[Webhook, Meta(description="How the webhook runs.")] = field(
        default_factory=Webhook
    )


class Role(_Section, frozen=True):
    """An IAM role, and the ServiceAccounts whose pods may assume it."""

    service_accounts: Annotated[
        tuple[ServiceAccountName, ...],
        Meta(
            description="The ServiceAccounts, each as `namespace/name`.",
            extra={"rule": rules.some_unique},
        ),
    ]
    name: Annotated[
        str | None,
        _text(
            "The role's name; `CLUSTER-NAMESPACE-NAME` of the first ServiceAccount if left out, "
            "shortened to 64 characters with a hash.",
            rules.role_name,
            pattern=rules.ROLE_NAME.pattern,
        ),
    ] = None
    management: Annotated[
        Literal["full", "trust-only", "external"],
        Meta(
            description="How much of the role is irsa's: `full` (all of it), `trust-only` (one "
            "statement in the trust policy of somebody else's role, and nothing else), or "
            "`external` (nothing: it is only checked, and what its owner has to add is printed)."
        ),
    ] = "full"
    policies: Annotated[
        tuple[Annotated[str, _text("The ARN of a policy.", rules.policy_arn)], ...],
        Meta(
            description="The ARNs of the managed policies to attach.",
            extra={"rule": rules.unique},
        ),
    ] = ()
    inline_policy: Annotated[
        dict[str, Any] | None,
        Meta(
            description="A policy document of the role's own, with `Version` and `Statement`.",
            extra={"rule": rules.inline_policy},
        ),
    ] = None
    path: Annotated[
        str,
        _text("The role's path: `/`, or `/a/b/`.", rules.role_path, pattern=rules.PATH.pattern),
    ] = "/"
    permissions_boundary: Annotated[
        str | None,
        _text("The ARN of the policy that bounds what the role may ever do.", rules.policy_arn),
    ] = None
    max_session_duration: Annotated[
        int,
        Meta(ge=3600, le=43200, description="How long a session may last at most, in seconds."),
    ] = 3600
    tags: Annotated[
        dict[str, str],
        Meta(
            description="Tags of the role, beside irsa's own.",
            extra={"rule": rules.tags, "entry_rule": rules.tag},
        ),
    ] = field(default_factory=dict)
    allow_wildcard: Annotated[
        bool,
        Meta(
            description="Whether `serviceAccounts` may hold `*` and `?`. Whoever may create "
            "ServiceAccounts that match gets the role."
        ),
    ] = False

    def role_name(self, cluster_name: str) -> str:
        """The name of the role in IAM: the given one, or one made of cluster and ServiceAccount."""
        return self.name or derived_role_name(cluster_name, self.service_accounts[0])


class Config(_Section, frozen=True, kw_only=True):
    """IAM Roles for Service Accounts of one cluster."""

    api_version: Annotated[
        Literal["irsa/v1"],
        Meta(description="The version of this format.", extra={"required": True}),
    ] = "irsa/v1"
    cluster: Annotated[Cluster, Meta(description="Which cluster.")]
    aws: Annotated[Aws, Meta(description="Which account and region.")]
    issuer: Annotated[Issuer, Meta(description="Where the keys are published.")]
    injection: Annotated[Injection, Meta(description="How pods get their token.")] = field(
        default_factory=Injection
    )
    roles: Annotated[tuple[Role, ...], Meta(description="The roles.")] = ()
    audit_log: Annotated[
        str | None,
        _text(
            "The file that every change is recorded in, one JSON object a line; relative to this "
            "file. `irsa/audit.jsonl` in the user's state directory if left out.",
            rules.filled,
        ),
    ] = None

    def __post_init__(self) -> None:
        """Allow the account itself where no accounts are named."""
        if not self.injection.allowed_accounts:
            injection = msgspec.structs.replace(
                self.injection, allowed_accounts=(self.aws.account,)
            )
            msgspec.structs.force_setattr(self, "injection", injection)

    @property
    def issuer_url(self) -> IssuerUrl:
        """The issuer's URL: the given one, or that of the bucket."""
        if self.issuer.publish != "s3":
            return IssuerUrl.parse(self.issuer.url)
        return IssuerUrl.for_bucket(
            self.issuer.bucket, region=self.aws.region, prefix=self.issuer.prefix
        )
