"""`irsa controller`: keeps the webhook's certificates true; what its Deployment runs."""

import signal
import socket
import threading
import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from irsa.cli import guards, log
from irsa.cli.options import Context, Kubeconfig
from irsa.injection.grants import DEFAULT_PREFIX
from irsa.injection.settings import CONTROLLER, DEFAULT_NAMESPACE


def command(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace of the webhook.")
    ] = DEFAULT_NAMESPACE,
    period: Annotated[
        float, typer.Option("--period", min=0.1, metavar="SECONDS", help="How often it looks.")
    ] = 5.0,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help="Serve `/metrics` and `/healthz` there, over plain HTTP; default nowhere.",
        ),
    ] = None,
    tls_secret: Annotated[
        str | None,
        typer.Option(
            "--tls-secret",
            metavar="NAME",
            help="Somebody else makes the certificate in this Secret: only keep `caBundle` true.",
        ),
    ] = None,
    annotation_prefix: Annotated[
        str, typer.Option("--annotation-prefix", help="What annotations begin with.")
    ] = DEFAULT_PREFIX,
    allowed_account: Annotated[
        list[str] | None,
        typer.Option("--allowed-account", metavar="ACCOUNT", help="As for the webhook."),
    ] = None,
    allowed_role: Annotated[
        list[str] | None,
        typer.Option("--allowed-role", metavar="NAMESPACE=ARN", help="As for the webhook."),
    ] = None,
    watch_config_map: Annotated[
        bool, typer.Option("--watch-config-map", help="As for the webhook.")
    ] = False,
    exclude_namespace: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude-namespace",
            metavar="NAMESPACE",
            help="The webhook is not asked about pods there. Repeatable.",
        ),
    ] = None,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Restart what pods without their role belong to, one at a time."
        ),
    ] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """
    Keep the webhook's CA, certificate and `caBundle` true, until stopped.

    It makes the Secrets irsa-webhook-ca and irsa-webhook-tls, renews them in time, and heals them
    when they are deleted or damaged. Every minute it looks for running pods whose ServiceAccount
    has a role and which carry no credentials, and tells of them: a metric, an Event, a line in the
    log. Logs are JSON lines on stderr.

    Example: `irsa controller --namespace irsa-system`
    """
    from irsa.controller import metrics
    from irsa.controller.lease import Lease, lease_ref
    from irsa.controller.loop import Controller, Rounds, note_expiries
    from irsa.controller.restart import Restarter
    from irsa.controller.server import serving
    from irsa.controller.survey import Survey, config_map_roles
    from irsa.injection.grants import Defaults
    from irsa.kube.client import Kube

    log.configure_pod()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    defaults = Defaults(
        prefix=annotation_prefix,
        allowed_accounts=guards.accounts(allowed_account or []),
        allowed_roles=guards.allowed_roles(allowed_role or []),
    )
    state = metrics.State(since=_now())
    with Kube.open(kubeconfig=kubeconfig, context=context) as kube:
        controller = Controller(
            kube=kube,
            namespace=namespace,
            clock=_now,
            tls_secret=tls_secret,
            seen=note_expiries(state),
        )
        survey = Survey(
            kube=kube,
            clock=_now,
            defaults=defaults,
            left_out=frozenset(exclude_namespace or ()),
            mappings=config_map_roles(kube, namespace, defaults) if watch_config_map else dict,
            restarter=Restarter(kube=kube, clock=_now) if restart else None,
        )
        holder = f"{socket.gethostname()}_{uuid.uuid4()}"
        lease = Lease(kube, lease_ref(namespace, CONTROLLER), holder=holder)
        rounds = Rounds(
            controller=controller, lease=lease, state=state, survey=survey, period=period
        )
        with serving(
            metrics_port,
            metrics=lambda: metrics.render(state),
            healthy=lambda: state.is_healthy(_now()),
        ):
            rounds.run(stop)


def _now() -> datetime:
    return datetime.now(UTC)
