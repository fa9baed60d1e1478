"""`irsa controller`: keeps the webhook's certificates true; what its Deployment runs."""

import signal
import socket
import threading
import uuid
from datetime import UTC, datetime
from typing import Annotated

import typer

from irsa.cli import log
from irsa.cli.options import Context, Kubeconfig
from irsa.injection.settings import CONTROLLER, DEFAULT_NAMESPACE


def command(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace of the webhook.")
    ] = DEFAULT_NAMESPACE,
    period: Annotated[
        float, typer.Option("--period", min=0.1, metavar="SECONDS", help="How often it looks.")
    ] = 5.0,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """
    Keep the webhook's CA, certificate and `caBundle` true, until stopped.

    It makes the Secrets irsa-webhook-ca and irsa-webhook-tls, renews them in time, and heals them
    when they are deleted or damaged. Logs are JSON lines on stderr.

    Example: `irsa controller --namespace irsa-system`
    """
    from irsa.controller.lease import Lease, lease_ref
    from irsa.controller.loop import Controller, run
    from irsa.kube.client import Kube

    log.configure_pod()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with Kube.open(kubeconfig=kubeconfig, context=context) as kube:
        controller = Controller(kube=kube, namespace=namespace, clock=lambda: datetime.now(UTC))
        holder = f"{socket.gethostname()}_{uuid.uuid4()}"
        lease = Lease(kube, lease_ref(namespace, CONTROLLER), holder=holder)
        run(controller, lease, stop, period=period)
