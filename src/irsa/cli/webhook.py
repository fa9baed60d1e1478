"""`irsa webhook`: serves AdmissionReviews; what its Deployment runs."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli import log
from irsa.injection.grants import DEFAULT_AUDIENCE, DEFAULT_PREFIX
from irsa.injection.settings import DEFAULT_PORT

if TYPE_CHECKING:
    from irsa.kube.stream import Stream


def command(
    *,
    tls_cert: Annotated[
        Path, typer.Option("--tls-cert", metavar="FILE", help="The serving certificate, PEM.")
    ],
    tls_key: Annotated[
        Path, typer.Option("--tls-key", metavar="FILE", help="Its private key, PEM.")
    ],
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
    aws_default_region: Annotated[
        str | None,
        typer.Option("--aws-default-region", metavar="REGION", help="Becomes AWS_REGION in pods."),
    ] = None,
    sts_regional_endpoint: Annotated[
        bool,
        typer.Option(
            "--sts-regional-endpoint", help="Set AWS_STS_REGIONAL_ENDPOINTS, where not annotated."
        ),
    ] = False,
    allowed_account: Annotated[
        list[str] | None,
        typer.Option(
            "--allowed-account",
            metavar="ACCOUNT",
            help="Inject roles of this account only. Repeatable; default every account.",
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
    on stderr, one a review.

    Example: `irsa webhook --tls-cert tls.crt --tls-key tls.key --port 9443`
    """
    import asyncio

    import uvloop

    from irsa.injection.grants import Defaults
    from irsa.webhook.process import Options, serve

    log.configure_pod()
    logging.getLogger("uvicorn").handlers[:] = logging.getLogger("irsa").handlers
    defaults = Defaults(
        prefix=annotation_prefix,
        audience=token_audience,
        region=aws_default_region,
        regional_sts=sts_regional_endpoint,
        allowed_accounts=_accounts(allowed_account or []),
    )
    options = Options(
        cert_file=tls_cert,
        key_file=tls_key,
        port=port,
        host=host,
        defaults=defaults,
        stop_delay=stop_delay,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(_stream(kubeconfig), options))


def _accounts(texts: list[str]) -> frozenset[str]:
    from irsa.arns import is_account
    from irsa.errors import InputError

    for text in texts:
        if not is_account(text):
            raise InputError(
                f"--allowed-account {text!r} is not an AWS account number", hint="twelve digits"
            )
    return frozenset(texts)


def _stream(kubeconfig: str | None) -> "Stream":
    import os

    from irsa.kube.stream import Stream

    if kubeconfig is None:
        return Stream.in_cluster()
    from irsa.kube import locate

    return Stream(locate.connection(kubeconfig, None, environment=os.environ))
