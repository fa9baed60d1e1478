"""
The two Deployments: the webhook faces the network, the controller holds the CA's key.

Both run without root, without capabilities, on a read-only file system.
Never here: permissions, the webhook's registration.
"""

from typing import Any

from irsa.injection.settings import (
    CONTROLLER,
    TLS_SECRET,
    WEBHOOK,
    WebhookSettings,
    selector,
)

Object = dict[str, Any]

TLS_DIRECTORY = "/etc/irsa/tls"
_NOBODY = 65_532


def webhook(settings: WebhookSettings) -> Object:
    """The Deployment of the webhook."""
    shared = settings.host_network
    # On the host's network two pods cannot share a port: the old one goes before the new one comes.
    rolling = {"maxSurge": 0 if shared else 1, "maxUnavailable": 1 if shared else 0}
    spec = {
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 30,
        "topologySpreadConstraints": [_spread()],
        "volumes": [{"name": "tls", "secret": {"secretName": TLS_SECRET}}],
        "containers": [_webhook_container(settings)],
    }
    if shared:
        spec |= {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    return _deployment(
        WEBHOOK,
        settings,
        spec,
        replicas=settings.replicas,
        strategy={"type": "RollingUpdate", "rollingUpdate": rolling},
    )


def controller(settings: WebhookSettings) -> Object:
    """The Deployment of the controller: one at a time, and a Lease besides."""
    container = _container("controller", settings, ["--namespace", settings.namespace])
    return _deployment(
        CONTROLLER,
        settings,
        {"terminationGracePeriodSeconds": 30, "containers": [container]},
        replicas=1,
        strategy={"type": "Recreate"},
    )


def disruption_budget(settings: WebhookSettings) -> Object:
    """Lets a drain take one webhook pod at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _metadata(WEBHOOK, settings),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector("webhook")}},
    }


def _deployment(
    name: str, settings: WebhookSettings, spec: Object, *, replicas: int, strategy: Object
) -> Object:
    component = name.removeprefix("irsa-")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(name, settings),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 3,
            "strategy": strategy,
            "selector": {"matchLabels": selector(component)},
            "template": {
                "metadata": {"labels": settings.labels(component)},
                "spec": _common(name) | spec,
            },
        },
    }


def _common(service_account: str) -> Object:
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": True,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "fsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def _webhook_container(settings: WebhookSettings) -> Object:
    ports = [{"name": "https", "containerPort": settings.port, "protocol": "TCP"}]
    mounts = [{"name": "tls", "mountPath": TLS_DIRECTORY, "readOnly": True}]
    container = _container("webhook", settings, _webhook_arguments(settings))
    return container | {
        "ports": ports,
        "volumeMounts": mounts,
        "livenessProbe": _probe("/healthz") | {"initialDelaySeconds": 5, "failureThreshold": 3},
        "readinessProbe": _probe("/readyz") | {"failureThreshold": 1},
    }


def _webhook_arguments(settings: WebhookSettings) -> list[str]:
    arguments = ["--tls-cert", f"{TLS_DIRECTORY}/tls.crt", "--tls-key", f"{TLS_DIRECTORY}/tls.key"]
    arguments += ["--port", str(settings.port), "--stop-delay", "3"]
    arguments += ["--annotation-prefix", settings.annotation_prefix]
    arguments += ["--token-audience", settings.audience]
    if settings.region:
        arguments += ["--aws-default-region", settings.region]
    for account in settings.allowed_accounts:
        arguments += ["--allowed-account", account]
    return arguments


def _container(command: str, settings: WebhookSettings, arguments: list[str]) -> Object:
    return {
        "name": command,
        "image": settings.image,
        "command": ["irsa", command],
        "args": arguments,
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _probe(path: str) -> Object:
    get = {"path": path, "port": "https", "scheme": "HTTPS"}
    return {"httpGet": get, "periodSeconds": 5, "timeoutSeconds": 3}


def _spread() -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector("webhook")},
    }


def _metadata(name: str, settings: WebhookSettings) -> Object:
    labels = settings.labels(name.removeprefix("irsa-"))
    return {"name": name, "namespace": settings.namespace, "labels": labels}
