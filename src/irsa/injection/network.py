"""
Who may connect to the two processes: anybody, and to one port of each.

The API servers ask from their nodes' addresses, which no selector knows; what they may ask is
decided by TLS. Egress stays open: where an API server listens is not known here.
Never here: workloads.
"""

from typing import Any

from irsa.injection.settings import CONTROLLER, WEBHOOK, WebhookSettings, selector

Object = dict[str, Any]


def policies(settings: WebhookSettings) -> list[Object]:
    """The NetworkPolicies; they do not apply to pods on the node's own network."""
    return [
        _policy(WEBHOOK, settings, port=settings.port),
        _policy(CONTROLLER, settings, port=settings.metrics_port),
    ]


def _policy(name: str, settings: WebhookSettings, *, port: int) -> Object:
    component = name.removeprefix("irsa-")
    labels = settings.labels(component)
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": settings.namespace, "labels": labels},
        "spec": {
            "podSelector": {"matchLabels": selector(component)},
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": [{"port": port, "protocol": "TCP"}]}],
        },
    }
