"""
What `irsa webhook` does once its options are known.

Light to import: no command line's library, and in a pod no YAML.
Never here: reading options.
"""

import asyncio
import logging
import os

import uvloop

from irsa.cli import guards, log
from irsa.errors import InputError
from irsa.injection.grants import Defaults
from irsa.kube.stream import Stream
from irsa.webhook.arguments import Arguments
from irsa.webhook.process import Options, serve

logger = logging.getLogger(__name__)


def run(given: Arguments) -> None:
    """
    Serve until stopped.

    Raises:
        InputError: An option, or a file that it names, cannot be used.
    """
    log.configure_pod()
    for note in given.notes:
        logger.warning("%s", note)
    options = _options(given)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(_stream(given.kubeconfig), options))


def _options(given: Arguments) -> Options:
    return Options(
        cert_file=given.tls_cert,
        key_file=given.tls_key,
        port=given.port,
        host=given.host,
        defaults=_defaults(given),
        stop_delay=given.stop_delay,
        client_ca=given.client_ca,
        client_names=frozenset(given.client_name),
        config_map_namespace=given.namespace if given.watch_config_map else None,
    )


def _defaults(given: Arguments) -> Defaults:
    accounts = guards.accounts(given.allowed_account)
    return Defaults(
        prefix=given.annotation_prefix,
        audience=given.token_audience,
        expiration=given.token_expiration,
        region=given.aws_default_region or None,
        regional_sts=given.sts_regional_endpoint,
        session_name=given.role_session_name,
        mount_path=_mount_path(given.token_mount_path),
        compose_account=_only(accounts) if given.compose_role_arn else None,
        allowed_accounts=accounts,
        allowed_roles=guards.allowed_roles(given.allowed_role),
    )


def _only(accounts: frozenset[str]) -> str:
    if len(accounts) != 1:
        raise InputError(
            f"--compose-role-arn does not know in which account, with {len(accounts)} allowed",
            hint="give --allowed-account once; instance metadata is not asked",
        )
    [account] = accounts
    return account


def _mount_path(text: str) -> str:
    if not text.startswith("/") or ":" in text or ".." in text.split("/") or text.strip("/") == "":
        raise InputError(f"--token-mount-path {text!r} is not an absolute path")
    return text.rstrip("/")


def _stream(kubeconfig: str | None) -> Stream:
    if kubeconfig is None:
        return Stream.in_cluster()
    from irsa.kube import locate

    return Stream(locate.connection(kubeconfig, None, environment=os.environ))
