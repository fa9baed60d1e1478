"""`irsa controller`: keeps the webhook's certificates true; what its Deployment runs."""

import os
import signal
import socket
import threading
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli import guards, log
from irsa.cli.gathering import gathered
from irsa.cli.options import Context, Kubeconfig
from irsa.injection.grants import DEFAULT_PREFIX
from irsa.injection.settings import CONTROLLER, DEFAULT_NAMESPACE

if TYPE_CHECKING:
    from irsa.controller.events import Events
    from irsa.controller.held import Held
    from irsa.controller.loop import Rounds
    from irsa.controller.metrics import State
    from irsa.injection.grants import Defaults
    from irsa.kube.client import Kube


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the controller is told."""

    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="The namespace of the webhook.")
    ] = DEFAULT_NAMESPACE
    period: Annotated[
        float, typer.Option("--period", min=0.1, metavar="SECONDS", help="How often it looks.")
    ] = 5.0
    survey_period: Annotated[
        float,
        typer.Option(
            "--survey-period",
            min=0.1,
            metavar="SECONDS",
            help="How often it looks for pods without their role.",
        ),
    ] = 60.0
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port",
            min=0,
            max=65535,
            help="Serve `/metrics`, `/healthz` and `/readyz` there, over plain HTTP; "
            "default nowhere.",
        ),
    ] = None
    tls_secret: Annotated[
        str | None,
        typer.Option(
            "--tls-secret",
            metavar="NAME",
            help="Somebody else makes the certificate in this Secret: only keep `caBundle` true.",
        ),
    ] = None
    annotation_prefix: Annotated[
        str, typer.Option("--annotation-prefix", help="What annotations begin with.")
    ] = DEFAULT_PREFIX
    allowed_account: Annotated[
        list[str],
        typer.Option("--allowed-account", metavar="ACCOUNT", help="As for the webhook."),
    ] = field(default_factory=list)
    allowed_role: Annotated[
        list[str],
        typer.Option("--allowed-role", metavar="NAMESPACE=ARN", help="As for the webhook."),
    ] = field(default_factory=list)
    watch_config_map: Annotated[
        bool, typer.Option("--watch-config-map", help="As for the webhook.")
    ] = False
    exclude_namespace: Annotated[
        list[str],
        typer.Option(
            "--exclude-namespace",
            metavar="NAMESPACE",
            help="The webhook is not asked about pods there. Repeatable.",
        ),
    ] = field(default_factory=list)
    restart: Annotated[
        bool,
        typer.Option(
            "--restart", help="Restart what pods without their role belong to, one at a time."
        ),
    ] = False
    kubeconfig: Kubeconfig = None
    context: Context = None

    def defaults(self) -> "Defaults":
        """
        What decides whether a role is given.

        Raises:
            InputError: An account or a pattern is none.
        """
        from irsa.injection.grants import Defaults

        return Defaults(
            prefix=self.annotation_prefix,
            allowed_accounts=guards.accounts(self.allowed_account),
            allowed_roles=guards.allowed_roles(self.allowed_role),
        )


@gathered
def command(wish: Wish) -> None:
    """
    Keep the webhook's CA, certificate and `caBundle` true, until stopped.

    It makes the Secrets irsa-webhook-ca and irsa-webhook-tls, renews them in time, and heals them
    when they are deleted or damaged. Every minute it looks for running pods whose ServiceAccount
    has a role and which carry no credentials, and tells of them: a metric, an Event, a line in the
    log. Logs are JSON lines on stderr.

    Example: `irsa controller --namespace irsa-system`
    """
    from irsa.controller.metrics import State

    log.configure_pod()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    defaults, state = wish.defaults(), State()
    with (
        _kube(wish.kubeconfig, wish.context, stop) as kube,
        _shown(wish.metrics_port, state),
    ):
        _rounds(wish, defaults, kube, state=state, stop=stop).run(stop)


def _rounds(
    wish: Wish, defaults: "Defaults", kube: "Kube", *, state: "State", stop: threading.Event
) -> "Rounds":
    """The tasks, each with the API guarded by the Lease."""
    from irsa.controller.clock import Clock
    from irsa.controller.events import Events
    from irsa.controller.held import Held
    from irsa.controller.lease import Lease, lease_ref
    from irsa.controller.loop import Rounds, Task

    clock = Clock(server=kube.now, local=lambda: datetime.now(UTC), state=state)
    holder = f"{socket.gethostname()}_{uuid.uuid4()}"
    lease = Lease(kube, lease_ref(wish.namespace, CONTROLLER), holder=holder)
    held = Held(kube=kube, lease=lease, clock=clock.now, stopped=stop.is_set, beat=state.beat)
    events = Events(kube=held, clock=clock.now, results=state.events)
    rounds = Rounds(lease=lease, state=state, clock=clock.now, period=wish.period)
    # A survey of a large cluster takes a while: certificates are looked at in the middle of it.
    long = replace(held, beat=rounds.meanwhile)
    certificates = _certificates(wish, held, events, state=state)
    survey = _survey(wish, defaults, long, events=events, state=state)
    rounds.tasks = (
        Task(name="certificates", work=certificates, every=wish.period),
        Task(name="survey", work=survey, every=wish.survey_period),
    )
    return rounds


def _certificates(
    wish: Wish, kube: "Held", events: "Events", *, state: "State"
) -> Callable[[], object]:
    from irsa.controller.complaints import Complaints
    from irsa.controller.loop import Controller, note_expiries

    controller = Controller(
        kube=kube,
        namespace=wish.namespace,
        clock=kube.clock,
        tls_secret=wish.tls_secret,
        seen=note_expiries(state),
        did=lambda action: state.actions.update([type(action).__name__]),
        troubled=Complaints(events=events).tell,
    )
    return controller.settle


def _survey(
    wish: Wish, defaults: "Defaults", kube: "Held", *, events: "Events", state: "State"
) -> Callable[[], object]:
    from irsa.controller.patrol import Patrol
    from irsa.controller.restart import Restarter
    from irsa.controller.survey import Search, config_map_roles
    from irsa.controller.telling import Telling

    mappings = config_map_roles(kube, wish.namespace, defaults) if wish.watch_config_map else dict
    search = Search(
        kube=kube,
        defaults=defaults,
        left_out=frozenset(wish.exclude_namespace),
        mappings=mappings,
    )
    restarter = Restarter(kube=kube, clock=kube.clock, events=events) if wish.restart else None
    patrol = Patrol(
        search=search,
        telling=Telling(events=events),
        state=state,
        clock=kube.clock,
        restarter=restarter,
    )
    return patrol.go


def _kube(kubeconfig: str | None, context: str | None, stop: threading.Event) -> "Kube":
    """The cluster; a pause that the API server asks for ends when the process is to stop."""
    from irsa.kube import locate
    from irsa.kube.client import TIMEOUT, Kube
    from irsa.kube.transport import Transport

    def pause(seconds: float) -> None:
        stop.wait(seconds)

    connection = locate.connection(kubeconfig, context, environment=os.environ)
    return Kube(Transport(connection, timeout=TIMEOUT, sleep=pause))


def _shown(port: int | None, state: "State") -> AbstractContextManager[int | None]:
    from irsa.controller.metrics import render
    from irsa.controller.server import Pages, serving

    pages = Pages(metrics=lambda: render(state), healthy=state.is_healthy, unready=state.unready)
    return serving(port, pages)
