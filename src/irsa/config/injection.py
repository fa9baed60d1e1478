"""
The section `injection`, and `webhook` in it.

Never here: what pods get.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from irsa.config import rules
from irsa.config.section import Section, text


class Webhook(Section, frozen=True):
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
        text(
            "The Secret of a serving certificate that somebody else makes and renews, such as "
            "cert-manager, with `tls.crt`, `tls.key` and `ca.crt`; if left out, irsa has a CA of "
            "its own.",
            rules.object_name,
        ),
    ] = None
    client_ca: Annotated[
        str | None,
        text(
            "The ConfigMap whose `ca.crt` signs the API servers' client certificates; with it "
            "nobody else's reviews are answered. If left out, anybody's are.",
            rules.object_name,
        ),
    ] = None


class Injection(Section, frozen=True):
    """How pods get their token, and which roles they may be given."""

    engine: Annotated[
        Literal["webhook", "none"],
        Meta(
            description="What patches the pods: the webhook, or nothing that irsa installs.",
            extra={"later": rules.ENGINE_LATER},
        ),
    ] = "webhook"
    allowed_accounts: Annotated[
        tuple[Annotated[str, text("An account number.", rules.account)], ...],
        Meta(
            description="Roles of other accounts are not injected, whatever a ServiceAccount "
            "says; `aws.account` alone if left out.",
            extra={"rule": rules.some_unique},
        ),
    ] = ()
    namespace: Annotated[
        str, text("The namespace that irsa's own objects live in.", rules.namespace)
    ] = "irsa-system"
    annotation_prefix: Annotated[
        str,
        text(
            "What the annotations on ServiceAccounts and pods begin with; charts written for EKS "
            "expect the default.",
            rules.annotation_prefix,
        ),
    ] = "eks.amazonaws.com"
    image: Annotated[
        str | None,
        text("The image of webhook and controller; that of this version if left out.", rules.image),
    ] = None
    namespaces: Annotated[
        dict[str, tuple[Annotated[str, text("A pattern.", rules.role_pattern)], ...]],
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
