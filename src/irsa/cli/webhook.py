"""
`irsa webhook`: serves AdmissionReviews; what its Deployment runs.

Plain command lines never come here: see `irsa.webhook.arguments`.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from irsa.injection.grants import MAX_EXPIRATION, MIN_EXPIRATION
from irsa.webhook import flags
from irsa.webhook.arguments import MAX_PORT, Arguments

_NOTES = "irsa.notes"
_DEFAULTS = Arguments()


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
    ] = _DEFAULTS.tls_cert,
    tls_key: Annotated[
        Path, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")
    ] = _DEFAULTS.tls_key,
    port: Annotated[
        int, typer.Option("--port", min=0, max=MAX_PORT, help="The port to listen on.")
    ] = _DEFAULTS.port,
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", help="The address to listen on; default all."),
    ] = None,
    annotation_prefix: Annotated[
        str, typer.Option("--annotation-prefix", help="What annotations begin with.")
    ] = _DEFAULTS.annotation_prefix,
    token_audience: Annotated[
        str, typer.Option("--token-audience", help="The tokens' audience, where not annotated.")
    ] = _DEFAULTS.token_audience,
    token_expiration: Annotated[
        int,
        typer.Option(
            "--token-expiration",
            min=MIN_EXPIRATION,
            max=MAX_EXPIRATION,
            metavar="SECONDS",
            help="The tokens' life, where not annotated.",
        ),
    ] = _DEFAULTS.token_expiration,
    token_mount_path: Annotated[
        str, typer.Option("--token-mount-path", metavar="PATH", help="Where tokens are mounted.")
    ] = _DEFAULTS.token_mount_path,
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
    ] = _DEFAULTS.role_session_name,
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
    ] = _DEFAULTS.compose_role_arn,
    watch_config_map: Annotated[
        bool,
        typer.Option(
            "--watch-config-map/--no-watch-config-map",
            help="Read roles from the ConfigMap pod-identity-webhook, too.",
        ),
    ] = _DEFAULTS.watch_config_map,
    namespace: Annotated[
        str, typer.Option("--namespace", help="The namespace of that ConfigMap.")
    ] = _DEFAULTS.namespace,
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
    ] = _DEFAULTS.stop_delay,
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
    from irsa.cli import serving

    serving.run(
        Arguments(
            tls_cert=tls_cert,
            tls_key=tls_key,
            port=port,
            host=host,
            annotation_prefix=annotation_prefix,
            token_audience=token_audience,
            token_expiration=token_expiration,
            token_mount_path=token_mount_path,
            aws_default_region=aws_default_region,
            sts_regional_endpoint=sts_regional_endpoint,
            role_session_name=role_session_name,
            allowed_account=tuple(allowed_account or ()),
            allowed_role=tuple(allowed_role or ()),
            compose_role_arn=compose_role_arn,
            watch_config_map=watch_config_map,
            namespace=namespace,
            client_ca=client_ca,
            client_name=tuple(client_name or ()),
            stop_delay=stop_delay,
            kubeconfig=kubeconfig,
            notes=tuple(context.meta.get(_NOTES, ())),
        )
    )
