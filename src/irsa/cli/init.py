"""`irsa init`: look at cluster and account, ask the rest, and write the configuration."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from irsa.cli import options
from irsa.cli.render import console
from irsa.errors import InputError


def command(
    *,
    config: options.ConfigFile = options.DEFAULT_CONFIG,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The cluster's name; it begins the roles'.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="REGION", help="The AWS region; by default the configured one."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The AWS profile, kept in the configuration."),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The bucket for the issuer's documents; made by apply."),
    ] = None,
    service_account: Annotated[
        list[str],
        typer.Option(metavar="NS/NAME", help="A ServiceAccount that gets a role. Repeatable."),
    ] = [],  # noqa: B006 # typer reads it, nobody changes it
    policy: Annotated[
        list[str],
        typer.Option(metavar="ARN", help="A managed policy for these roles. Repeatable."),
    ] = [],  # noqa: B006 # typer reads it, nobody changes it
    inline_policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A policy document (JSON) for these roles."),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(metavar="ENGINE", help="What gives pods their role: webhook or none."),
    ] = None,
    host_network: Annotated[
        bool, typer.Option("--host-network", help="The webhook uses the nodes' own network.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1024, max=65535, help="The port that the webhook listens on.")
    ] = 9443,
    replicas: Annotated[
        int | None, typer.Option(min=1, max=20, help="How many pods of the webhook.")
    ] = None,
    account: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="The AWS account; with it, AWS is not looked at."),
    ] = None,
    uid: Annotated[
        str | None,
        typer.Option(
            metavar="UID",
            help="The uid of the namespace kube-system; with it, the cluster is not looked at.",
        ),
    ] = None,
    public_key: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE", help="With --uid: a public key that the cluster signs with. Repeatable."
        ),
    ] = [],  # noqa: B006 # typer reads it, nobody changes it
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Take every suggestion without asking.")
    ] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """
    Write a configuration for this cluster and this AWS account.

    What can be found out is: the cluster's uid, distribution and issuer, the account, the region.
    The rest is asked on a terminal; without one, options answer, or --yes takes the suggestions.
    Nothing but the file is written, and never over an existing one. Who cannot reach AWS names
    the --account; who cannot reach the cluster gives its --uid and every --public-key.

    Example: irsa init --service-account shop/web
    """
    from irsa import files
    from irsa.cli.composing import Composer
    from irsa.cli.given import Given
    from irsa.cli.interview import Interview

    _check_free(config)
    given = Given(
        name=name,
        region=region,
        profile=profile,
        bucket=bucket,
        service_accounts=tuple(service_account),
        policies=tuple(policy),
        inline_policy=_read_policy(inline_policy) if inline_policy else None,
        engine=engine,
        host_network=host_network,
        port=port,
        replicas=replicas,
        account=account,
        uid=uid,
        public_keys=tuple(_place(key, config.parent) for key in public_key),
        kubeconfig=kubeconfig,
        context=context,
    )
    text = Composer(given, Interview(yes=yes)).compose(config)
    files.create(config, text.encode())
    console.note(f"wrote {config}")
    chosen = "" if config == options.DEFAULT_CONFIG else f" --config {config}"
    half = _half(given.account, given.uid)
    console.note(f"next: look at it, then `irsa plan{chosen}{half}` shows what would be made")


def _half(account: str | None, uid: str | None) -> str:
    """The half that can be planned from where only the cluster, or only AWS, is reached."""
    if bool(account) == bool(uid):
        return ""
    return " --only cluster" if account else " --only aws"


def _place(key: Path, directory: Path) -> str:
    """Where a key is, as the file in that directory names it; it is looked at first."""
    from irsa import files
    from irsa.identity.keys import load_public_keys

    load_public_keys(files.read_bytes(key), str(key))
    return os.path.relpath(key, directory)


def _check_free(path: Path) -> None:
    """Complain before anybody answers questions in vain; the write itself makes sure again."""
    if path.exists() or path.is_symlink():
        raise InputError(
            f"{path} exists already and is never overwritten",
            hint="choose another name with --config, or move the old file away first",
        )
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no directory {path.parent}")


def _read_policy(path: Path) -> dict[str, Any]:
    from irsa import files

    try:
        document = json.loads(files.read_text(path))
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{path} is not a policy document: it is no JSON object")
    return document
