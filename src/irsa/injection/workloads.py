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
CLIENT_CA_DIRECTORY = "/etc/irsa/client-ca"
_NOBODY = 65_532
_SPREAD_OVER = ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
# Measured on a node (`make node`): 19 MiB and 39 MiB are used, and 3m of a core without work, most
# of it for the probes. The rest is for 100,000 ServiceAccounts, and for pods created in a rush.
_REQUESTS = {
    "webhook": {"cpu": "20m", "memory": "48Mi"},
    "controller": {"cpu": "10m", "memory": "64Mi"},
}
_PATIENTLY = {"periodSeconds": 5, "timeoutSeconds": 3}


def webhook(settings: WebhookSettings) -> Object:
    """The Deployment of the webhook."""
    shared = settings.host_network
    # On the host's network two pods cannot share a port: the old one goes before the new one comes.
    rolling = {"maxSurge": 0 if shared else 1, "maxUnavailable": 1 if shared else 0}
    spec = {
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 30,
        "topologySpreadConstraints": [_spread(label) for label in _SPREAD_OVER],
        "volumes": _volumes(settings),
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
    container = _container("controller", settings, _controller_arguments(settings))
    port = {"name": "metrics", "containerPort": settings.metrics_port, "protocol": "TCP"}
    alive = _probe("/healthz", port="metrics", scheme="HTTP")
    container |= {
        "ports": [port],
        "livenessProbe": alive | {"initialDelaySeconds": 10},
        "readinessProbe": _probe("/readyz", port="metrics", scheme="HTTP"),
    }
    spec = {
        "priorityClassName": "system-cluster-critical",
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
    }
    return _deployment(CONTROLLER, settings, spec, replicas=1, strategy={"type": "Recreate"})


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


def _volumes(settings: WebhookSettings) -> list[Object]:
    secret = {"secretName": settings.tls_secret or TLS_SECRET}
    volumes: list[Object] = [{"name": "tls", "secret": secret}]
    if settings.client_ca:
        volumes.append({"name": "client-ca", "configMap": {"name": settings.client_ca}})
    return volumes


def _webhook_container(settings: WebhookSettings) -> Object:
    ports = [{"name": "https", "containerPort": settings.port, "protocol": "TCP"}]
    places = {"tls": TLS_DIRECTORY, "client-ca": CLIENT_CA_DIRECTORY}
    mounts = [
        {"name": volume["name"], "mountPath": places[volume["name"]], "readOnly": True}
        for volume in _volumes(settings)
    ]
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
    arguments += ["--token-audience", settings.audience]
    if settings.region:
        arguments += ["--aws-default-region", settings.region]
    if not settings.role_session_name:
        arguments.append("--no-role-session-name")
    if settings.client_ca:
        arguments += ["--client-ca", f"{CLIENT_CA_DIRECTORY}/ca.crt"]
    if settings.config_map:
        arguments += ["--namespace", settings.namespace]
    return arguments + _what_may_be_given(settings)


def _controller_arguments(settings: WebhookSettings) -> list[str]:
    arguments = ["--namespace", settings.namespace, "--metrics-port", str(settings.metrics_port)]
    if settings.tls_secret:
        arguments += ["--tls-secret", settings.tls_secret]
    if settings.restart:
        arguments.append("--restart")
    for namespace in settings.left_out:
        arguments += ["--exclude-namespace", namespace]
    return arguments + _what_may_be_given(settings)


def _what_may_be_given(settings: WebhookSettings) -> list[str]:
    """What both must agree on: which pods have a role."""
    arguments = ["--annotation-prefix", settings.annotation_prefix]
    for account in settings.allowed_accounts:
        arguments += ["--allowed-account", account]
    for namespace, patterns in settings.allowed_roles.items():
        for pattern in patterns:
            arguments += ["--allowed-role", f"{namespace}={pattern}"]
    if settings.config_map:
        arguments.append("--watch-config-map")
    return arguments


def _container(command: str, settings: WebhookSettings, arguments: list[str]) -> Object:
    return {
        "name": command,
        "image": settings.image,
        "command": ["irsa", command],
        "args": arguments,
        "resources": {"requests": _REQUESTS[command], "limits": {"memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _probe(path: str, *, port: str = "https", scheme: str = "HTTPS") -> Object:
    get = {"path": path, "port": port, "scheme": scheme}
    return {"httpGet": get} | _PATIENTLY


def _spread(label: str) -> Object:
    return {
        "maxSkew": 1,
        "topologyKey": label,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector("webhook")},
    }


def _metadata(name: str, settings: WebhookSettings) -> Object:
    labels = settings.labels(name.removeprefix("irsa-"))
    return {"name": name, "namespace": settings.namespace, "labels": labels}
