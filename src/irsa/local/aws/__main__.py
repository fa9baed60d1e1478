"""
The local AWS as a process: `python -m irsa.local.aws --directory DIR --account A --region R`.

Reads DIR/credentials.json; writes DIR/ca.pem, DIR/calls.jsonl and, once it listens, DIR/ready.json.
Never here: rules.
"""

import argparse
import ctypes
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

import msgspec

from irsa import files
from irsa.arns import is_account, partition_of
from irsa.errors import InputError, IrsaError
from irsa.local import delays
from irsa.local.network import LOOPBACK

_PR_SET_PDEATHSIG = 1


class Credentials(msgspec.Struct, frozen=True, rename="camel"):
    """The administrator's keys."""

    access_key_id: str
    secret_access_key: str


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    if options.die_with_parent:
        _die_with(options.die_with_parent)
    try:
        _serve(options)
    except IrsaError as error:
        logging.getLogger(__name__).error("%s", error.message)
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m irsa.local.aws", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--account", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--address", default=LOOPBACK, help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--delay",
        action="append",
        default=[],
        metavar="NAME=TIME",
        help=f"see things late, such as iam=5s or jwks=10m; DIR/{delays.FILE} changes it later",
    )
    parser.add_argument(
        "--die-with-parent",
        type=int,
        nargs="?",
        const=os.getppid(),
        metavar="PID",
        help="end when the process that started this one ends, whatever ended it",
    )
    return parser


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before we asked
        sys.exit(0)


def _serve(options: argparse.Namespace) -> None:
    if not is_account(options.account):
        raise InputError(f"{options.account!r} is not an AWS account number")
    partition_of(options.region)
    directory: Path = options.directory
    credentials = _credentials(directory / "credentials.json")
    if options.delay:
        delays.DelaysFile(directory).write(delays.parse(options.delay))
    from irsa.local.aws.server import Server

    server = Server.start(
        directory,
        account=options.account,
        region=options.region,
        keys=(credentials.access_key_id, credentials.secret_access_key),
        port=options.port,
        address=options.address,
    )
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    ready = directory / "ready.json"
    files.write_atomic(ready, json.dumps(server.description).encode())
    stop.wait()
    ready.unlink(missing_ok=True)
    server.stop()


def _credentials(path: Path) -> Credentials:
    try:
        return msgspec.json.decode(files.read_bytes(path), type=Credentials)
    except msgspec.DecodeError as error:
        raise InputError(f"{path} does not hold an access key: {error}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
