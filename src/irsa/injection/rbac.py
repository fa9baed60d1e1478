"""
Who may do what: the webhook reads ServiceAccounts, the controller keeps three objects true.

Never here: workloads, the webhook's registration.
"""

from typing import Any

from irsa.injection.settings import (
    CA_SECRET,
    CONFIGURATION,
    CONTROLLER,
    TLS_SECRET,
    WEBHOOK,
    WebhookSettings,
)

Object = dict[str, Any]

_GROUP = "rbac.authorization.k8s.io"


def service_accounts(settings: WebhookSettings) -> list[Object]:
    """The identities of the two processes; only their own pods mount a token of them."""
    return [_service_account(name, settings) for name in (WEBHOOK, CONTROLLER)]


def roles(settings: WebhookSettings) -> list[Object]:
    """The roles of the two processes and their bindings."""
    return [
        _role(WEBHOOK, settings, _WEBHOOK_RULES),
        _binding(WEBHOOK, settings),
        _role(CONTROLLER, settings, _CONTROLLER_CLUSTER_RULES),
        _binding(CONTROLLER, settings),
        _role(CONTROLLER, settings, _CONTROLLER_RULES, namespaced=True),
        _binding(CONTROLLER, settings, namespaced=True),
    ]


_WEBHOOK_RULES: list[Object] = [
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "watch"]}
]

_CONTROLLER_CLUSTER_RULES: list[Object] = [
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": [CONFIGURATION],
        "verbs": ["get", "patch"],
    }
]

# RBAC cannot restrict `create` by name: the name of a new object is not known when it is checked.
_CONTROLLER_RULES: list[Object] = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [CA_SECRET, TLS_SECRET],
        "verbs": ["get", "update"],
    },
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [CONTROLLER],
        "verbs": ["get", "update"],
    },
]


def _service_account(name: str, settings: WebhookSettings) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(name, settings, namespaced=True),
        "automountServiceAccountToken": False,
    }


def _role(
    name: str, settings: WebhookSettings, rules: list[Object], *, namespaced: bool = False
) -> Object:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "Role" if namespaced else "ClusterRole",
        "metadata": _metadata(name, settings, namespaced=namespaced),
        "rules": rules,
    }


def _binding(name: str, settings: WebhookSettings, *, namespaced: bool = False) -> Object:
    kind = "Role" if namespaced else "ClusterRole"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": settings.namespace}
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": _metadata(name, settings, namespaced=namespaced),
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
        "subjects": [subject],
    }


def _metadata(name: str, settings: WebhookSettings, *, namespaced: bool) -> Object:
    component = name.removeprefix("irsa-")
    metadata: Object = {"name": name, "labels": settings.labels(component)}
    return metadata | {"namespace": settings.namespace} if namespaced else metadata
