"""`irsa destroy`: remove everything that irsa made, in the safe order."""

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from irsa.cli import options, trail
from irsa.cli.apply import carry_out, report
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import InputError

if TYPE_CHECKING:
    from irsa.cli.provisioning import Site
    from irsa.provision.resource import Plan


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    yes: options.Yes = False,
    confirm_name: Annotated[
        str | None,
        typer.Option(
            "--confirm-name", metavar="NAME", help="The cluster's name, instead of typing it."
        ),
    ] = None,
    delete_bucket: Annotated[
        bool,
        typer.Option(
            "--delete-bucket", help="Remove the bucket too; anybody may then take its name."
        ),
    ] = False,
    only: options.Only = [],  # noqa: B006 # typer reads it, nobody changes it
    audit_log: trail.AuditLog = None,
    override: options.Override = [],  # noqa: B006 # typer reads it, nobody changes it
    reason: options.Reason = None,
    output: options.OutputFormat = Output.text,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """
    Remove everything that irsa made for this cluster, and nothing else.

    The webhook and the annotations first, then roles, OIDC provider, documents: nothing trusts the
    issuer any more when it goes. The bucket is kept, emptied and private, unless --delete-bucket.
    Refused while running pods use a role (gate `pods-in-use`), or an API server signs with the
    issuer (gate `issuer-in-use`).

    Example: irsa destroy --config irsa.yaml
    """
    from irsa.cli import dependents, plans, provisioning
    from irsa.provision import saved, scope
    from irsa.provision.apply import Manner
    from irsa.provision.usage import Gate

    known = frozenset(map(str, Gate))
    passed = provisioning.gates(override, reason, known=known)
    with ExitStack() as stack:
        site = provisioning.enter(
            stack,
            config,
            only=scope.parse(only),
            removing=True,
            kubeconfig=kubeconfig,
            context=context,
        )
        trail.let_show(site, audit_log, removing=True)
        plan = provisioning.plan_removal(site, delete_bucket=delete_bucket)
        _show(plan)
        if plan.changes:
            dependents.require_unused(site, plan, frozenset(passed))
            _confirm(site, confirm_name, yes=yes)
            digest = saved.digest(plans.terms(site), plan)
            with trail.recorded(
                site, "destroy", log=audit_log, digest=digest, overrides=passed
            ) as recorded:
                carry_out(plan, recorded.world, Manner(around=console.step))
    report(plan, output, nothing="nothing of this cluster is left")


def _show(plan: "Plan") -> None:
    from irsa.cli.render import plan as render

    if plan.changes or plan.notes:
        console.note(render.text(plan, nothing="nothing to remove"))


def _confirm(site: "Site", given: str | None, *, yes: bool) -> None:
    from irsa.cli import provisioning

    name = given
    if name is None:
        if not sys.stdin.isatty():
            raise InputError(
                "this removes things and there is no terminal to ask on"
                if not yes
                else "--yes is not enough to remove a cluster's identity",
                hint="repeat it with --confirm-name and the cluster's name",
            )
        name = typer.prompt("Type the cluster's name to remove all this", err=True)
    provisioning.require_name(site, name)
