"""
Who may do what: the webhook reads ServiceAccounts, the controller writes what is its own.

Never here: workloads, the webhook's registration.
"""

from typing import Any

from irsa.injection.settings import (
    CA_SECRET,
    CONFIGURATION,
    CONTROLLER,
    ROLES_CONFIG_MAP,
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
    cluster = [*_CONTROLLER_CLUSTER_RULES, *(_RESTART_RULES if settings.restart else [])]
    found = [
        _role(WEBHOOK, settings, _WEBHOOK_RULES),
        _binding(WEBHOOK, settings),
        _role(CONTROLLER, settings, cluster),
        _binding(CONTROLLER, settings),
        _role(CONTROLLER, settings, _controller_rules(settings), namespaced=True),
        _binding(CONTROLLER, settings, namespaced=True),
    ]
    if settings.config_map:
        found += [
            _role(WEBHOOK, settings, [_READ_CONFIG_MAP], namespaced=True),
            _binding(WEBHOOK, settings, namespaced=True),
        ]
    return found


_WEBHOOK_RULES: list[Object] = [
    {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get", "list", "watch"]}
]

_READ_CONFIG_MAP: Object = {
    "apiGroups": [""],
    "resources": ["configmaps"],
    "resourceNames": [ROLES_CONFIG_MAP],
    "verbs": ["get"],
}

# Pods without their role are looked for everywhere, and told of beside them.
_CONTROLLER_CLUSTER_RULES: list[Object] = [
    {
        "apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["mutatingwebhookconfigurations"],
        "resourceNames": [CONFIGURATION],
        "verbs": ["get", "patch"],
    },
    {"apiGroups": [""], "resources": ["pods", "serviceaccounts"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
]

# Whoever may patch a pod template may run anything there: only where restarts are wanted.
_RESTART_RULES: list[Object] = [
    {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["get"]},
    {
        "apiGroups": ["apps"],
        "resources": ["daemonsets", "deployments", "statefulsets"],
        "verbs": ["get", "patch"],
    },
]

_LEASE_RULES: list[Object] = [
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "resourceNames": [CONTROLLER],
        "verbs": ["get", "update"],
    },
]

# RBAC cannot restrict `create` by name: the name of a new object is not known when it is checked.
_SECRET_RULES: list[Object] = [
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
    {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": [CA_SECRET, TLS_SECRET],
        "verbs": ["get", "update"],
    },
]


def _controller_rules(settings: WebhookSettings) -> list[Object]:
    secrets = _SECRET_RULES
    if settings.tls_secret:
        # Somebody else makes the certificate: its `ca.crt` is read, and nothing is written.
        names = [settings.tls_secret]
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": names}
        secrets = [rule | {"verbs": ["get"]}]
    return [*secrets, *_LEASE_RULES, *([_READ_CONFIG_MAP] if settings.config_map else [])]


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
