"""
What the webhook's objects depend on, and the names that both processes and `apply` agree on.

Never here: the objects themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from irsa import __version__
from irsa.injection.grants import DEFAULT_AUDIENCE, DEFAULT_PREFIX

if TYPE_CHECKING:
    from irsa.config import Config

DEFAULT_NAMESPACE = "irsa-system"
DEFAULT_PORT = 9443
METRICS_PORT = 9402
DEFAULT_IMAGE = f"ghcr.io/irsa-project/irsa:{__version__}"
WEBHOOK = "irsa-webhook"
CONTROLLER = "irsa-controller"
CA_SECRET = "irsa-webhook-ca"  # noqa: S105 # the name of a Secret
TLS_SECRET = "irsa-webhook-tls"  # noqa: S105 # the name of a Secret
CONFIGURATION = "irsa-webhook"
ROLES_CONFIG_MAP = "pod-identity-webhook"
CLUSTER_UID_LABEL = "irsa/cluster-uid"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """
    What the webhook's objects depend on.

    Args:
        cluster_uid: The uid of the namespace kube-system; every object is labelled with it.
        image: The image of both Deployments; the package's own version if not given.
        failure_policy: `Ignore` or `Fail`: what the API server does when no webhook answers.
        allowed_accounts: The accounts whose roles may be injected; empty allows every account.
        allowed_roles: For a namespace or `*`, the patterns of roles that may be injected there.
        config_map: Whether roles also come from the ConfigMap of AWS's webhook.
        restart: Whether the controller restarts what has pods without their role.
        tls_secret: The Secret of a certificate that somebody else makes; None makes one.
        client_ca: The ConfigMap with the CA of the API servers' client certificates.
        metrics_port: Where the controller serves its metrics.
    """

    cluster_uid: str
    namespace: str = DEFAULT_NAMESPACE
    image: str = DEFAULT_IMAGE
    replicas: int = 2
    host_network: bool = False
    port: int = DEFAULT_PORT
    failure_policy: str = "Ignore"
    annotation_prefix: str = DEFAULT_PREFIX
    audience: str = DEFAULT_AUDIENCE
    region: str | None = None
    allowed_accounts: tuple[str, ...] = ()
    allowed_roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    role_session_name: bool = True
    config_map: bool = False
    restart: bool = False
    tls_secret: str | None = None
    client_ca: str | None = None
    metrics_port: int = METRICS_PORT

    @property
    def left_out(self) -> tuple[str, ...]:
        """
        The namespaces whose pods the webhook is not asked about.

        Its own pods must start without it. With `Fail` those of kube-system must too (network,
        DNS: without them it never answers); with `Ignore` they may have roles, as on EKS.
        """
        system = ("kube-system",) if self.failure_policy == "Fail" else ()
        return (self.namespace, *system)

    def labels(self, component: str | None = None) -> dict[str, str]:
        """The labels of an object of ours, or of one that belongs to a component."""
        own = {"app.kubernetes.io/managed-by": "irsa", CLUSTER_UID_LABEL: self.cluster_uid}
        return selector(component) | own if component else {"app.kubernetes.io/name": "irsa"} | own

    @classmethod
    def of(cls, config: "Config") -> "WebhookSettings":
        """What a configuration asks for."""
        injection, webhook = config.injection, config.injection.webhook
        return cls(
            cluster_uid=config.cluster.uid,
            namespace=injection.namespace,
            image=injection.image or DEFAULT_IMAGE,
            replicas=webhook.replicas,
            host_network=webhook.host_network,
            port=webhook.port,
            failure_policy=webhook.failure_policy,
            annotation_prefix=injection.annotation_prefix,
            audience=config.issuer.audiences[0],
            region=config.aws.region,
            allowed_accounts=tuple(injection.allowed_accounts),
            allowed_roles=dict(injection.namespaces),
            role_session_name=injection.role_session_name,
            config_map=injection.watch_config_map,
            restart=injection.restart,
            tls_secret=webhook.tls_secret,
            client_ca=webhook.client_ca,
        )


def selector(component: str) -> dict[str, str]:
    """The labels that select the pods of a component; they never change after the install."""
    return {"app.kubernetes.io/name": "irsa", "app.kubernetes.io/component": component}


def service_names(namespace: str) -> tuple[str, ...]:
    """The DNS names of the webhook's Service, as the API server and others ask for it."""
    host = f"{WEBHOOK}.{namespace}"
    return (f"{host}.svc", host, WEBHOOK, f"{host}.svc.cluster.local")
