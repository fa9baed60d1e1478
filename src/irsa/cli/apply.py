"""`irsa apply`: make everything as the configuration says."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli import options, trail
from irsa.cli.plan import Prune
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import IrsaError

if TYPE_CHECKING:
    from irsa.provision.apply import Manner
    from irsa.provision.resource import Change, Plan
    from irsa.provision.world import World

READ_BACK = "read-back"


def command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A plan of `irsa plan --out`: just that is done."),
    ] = None,
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    yes: options.Yes = False,
    output: options.OutputFormat = Output.text,
    only: options.Only = [],  # noqa: B006 # typer reads it, nobody changes it
    prune: Prune = False,
    audit_log: trail.AuditLog = None,
    override: options.Override = [],  # noqa: B006 # typer reads it, nobody changes it
    reason: options.Reason = None,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """
    Make everything as the configuration says, after showing what that is.

    Bucket, documents, OIDC provider, roles, the webhook, annotations, in this order. It may be
    stopped at any time: run again, it goes on. A second run changes nothing. Gates: `read-back`
    (the documents are read as AWS reads them, before anything depends on them); with --prune
    `issuer-in-use` (no API server signs with an issuer that goes).
    A plan in a file is refused where anything has changed since it was made.

    Example: irsa apply --config irsa.yaml
    """
    from irsa.cli import dependents, plans, provisioning
    from irsa.provision import saved, scope
    from irsa.provision.apply import Manner
    from irsa.provision.usage import Gate

    known = frozenset({READ_BACK, str(Gate.issuer_in_use)})
    passed = provisioning.gates(override, reason, known=known)
    manner = Manner(around=console.step, read_back=READ_BACK not in passed, exact=file is not None)
    given = plans.read(file, only=only, prune=prune) if file else None
    parts = scope.parse(given.terms.only if given else only)
    with ExitStack() as stack:
        site = provisioning.enter(stack, config, only=parts, kubeconfig=kubeconfig, context=context)
        trail.let_show(site, audit_log, removing=False)
        terms = plans.terms(site, prune=given.terms.prune if given else prune)
        if given:
            saved.require_terms(given.terms, terms)
        plan = provisioning.plan(site, prune=terms.prune)
        if given:
            saved.require_current(given, plan)
        dependents.require_unsigned(site, plan, frozenset(passed))
        _ask(plan, site.config.cluster.name, yes=yes)
        digest = saved.digest(terms, plan)
        with trail.recorded(
            site, "apply", log=audit_log, digest=digest, overrides=passed
        ) as recorded:
            carry_out(plan, recorded.world, manner)
    report(plan, output, nothing="everything is as the configuration says")


def carry_out(plan: "Plan", world: "World", manner: "Manner") -> None:
    """
    Carry out a plan, with progress; on a failure, say what was done.

    Raises:
        IrsaError: What went wrong.
    """
    from irsa.provision import apply

    made: list[Change] = []
    try:
        for change in apply.run(plan, world, manner):
            made.append(change)  # noqa: PERF402 # what was made must be known after a failure
    except IrsaError:
        if plan.changes:
            console.warning(apply.progress(plan, made))
        raise


def report(plan: "Plan", output: Output, *, nothing: str) -> None:
    """Print what was done."""
    from irsa.cli.render import plan as render

    if output is not Output.text:
        console.data(plan.to_json() | {"applied": True}, output)
    else:
        console.result(render.summary(plan, past=True) if plan.changes else nothing)


def _ask(plan: "Plan", cluster: str, *, yes: bool) -> None:
    from irsa.cli.render import plan as render

    if plan.changes or plan.notes:
        console.note(render.text(plan))
    if plan.changes:
        console.confirm(f"Do this to cluster {cluster}?", yes=yes)
