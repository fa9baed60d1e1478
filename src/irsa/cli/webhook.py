"""
`irsa webhook`: serves AdmissionReviews; what its Deployment runs.

Plain command lines never come here: see `irsa.webhook.arguments`, where the options are, too.
"""

import inspect
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from irsa.webhook import arguments, flags
from irsa.webhook.arguments import Arguments, Option

_NOTES = "irsa.notes"


class Command(TyperCommand):
    """A command that also understands the command line of AWS's webhook."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read Go's way to write flags, too."""
        translated = flags.translate(args)
        ctx.meta[_NOTES] = translated.notes
        return super().parse_args(ctx, list(translated.arguments))


def command(context: typer.Context, **given: Any) -> None:
    """
    Serve the pod identity webhook on `/mutate`, until stopped.

    It reads ServiceAccounts and writes nothing. `/healthz`, `/readyz` and `/metrics` are served
    on the same port. A new certificate is taken from the files while it runs. Logs are JSON lines
    on stderr, one a review. Flags of amazon-eks-pod-identity-webhook mean here what they mean
    there, or are refused with a reason.

    Example: `irsa webhook --tls-cert tls.crt --tls-key tls.key --port 9443`
    """
    from irsa.cli import serving

    for field, kind, _ in arguments.declared():
        if arguments.is_repeated(kind):
            given[field.name] = tuple(given[field.name] or ())
    serving.run(Arguments(**given, notes=tuple(context.meta.get(_NOTES, ()))))


def _parameters() -> Iterator[inspect.Parameter]:
    """What typer reads the command from, since its options are declared elsewhere."""
    yield inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    for field, kind, option in arguments.declared():
        repeated = arguments.is_repeated(kind)
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None if repeated else field.default,
            annotation=Annotated[
                list[str] | None if repeated else kind, _option(field.name, kind, option)
            ],
        )


def _option(name: str, kind: Any, option: Option) -> Any:
    words = name.replace("_", "-")
    return typer.Option(
        f"--{words}/--no-{words}" if arguments.is_switch(kind) else f"--{words}",
        metavar=option.metavar,
        min=option.least,
        max=option.most,
        help=option.help,
    )


command.__signature__ = inspect.Signature(list(_parameters()))  # type: ignore[attr-defined] # read by inspect
