"""
Exec plug-ins: programs that issue credentials, by `client.authentication.k8s.io` v1 and v1beta1.

Protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
Never here: when to run one again; keeping what it issued.
"""

import base64
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from irsa import files
from irsa.errors import KubeError, excerpt
from irsa.kube.connection import ClientCertificate, Connection, ExecPlugin

TIMEOUT = 60.0
INTERACTIVE_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What a plug-in issued; `expires` is None where it did not say."""

    token: str | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None
    expires: datetime | None = None


class _Credential(msgspec.Struct, frozen=True, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


class _ExecCredential(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str
    kind: str
    status: _Credential | None = None


def is_interactive(plugin: ExecPlugin, *, terminal: bool) -> bool:
    """Whether a plug-in may ask questions: it wants to, and a person can answer."""
    return terminal and plugin.interactive_mode != "Never"


def exec_info(plugin: ExecPlugin, connection: Connection, *, interactive: bool) -> str:
    """The value of KUBERNETES_EXEC_INFO: what the plug-in may know."""
    spec: dict[str, object] = {"interactive": interactive}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(plugin, connection)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(info).decode()


def _cluster_info(plugin: ExecPlugin, connection: Connection) -> dict[str, object]:
    info: dict[str, object] = {"server": connection.server}
    if connection.tls_server_name:
        info["tls-server-name"] = connection.tls_server_name
    if connection.insecure:
        info["insecure-skip-tls-verify"] = True
    if connection.ca_pem is not None:
        info["certificate-authority-data"] = base64.b64encode(connection.ca_pem).decode()
    if connection.proxy_url:
        info["proxy-url"] = connection.proxy_url
    return info | {"config": plugin.cluster_config}


def parse(output: bytes, plugin: ExecPlugin) -> Issued:
    """
    What a plug-in printed, understood.

    Raises:
        KubeError: Not an ExecCredential of the version asked for, or one that holds nothing.
    """
    try:
        answer = msgspec.json.decode(output, type=_ExecCredential)
    except msgspec.DecodeError as error:
        # The output itself may hold a credential: it is never shown.
        raise _failed(plugin, f"did not print an ExecCredential: {excerpt(str(error))}") from error
    if answer.kind != "ExecCredential" or answer.api_version != plugin.api_version:
        raise _failed(plugin, f"answers with {answer.api_version} {answer.kind}", wanted=True)
    status = answer.status or _Credential()
    certificate, key = status.client_certificate_data, status.client_key_data
    if bool(certificate) != bool(key):
        raise _failed(plugin, "issued only one of client certificate and key")
    if not (status.token or certificate):
        raise _failed(plugin, "issued neither a token nor a client certificate")
    return Issued(
        token=status.token or None,
        certificate=ClientCertificate(certificate=certificate.encode(), key=key.encode())
        if certificate and key
        else None,
        expires=_in_utc(status.expiration_timestamp),
    )


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def run(
    plugin: ExecPlugin,
    connection: Connection,
    *,
    environment: Mapping[str, str],
    terminal: bool,
    timeout: float | None = None,
) -> Issued:
    """
    Run a plug-in and return what it issued.

    Args:
        plugin: Which.
        connection: Whose credentials.
        environment: Ours; the plug-in's own variables come on top.
        terminal: Whether a person could answer its questions.
        timeout: Seconds until it is killed; by default long enough for whoever answers.

    Raises:
        KubeError: It is not installed, failed, hung, or printed something else.
    """
    interactive = is_interactive(plugin, terminal=terminal)
    if plugin.interactive_mode == "Always" and not terminal:
        raise _failed(plugin, "wants to ask questions, and standard input is not a terminal")
    info = exec_info(plugin, connection, interactive=interactive)
    variables = {**environment, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info}
    seconds = timeout or (INTERACTIVE_TIMEOUT if interactive else TIMEOUT)
    with _started(plugin, variables, interactive=interactive) as process:
        output, errors = _finished(process, plugin, seconds=seconds, interactive=interactive)
    if process.returncode != 0:
        said = f": {excerpt(errors.decode(errors='replace'))}" if errors and errors.strip() else ""
        raise _failed(plugin, f"failed with exit code {process.returncode}{said}")
    return parse(output, plugin)


def _started(
    plugin: ExecPlugin, variables: Mapping[str, str], *, interactive: bool
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [plugin.command, *plugin.args],
            env=variables,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # A question ("open this page and type …") must reach the person who can answer it.
            stderr=None if interactive else subprocess.PIPE,
            start_new_session=not interactive,
        )
    except OSError as error:
        reason = files.reason(error)
        failure = _failed(plugin, f"cannot be started: {reason}")
        failure.hint = plugin.install_hint or failure.hint
        raise failure from error


def _finished(
    process: subprocess.Popen[bytes], plugin: ExecPlugin, *, seconds: float, interactive: bool
) -> tuple[bytes, bytes | None]:
    try:
        return process.communicate(timeout=seconds)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            if interactive:
                process.kill()
            else:
                # What it started holds our pipe open, and would make us wait for ever.
                os.killpg(process.pid, signal.SIGKILL)
        if isinstance(error, subprocess.TimeoutExpired):
            raise _failed(plugin, f"did not finish within {seconds:g} s") from error
        raise


def _failed(plugin: ExecPlugin, what: str, *, wanted: bool = False) -> KubeError:
    more = f", not {plugin.api_version} ExecCredential" if wanted else ""
    return KubeError(
        f"the exec plug-in {plugin.command} of the kubeconfig {what}{more}",
        hint="run the command by hand to see what is wrong",
    )
