"""`irsa webhook`: serves AdmissionReviews; what its Deployment runs."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from irsa.cli import guards, log
from irsa.injection.grants import (
    DEFAULT_AUDIENCE,
    DEFAULT_MOUNT_PATH,
    DEFAULT_PREFIX,
    MAX_EXPIRATION,
    MIN_EXPIRATION,
)
from irsa.injection.settings import DEFAULT_PORT
from irsa.webhook import flags

if TYPE_CHECKING:
    from irsa.kube.stream import Stream

logger = logging.getLogger(__name__)

_NOTES = "irsa.notes"


class Command(TyperCommand):
    """A command that also understands the command line of AWS's webhook."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read Go's way to write flags, too."""
        translated = flags.translate(args)
        ctx.meta[_NOTES] = translated.notes
        return super().parse_args(ctx, list(translated.arguments))


def command(
    context: typer.Context,
    *,
    tls_cert: Annotated[
        Path, typer.Option("--tls-cert", metavar="FILE", help="The serving certificate, PEM.")
    ] = Path("/etc/webhook/certs/tls.crt"),
    tls_key: Annotated[
        Path, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")
    ] = Path("/etc/webhook/certs/tls.key"),
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port to listen on.")
    ] = DEFAULT_PORT,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", help="The address to listen on; default all."),
    ] = None,
    annotation_prefix: Annotated[
        str, typer.Option("--annotation-prefix", help="What annotations begin with.")
    ] = DEFAULT_PREFIX,
    token_audience: Annotated[
        str, typer.Option("--token-audience", help="The tokens' audience, where not annotated.")
    ] = DEFAULT_AUDIENCE,
    token_expiration: Annotated[
        int,
        typer.Option(
            "--token-expiration",
            min=MIN_EXPIRATION,
            max=MAX_EXPIRATION,
            metavar="SECONDS",
            help="The tokens' life, where not annotated.",
        ),
    ] = MAX_EXPIRATION,
    token_mount_path: Annotated[
        str, typer.Option("--token-mount-path", metavar="PATH", help="Where tokens are mounted.")
    ] = DEFAULT_MOUNT_PATH,
    aws_default_region: Annotated[
        str | None,
        typer.Option("--aws-default-region", metavar="REGION", help="Becomes AWS_REGION in pods."),
    ] = None,
    sts_regional_endpoint: Annotated[
        bool | None,
        typer.Option(
            "--sts-regional-endpoint/--no-sts-regional-endpoint",
            help="Set AWS_STS_REGIONAL_ENDPOINTS, where not annotated; default with a region.",
        ),
    ] = None,
    role_session_name: Annotated[
        bool,
        typer.Option(
            "--role-session-name/--no-role-session-name",
            help="Set AWS_ROLE_SESSION_NAME to NAMESPACE.SERVICEACCOUNT.",
        ),
    ] = True,
    allowed_account: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-account",
            metavar="ACCOUNT",
            help="Inject roles of this account only. Repeatable; default every account.",
        ),
    ] = None,
    allowed_role: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-role",
            metavar="NAMESPACE=ARN",
            help="Inject into this namespace only roles whose ARN fits this pattern. Repeatable; "
            "the namespace * stands for those that are not named.",
        ),
    ] = None,
    compose_role_arn: Annotated[
        bool,
        typer.Option(
            "--compose-role-arn/--no-compose-role-arn",
            help="Take a role's name or path for its ARN, in the one --allowed-account.",
        ),
    ] = False,
    watch_config_map: Annotated[
        bool,
        typer.Option(
            "--watch-config-map/--no-watch-config-map",
            help="Read roles from the ConfigMap pod-identity-webhook, too.",
        ),
    ] = False,
    namespace: Annotated[
        str, typer.Option("--namespace", help="The namespace of that ConfigMap.")
    ] = "eks",
    client_ca: Annotated[
        Path | None,
        typer.Option(
            "--client-ca",
            metavar="FILE",
            help="Answer reviews only to clients with a certificate of this CA.",
        ),
    ] = None,
    client_name: Annotated[
        list[str] | None,
        typer.Option(
            "--client-name",
            metavar="NAME",
            help="And only with this common name. Repeatable; default any.",
        ),
    ] = None,
    stop_delay: Annotated[
        float,
        typer.Option(
            "--stop-delay",
            min=0,
            metavar="SECONDS",
            help="How long it still takes connections after SIGTERM.",
        ),
    ] = 0,
    kubeconfig: Annotated[
        str | None,
        typer.Option("--kubeconfig", metavar="FILE", help="To run outside of the cluster."),
    ] = None,
) -> None:
    """
    Serve the pod identity webhook on `/mutate`, until stopped.

    It reads ServiceAccounts and writes nothing. `/healthz`, `/readyz` and `/metrics` are served
    on the same port. A new certificate is taken from the files while it runs. Logs are JSON lines
    on stderr, one a review. Flags of amazon-eks-pod-identity-webhook mean here what they mean
    there, or are refused with a reason.

    Example: `irsa webhook --tls-cert tls.crt --tls-key tls.key --port 9443`
    """
    import asyncio

    import uvloop

    from irsa.injection.grants import Defaults
    from irsa.webhook.process import Options, serve

    log.configure_pod()
    logging.getLogger("uvicorn").handlers[:] = logging.getLogger("irsa").handlers
    for note in context.meta.get(_NOTES, ()):
        logger.warning("%s", note)
    accounts = guards.accounts(allowed_account or [])
    defaults = Defaults(
        prefix=annotation_prefix,
        audience=token_audience,
        expiration=token_expiration,
        region=aws_default_region or None,
        regional_sts=sts_regional_endpoint,
        session_name=role_session_name,
        mount_path=_mount_path(token_mount_path),
        compose_account=_only(accounts) if compose_role_arn else None,
        allowed_accounts=accounts,
        allowed_roles=guards.allowed_roles(allowed_role or []),
    )
    options = Options(
        cert_file=tls_cert,
        key_file=tls_key,
        port=port,
        host=host,
        defaults=defaults,
        stop_delay=stop_delay,
        client_ca=client_ca,
        client_names=frozenset(client_name or ()),
        config_map_namespace=namespace if watch_config_map else None,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(_stream(kubeconfig), options))


def _only(accounts: frozenset[str]) -> str:
    from irsa.errors import InputError

    if len(accounts) != 1:
        raise InputError(
            f"--compose-role-arn does not know in which account, with {len(accounts)} allowed",
            hint="give --allowed-account once; instance metadata is not asked",
        )
    [account] = accounts
    return account


def _mount_path(text: str) -> str:
    from irsa.errors import InputError

    if not text.startswith("/") or ":" in text or ".." in text.split("/") or text.strip("/") == "":
        raise InputError(f"--token-mount-path {text!r} is not an absolute path")
    return text.rstrip("/")


def _stream(kubeconfig: str | None) -> "Stream":
    import os

    from irsa.kube.stream import Stream

    if kubeconfig is None:
        return Stream.in_cluster()
    from irsa.kube import locate

    return Stream(locate.connection(kubeconfig, None, environment=os.environ))
