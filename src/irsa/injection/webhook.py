"""
Every object of the webhook engine, in the order in which they are applied.

Secret data and `caBundle` are absent on purpose: they belong to the controller from the first day.
Never here: applying.
"""

from typing import Any

from irsa.injection import network, rbac, workloads
from irsa.injection.grants import SKIP_LABEL
from irsa.injection.settings import (
    CA_SECRET,
    CONFIGURATION,
    CONTROLLER,
    DEFAULT_NAMESPACE,
    TLS_SECRET,
    WEBHOOK,
    WebhookSettings,
    selector,
)

__all__ = [
    "CA_SECRET",
    "CONFIGURATION",
    "CONTROLLER",
    "TLS_SECRET",
    "WEBHOOK",
    "WebhookSettings",
    "objects",
]

Object = dict[str, Any]

MUTATE_PATH = "/mutate"
TIMEOUT_SECONDS = 5
# The same in every namespace: an apply cannot rename an entry that also holds a field of the
# controller's (`caBundle`), it would leave half of it behind.
REGISTRATION = f"{WEBHOOK}.{DEFAULT_NAMESPACE}.svc"

# A mirror pod may not have projected tokens: the API server would refuse what we add to it.
_NOT_A_MIRROR = (
    "!has(object.metadata.annotations)"
    " || !('kubernetes.io/config.mirror' in object.metadata.annotations)"
)


def objects(settings: WebhookSettings) -> list[Object]:
    """
    The objects of the webhook engine, in the order in which they are applied.

    The registration comes last, when everything that it points to has been made.
    """
    return [
        _namespace(settings),
        *rbac.service_accounts(settings),
        *rbac.roles(settings),
        _service(settings),
        workloads.controller(settings),
        workloads.webhook(settings),
        *([workloads.disruption_budget(settings)] if settings.replicas > 1 else []),
        *network.policies(settings),
        _configuration(settings),
    ]


def _namespace(settings: WebhookSettings) -> Object:
    metadata = {"name": settings.namespace, "labels": settings.labels()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _service(settings: WebhookSettings) -> Object:
    labels = settings.labels("webhook")
    port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": settings.port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": WEBHOOK, "namespace": settings.namespace, "labels": labels},
        "spec": {"type": "ClusterIP", "selector": selector("webhook"), "ports": [port]},
    }


def _configuration(settings: WebhookSettings) -> Object:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": CONFIGURATION, "labels": settings.labels("webhook")},
        "webhooks": [_registration(settings)],
    }


def _registration(settings: WebhookSettings) -> Object:
    service = {"name": WEBHOOK, "namespace": settings.namespace, "path": MUTATE_PATH, "port": 443}
    return {
        "name": REGISTRATION,
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": service},
        "failurePolicy": settings.failure_policy,
        "matchConditions": [{"name": "not-a-mirror-pod", "expression": _NOT_A_MIRROR}],
        "matchPolicy": "Equivalent",
        "namespaceSelector": {"matchExpressions": [_outside(settings)]},
        "objectSelector": {"matchExpressions": [_without_skip_label(settings)]},
        "reinvocationPolicy": "IfNeeded",
        "rules": [_pods_created()],
        "sideEffects": "None",
        "timeoutSeconds": TIMEOUT_SECONDS,
    }


def _outside(settings: WebhookSettings) -> Object:
    values = list(settings.left_out)
    return {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": values}


def _without_skip_label(settings: WebhookSettings) -> Object:
    return {"key": f"{settings.annotation_prefix}/{SKIP_LABEL}", "operator": "DoesNotExist"}


def _pods_created() -> Object:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "Namespaced",
    }
