"""
How to reach an API server and what to present to it, as values.

Light to import: the webhook's process needs it.
Never here: reading files or the environment, requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from irsa.errors import InputError

SERVICE_ACCOUNT_DIRECTORY = "/var/run/secrets/kubernetes.io/serviceaccount"

InteractiveMode = Literal["Never", "IfAvailable", "Always"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """A client's certificate (and chain) and its private key, both PEM."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """
    A program that issues credentials (`client.authentication.k8s.io`).

    Args:
        env: Variables on top of our own environment.
        cluster_config: The cluster's extension `client.authentication.k8s.io/exec`, any JSON.
    """

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: InteractiveMode = "IfAvailable"
    cluster_config: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """
    What to present: any of these; a token file wins over a token, both over the plug-in.

    Args:
        token_file: Path of a file that is read anew for each request.
        impersonation: The headers that say whom to act as.
    """

    token: str | None = field(default=None, repr=False)
    token_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None
    plugin: ExecPlugin | None = None
    impersonation: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """
    One API server, and everything needed to talk to it.

    Args:
        server: URL without a slash at its end; may have a path.
        ca_pem: The authorities that its certificate may come from; None for the system's.
        ca_source: Where those came from, in words.
        ca_file: Their file, to be read again when a certificate is not of them.
        tls_server_name: The name expected in its certificate, when it is not the URL's.
        proxy_url: The proxy to use whatever the environment says.
        namespace: The context's namespace.
        origin: Where all this came from, in words.
    """

    server: str
    ca_pem: bytes | None = field(default=None, repr=False)
    ca_source: str = "the system's authorities"
    ca_file: str | None = None
    tls_server_name: str | None = None
    proxy_url: str | None = None
    insecure: bool = False
    namespace: str | None = None
    auth: Auth = Auth()
    origin: str = ""


def bearer(token: str, origin: str) -> str:
    """
    The value of the Authorization header for a token.

    Raises:
        InputError: No header may hold this; the message does not show it.
    """
    if not (token and token.isascii() and token.isprintable()) or " " in token:
        raise InputError(f"the token of {origin} is empty, or holds blanks or odd characters")
    return f"Bearer {token}"


def pod_server(environment: Mapping[str, str]) -> str:
    """
    The URL at which a pod finds its own API server.

    Args:
        environment: Holds `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`.

    Raises:
        InputError: The environment is not that of a pod.
    """
    host = environment.get("KUBERNETES_SERVICE_HOST")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise InputError(
            "not in a pod: KUBERNETES_SERVICE_HOST is not set",
            hint="outside of the cluster, name a kubeconfig: --kubeconfig FILE",
        )
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


def in_cluster(server: str, ca_pem: bytes, *, directory: str) -> Connection:
    """
    The connection of a pod to its own API server.

    Args:
        server: Its URL.
        ca_pem: The content of `ca.crt` in the directory.
        directory: Where the pod's ServiceAccount token is mounted.
    """
    return Connection(
        server=server,
        ca_pem=ca_pem,
        ca_source=f"{directory}/ca.crt",
        ca_file=f"{directory}/ca.crt",
        auth=Auth(token_file=f"{directory}/token"),
        origin="the pod's own ServiceAccount",
    )
