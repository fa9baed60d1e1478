"""
The server in a process of its own, for tests that kill it or take its files away.

`python child.py CERT KEY [LIMITS [FILES]]`; prints its port, and stops on SIGTERM.
"""

import asyncio
import json
import logging
import resource
import sys
from pathlib import Path

import uvloop

from irsa.injection.grants import Defaults, Grant, Verdict
from irsa.webhook import process
from irsa.webhook.application import Application
from irsa.webhook.directory import Cache
from irsa.webhook.limits import Limits
from irsa.webhook.metrics import Metrics
from irsa.webhook.process import Certificate, Options
from irsa.webhook.server import Server, listen, serving_context

GRANT = Grant(role_arn="arn:aws:iam::111122223333:role/web", audience="x", expiration=600)


class Everybody:
    """Grants the same to every ServiceAccount."""

    def known(self, _namespace: str, _name: str) -> Verdict:
        return GRANT

    async def find(self, _namespace: str, _name: str, *, patience: float) -> Verdict:  # noqa: ARG002
        return GRANT


async def serve(cert: Path, key: Path, limits: Limits | None) -> None:
    """Serve until SIGTERM, with a certificate that is looked at all the time."""
    process.RELOAD_PERIOD = 0.02
    context = serving_context(cert, key)
    options = Options(cert_file=cert, key_file=key, port=0, defaults=Defaults())
    certificate = Certificate(context, options)
    application = Application(Everybody(), Cache(), metrics=Metrics())
    listening = listen(0, host="127.0.0.1")
    server = Server(application, context, limits=limits)
    reloading = asyncio.ensure_future(certificate.run())
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve(listening)
    reloading.cancel()


def main(cert: str, key: str, limits: str = "", files: str = "") -> None:
    """Serve with the limits of a process, or with these; with so many files at most."""
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    given = Limits(**json.loads(limits)) if limits else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Path(cert), Path(key), given))


if __name__ == "__main__":
    main(*sys.argv[1:])
