"""
The command line: argv in, text out, and the one place where errors become exit codes.

Commands live one to a file and import what is heavy inside the command, so that `--help` is quick.
The process of `irsa webhook` must stay small: where its options can be read without the command
line's library, that is not even imported.
"""

import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from irsa.webhook.arguments import Arguments

_WEBHOOK = "webhook"


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run one command line.

    Args:
        argv: The arguments after the program's name; those of this process if None.

    Returns:
        The exit code: 0 done, 64 wrong usage, else the `exit_code` of the error.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    if arguments[:1] == [_WEBHOOK] and (given := _understood(arguments[1:])):
        return _serve(given)
    from irsa.cli import app

    return app.main(arguments)


def run() -> NoReturn:
    """The `irsa` program: SIGTERM ends it as Ctrl-C does, so that it cleans up after itself."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def _understood(arguments: Sequence[str]) -> "Arguments | None":
    from irsa.webhook import arguments as options

    return options.parse(arguments)


def _serve(given: "Arguments") -> int:
    from irsa.cli import serving

    try:
        serving.run(given)
    except BaseException as error:  # noqa: BLE001 # explained as every command's is
        from irsa.cli import app

        return app.explained(error)
    return 0
