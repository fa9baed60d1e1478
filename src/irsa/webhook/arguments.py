"""
The options of `irsa webhook`, and a reader of plain command lines that needs no library.

The library that other commands are read with costs more memory and time than all the rest of the
serving process. What this reader does not understand at once (`--help`, a mistake, an abbreviation)
it leaves to that library, so there is one voice for help and errors. Both read the fields of
`Arguments`: an option is declared there, and nowhere else.
Never here: serving, help, error messages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from irsa.errors import InputError
from irsa.injection.grants import (
    DEFAULT_AUDIENCE,
    DEFAULT_MOUNT_PATH,
    DEFAULT_PREFIX,
    MAX_EXPIRATION,
    MIN_EXPIRATION,
)
from irsa.injection.settings import DEFAULT_PORT
from irsa.webhook import flags

MAX_PORT = 65535


class Option(NamedTuple):
    """What is said of an option; its name, type and default are its field's."""

    help: str
    metavar: str | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """
    What a command line says: each field is an option, but for the notes.

    Args:
        notes: What was left out because it has no effect here.
    """

    tls_cert: Annotated[Path, Option("The serving certificate, PEM.", "FILE")] = Path(
        "/etc/webhook/certs/tls.crt"
    )
    tls_key: Annotated[Path, Option("Its private key, PEM.", "FILE")] = Path(
        "/etc/webhook/certs/tls.key"
    )
    port: Annotated[int, Option("The port to listen on.", least=0, most=MAX_PORT)] = DEFAULT_PORT
    host: Annotated[str | None, Option("The address to listen on; default all.", "ADDRESS")] = None
    annotation_prefix: Annotated[str, Option("What annotations begin with.")] = DEFAULT_PREFIX
    token_audience: Annotated[str, Option("The tokens' audience, where not annotated.")] = (
        DEFAULT_AUDIENCE
    )
    token_expiration: Annotated[
        int,
        Option(
            "The tokens' life, where not annotated.",
            "SECONDS",
            least=MIN_EXPIRATION,
            most=MAX_EXPIRATION,
        ),
    ] = MAX_EXPIRATION
    token_mount_path: Annotated[str, Option("Where tokens are mounted.", "PATH")] = (
        DEFAULT_MOUNT_PATH
    )
    aws_default_region: Annotated[str | None, Option("Becomes AWS_REGION in pods.", "REGION")] = (
        None
    )
    sts_regional_endpoint: Annotated[
        bool | None,
        Option("Set AWS_STS_REGIONAL_ENDPOINTS, where not annotated; default with a region."),
    ] = None
    role_session_name: Annotated[
        bool, Option("Set AWS_ROLE_SESSION_NAME to NAMESPACE.SERVICEACCOUNT.")
    ] = True
    allowed_account: Annotated[
        tuple[str, ...],
        Option("Inject roles of this account only. Repeatable; default every account.", "ACCOUNT"),
    ] = ()
    allowed_role: Annotated[
        tuple[str, ...],
        Option(
            "Inject into this namespace only roles whose ARN fits this pattern. Repeatable; "
            "the namespace * stands for those that are not named.",
            "NAMESPACE=ARN",
        ),
    ] = ()
    compose_role_arn: Annotated[
        bool, Option("Take a role's name or path for its ARN, in the one --allowed-account.")
    ] = False
    watch_config_map: Annotated[
        bool, Option("Read roles from the ConfigMap pod-identity-webhook, too.")
    ] = False
    namespace: Annotated[str, Option("The namespace of that ConfigMap.")] = "eks"
    client_ca: Annotated[
        Path | None, Option("Answer reviews only to clients with a certificate of this CA.", "FILE")
    ] = None
    client_name: Annotated[
        tuple[str, ...], Option("And only with this common name. Repeatable; default any.", "NAME")
    ] = ()
    stop_delay: Annotated[
        float, Option("How long it still takes connections after SIGTERM.", "SECONDS", least=0)
    ] = 0
    kubeconfig: Annotated[str | None, Option("To run outside of the cluster.", "FILE")] = None
    notes: tuple[str, ...] = ()


def declared() -> Iterator[tuple[Field[Any], Any, Option]]:
    """Every option: its field, its type, and what is said of it."""
    for field in fields(Arguments):
        for option in getattr(field.type, "__metadata__", ()):
            yield field, getattr(field.type, "__origin__"), option  # noqa: B009 # `Annotated` has it


def is_switch(kind: Any) -> bool:
    """Whether an option of that type takes no value."""
    return kind in (bool, bool | None)


def is_repeated(kind: Any) -> bool:
    """Whether an option of that type may be given more than once."""
    return bool(kind == tuple[str, ...])


class _UnclearError(ValueError):
    """Not plain enough for this reader."""


def parse(arguments: Sequence[str]) -> Arguments | None:
    """The options on a plain command line; None if it is anything but plain."""
    try:
        translated = flags.translate(arguments)
        given: dict[str, object] = {}
        for name, value in _read(translated.arguments):
            given[name] = (*given.get(name, ()), value) if name in _REPEATED else value  # type: ignore[misc] # a tuple, there
        return Arguments(**given, notes=translated.notes)  # type: ignore[arg-type] # by _VALUES
    except (_UnclearError, InputError):
        return None


def _read(arguments: Sequence[str]) -> Iterator[tuple[str, object]]:
    rest = iter(arguments)
    for argument in rest:
        option, joined, value = argument.partition("=")
        name = option.removeprefix("--").replace("-", "_")
        if not option.startswith("--") or "_" in option:
            raise _UnclearError(option)
        if name in _SWITCHES and not joined:
            yield name, True
        elif name.removeprefix("no_") in _SWITCHES and not joined:
            yield name.removeprefix("no_"), False
        elif name in _VALUES:
            yield name, _VALUES[name](value if joined else _following(rest))
        else:
            raise _UnclearError(option)


def _following(rest: Iterator[str]) -> str:
    value = next(rest, "-")
    if value.startswith("-"):
        raise _UnclearError(value)
    return value


def _whole(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and len(text) < 10):
            raise _UnclearError(text)
        if not least <= int(text) <= most:
            raise _UnclearError(text)
        return int(text)

    return read


def _seconds(text: str) -> float:
    if not (text.isascii() and text.replace(".", "", 1).isdecimal()):
        raise _UnclearError(text)
    return float(text)


def _reader(kind: Any, option: Option) -> Callable[[str], object]:
    if kind is int:
        return _whole(option.least or 0, option.most or 0)
    if kind is float:
        return _seconds
    return Path if kind in (Path, Path | None) else str


_SWITCHES = {field.name for field, kind, _ in declared() if is_switch(kind)}
_REPEATED = {field.name for field, kind, _ in declared() if is_repeated(kind)}
_VALUES = {
    field.name: _reader(kind, option) for field, kind, option in declared() if not is_switch(kind)
}
