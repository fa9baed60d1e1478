"""`irsa plan`: what would be made, changed and removed; nothing is."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from irsa.cli import options, permissions
from irsa.cli.permissions import Purpose
from irsa.cli.render import console
from irsa.cli.render.console import Output
from irsa.errors import InputError

if TYPE_CHECKING:
    from irsa.provision.resource import Plan
    from irsa.provision.scope import Scope

CHANGES = 2

Prune = Annotated[
    bool, typer.Option("--prune", help="Also remove what the configuration no longer names.")
]


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    output: options.OutputFormat = Output.text,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit with 2 if there are changes.")
    ] = False,
    only: options.Only = [],  # noqa: B006 # typer reads it, nobody changes it
    prune: Prune = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Also write the plan, for `irsa apply FILE`."),
    ] = None,
    wants_permissions: Annotated[
        bool,
        typer.Option(
            "--permissions", help="Print the least IAM policy that is needed, instead of the plan."
        ),
    ] = False,
    purpose: Annotated[
        Purpose | None, typer.Option("--for", help="What the permissions are for.")
    ] = None,
    delete_bucket: Annotated[
        bool,
        typer.Option("--delete-bucket", help="With --for destroy: the bucket will be removed too."),
    ] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> int:
    """
    Show what `irsa apply` would do, exactly; nothing is changed.

    AWS and the cluster are read and compared with the configuration. JSON and YAML hold every
    call and every object as it would be sent. With public key files (keysFrom) --only aws needs
    no cluster; --only cluster needs no AWS.

    Example: irsa plan --only aws --out plan.json
    """
    from irsa.cli import plans, provisioning
    from irsa.provision import scope

    parts = scope.parse(only)
    if wants_permissions:
        if out:
            raise InputError("--permissions prints no plan that --out could write")
        asked = Asked(only=parts, prune=prune, delete_bucket=delete_bucket, purpose=purpose)
        doors = {"kubeconfig": kubeconfig, "context": context}
        permissions.show(_permissions(config, asked, doors), output)
        return 0
    if purpose or delete_bucket:
        option = "--for" if purpose else "--delete-bucket"
        raise InputError(f"{option} belongs to --permissions", hint="irsa plan --permissions")
    if out:
        plans.require_free(out)
    with ExitStack() as stack:
        site = provisioning.enter(stack, config, only=parts, kubeconfig=kubeconfig, context=context)
        found = provisioning.plan(site, prune=prune)
        _show(found, output)
        if out:
            plans.save(site, found, out, prune=prune)
    return CHANGES if detailed_exitcode and found.changes else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the permissions are asked for."""

    only: "Scope"
    prune: bool
    delete_bucket: bool
    purpose: Purpose | None


def _permissions(config: Path, asked: Asked, doors: dict[str, str | None]) -> dict[str, Any]:
    from irsa.cli import provisioning

    if asked.purpose is Purpose.verify:
        return permissions.for_verify(config)
    removing = asked.purpose is Purpose.destroy
    with ExitStack() as stack:
        site = provisioning.enter(stack, config, only=asked.only, removing=removing, **doors)
        if removing:
            return permissions.for_destroy(site, delete_bucket=asked.delete_bucket)
        return permissions.for_apply(site, prune=asked.prune)


def _show(found: "Plan", output: Output) -> None:
    from irsa.cli.render import plan as render

    if output is not Output.text:
        console.data(found.to_json(), output)
        return
    plain = render.text(found)
    if sys.stdout.isatty():
        console.show(render.styled(plain))
    else:
        console.result(plain)
