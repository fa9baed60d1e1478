"""
The options of `irsa webhook`, and a reader of plain command lines that needs no library.

The library that other commands are read with costs more memory and time than all the rest of the
serving process. What this reader does not understand at once (`--help`, a mistake, an abbreviation)
it leaves to that library, so there is one voice for help and errors.
Never here: serving, help, error messages.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """
    The options, by their names; what each does is said by `irsa webhook --help`.

    Args:
        notes: What was left out because it has no effect here.
    """

    tls_cert: Path = Path("/etc/webhook/certs/tls.crt")
    tls_key: Path = Path("/etc/webhook/certs/tls.key")
    port: int = DEFAULT_PORT
    host: str | None = None
    annotation_prefix: str = DEFAULT_PREFIX
    token_audience: str = DEFAULT_AUDIENCE
    token_expiration: int = MAX_EXPIRATION
    token_mount_path: str = DEFAULT_MOUNT_PATH
    aws_default_region: str | None = None
    sts_regional_endpoint: bool | None = None
    role_session_name: bool = True
    allowed_account: tuple[str, ...] = ()
    allowed_role: tuple[str, ...] = ()
    compose_role_arn: bool = False
    watch_config_map: bool = False
    namespace: str = "eks"
    client_ca: Path | None = None
    client_name: tuple[str, ...] = ()
    stop_delay: float = 0
    kubeconfig: str | None = None
    notes: tuple[str, ...] = ()


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


_VALUES: dict[str, Callable[[str], object]] = {
    "tls_cert": Path,
    "tls_key": Path,
    "port": _whole(0, MAX_PORT),
    "host": str,
    "annotation_prefix": str,
    "token_audience": str,
    "token_expiration": _whole(MIN_EXPIRATION, MAX_EXPIRATION),
    "token_mount_path": str,
    "aws_default_region": str,
    "allowed_account": str,
    "allowed_role": str,
    "namespace": str,
    "client_ca": Path,
    "client_name": str,
    "stop_delay": _seconds,
    "kubeconfig": str,
}
_SWITCHES = ("sts_regional_endpoint", "role_session_name", "compose_role_arn", "watch_config_map")
_REPEATED = ("allowed_account", "allowed_role", "client_name")
