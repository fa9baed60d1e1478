"""
One context of a kubeconfig, made into a Connection.

Never here: finding or reading files; what a context refers to is read by a function given to us.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from irsa.errors import InputError
from irsa.kube.config import EXEC_EXTENSION, Cluster, Exec, Kubeconfig, User
from irsa.kube.connection import Auth, ClientCertificate, Connection, ExecPlugin

Read = Callable[[str], bytes]

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


def connection(config: Kubeconfig, *, context: str | None, read: Read) -> Connection:
    """
    The connection that a context describes.

    Args:
        config: The merged kubeconfig.
        context: Its name; None for the current one.
        read: Reads the files that the context refers to.

    Raises:
        InputError: No such context, or one that cannot be used; the message says why.
    """
    chosen = _chosen(config, context)
    where = f"context {chosen.name!r} of {chosen.source}"
    cluster = _named(config.clusters, "cluster", chosen.context.cluster, where=where).cluster
    user = User()
    if chosen.context.user:
        user = _named(config.users, "user", chosen.context.user, where=where).user
    server = _server(cluster.server, where)
    ca_pem, ca_source = _authorities(cluster, where, read=read)
    return Connection(
        server=server,
        ca_pem=ca_pem,
        ca_source=ca_source,
        tls_server_name=cluster.tls_server_name or None,
        proxy_url=_proxy(cluster.proxy_url, where) or None,
        insecure=cluster.insecure_skip_tls_verify,
        namespace=chosen.context.namespace or None,
        auth=_auth(user, cluster, where=where, read=read),
        origin=where,
    )


def _chosen(config: Kubeconfig, name: str | None) -> Any:
    name = name or config.current_context
    if not name:
        names = ", ".join(entry.name for entry in config.contexts) or "none"
        raise InputError(
            "the kubeconfig has no current context",
            hint=f"choose one with --context; there are: {names}",
        )
    return _named(config.contexts, "context", name, where="the kubeconfig")


def _named(entries: Iterable[Any], kind: str, name: str, *, where: str) -> Any:
    for entry in entries:
        if entry.name == name:
            return entry
    import difflib  # heavy, and of use only now

    known = [entry.name for entry in entries]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
    if kind == "context":
        raise InputError(f"there is no context {name!r} in the kubeconfig", hint=hint)
    raise InputError(f"{where} names {kind} {name!r}, which does not exist", hint=hint)


def _server(server: str, where: str) -> str:
    url = server if "://" in server else f"https://{server}"
    parts = _split(url)
    if parts is None or parts.scheme not in ("https", "http") or parts.query or parts.fragment:
        raise InputError(f"{server!r}, the server of {where}, is not the URL of an API server")
    return url.rstrip("/")


def _proxy(proxy: str, where: str) -> str:
    if not proxy:
        return ""
    parts = _split(proxy)
    if parts is not None and parts.scheme.startswith("socks"):
        raise InputError(
            f"{where} wants the SOCKS proxy {parts.hostname}, and irsa speaks to HTTP proxies only",
            hint="name an http:// proxy as proxy-url, or forward a port and name that as server",
        )
    if parts is None or parts.scheme not in ("http", "https"):
        raise InputError(f"the proxy-url of {where} is not the URL of an HTTP proxy")
    return proxy


def _split(url: str) -> Any:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _authorities(cluster: Cluster, where: str, *, read: Read) -> tuple[bytes | None, str]:
    data, path = cluster.certificate_authority_data, cluster.certificate_authority
    if cluster.insecure_skip_tls_verify:
        if data or path:
            raise InputError(
                f"the cluster of {where} has a certificate authority and insecure-skip-tls-verify",
                hint="remove one of them; keep the authority if it is the right one",
            )
        return None, "nothing: insecure-skip-tls-verify"
    if data:
        name = f"certificate-authority-data of {where}"
        return _decoded(data, name), name
    return (read(path), path) if path else (None, "the system's authorities")


def _decoded(data: str, name: str) -> bytes:
    try:
        return base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{name} is not base64") from error


def _auth(user: User, cluster: Cluster, *, where: str, read: Read) -> Auth:
    if user.auth_provider is not None:
        name = user.auth_provider.get("name", "")
        raise InputError(
            f"{where} uses the auth-provider {name!r}, which Kubernetes removed in version 1.26",
            hint="use an exec plug-in (client.authentication.k8s.io/v1) in its place",
        )
    return Auth(
        token=user.token or None,
        token_file=user.token_file or None,
        username=user.username or None,
        password=user.password or None,
        certificate=_certificate(user, where, read=read),
        plugin=_plugin(user.exec, cluster, where=where) if user.exec else None,
        impersonation=_sendable(_impersonation(user), where),
    )


def _certificate(user: User, where: str, *, read: Read) -> ClientCertificate | None:
    def pem(data: str, path: str, name: str) -> bytes:
        if data:
            return _decoded(data, f"{name}-data of {where}")
        return read(path) if path else b""

    certificate = pem(user.client_certificate_data, user.client_certificate, "client-certificate")
    key = pem(user.client_key_data, user.client_key, "client-key")
    if not certificate and not key:
        return None
    if not (certificate and key):
        missing = "client-key" if certificate else "client-certificate"
        raise InputError(f"the user of {where} has no {missing} to go with the other half")
    return ClientCertificate(certificate=certificate, key=key)


def _plugin(plugin: Exec, cluster: Cluster, *, where: str) -> ExecPlugin:
    if plugin.api_version not in EXEC_VERSIONS:
        raise InputError(
            f"the exec plug-in of {where} speaks {plugin.api_version!r}",
            hint=f"irsa, as kubectl, speaks {' and '.join(EXEC_VERSIONS)}",
        )
    if not plugin.command:
        raise InputError(f"the exec plug-in of {where} has no command")
    if not plugin.interactive_mode and plugin.api_version == EXEC_VERSIONS[0]:
        raise InputError(
            f"the exec plug-in of {where} does not say its interactiveMode",
            hint="client.authentication.k8s.io/v1 wants Never, IfAvailable or Always",
        )
    extensions = {entry.name: entry.extension for entry in cluster.extensions}
    return ExecPlugin(
        api_version=plugin.api_version,
        command=plugin.command,
        args=plugin.args,
        env=tuple((variable.name, variable.value) for variable in plugin.env),
        install_hint=plugin.install_hint,
        provide_cluster_info=plugin.provide_cluster_info,
        interactive_mode=plugin.interactive_mode or "IfAvailable",
        cluster_config=extensions.get(EXEC_EXTENSION),
    )


def _impersonation(user: User) -> Iterable[tuple[str, str]]:
    if user.act_as:
        yield "Impersonate-User", user.act_as
    if user.as_uid:
        yield "Impersonate-Uid", user.as_uid
    for group in user.as_groups:
        yield "Impersonate-Group", group
    for key, values in user.as_user_extra.items():
        for value in values:
            yield f"Impersonate-Extra-{key}", value


def _sendable(headers: Iterable[tuple[str, str]], where: str) -> tuple[tuple[str, str], ...]:
    checked = tuple(headers)
    for name, value in checked:
        if not (name + value).isascii() or not (name + value).isprintable():
            raise InputError(f"the user of {where} acts as somebody whom no header can name")
    return checked
