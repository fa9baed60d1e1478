"""
The parts of the serving process put together, and kept running until it is told to stop.

Never here: options, decisions.
"""

import asyncio
import functools
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from irsa.errors import InputError
from irsa.files import read_text
from irsa.injection.grants import Defaults, Verdict
from irsa.kube.stream import Stream
from irsa.tls.context import Reloader
from irsa.webhook import memory
from irsa.webhook.application import Application, Clients
from irsa.webhook.directory import Cache
from irsa.webhook.expiry import certificate_expiry
from irsa.webhook.journal import Journal
from irsa.webhook.lookup import Lookup
from irsa.webhook.mappings import Mappings
from irsa.webhook.metrics import Metrics
from irsa.webhook.server import Server, listen, serving_context
from irsa.webhook.watch import Source, Watch, read_annotations

logger = logging.getLogger(__name__)

RELOAD_PERIOD = 2.0
SETTLING = 0.5


class Options(Struct, frozen=True, kw_only=True):
    """
    What the process is told.

    Args:
        defaults: What applies where a ServiceAccount says nothing.
        stop_delay: For how many seconds a stopping server still takes new connections.
        config_map_namespace: Where the ConfigMap of role mappings is; None reads none.
        client_ca: The CA of the clients whose reviews are answered; None answers everybody.
        client_names: The common names of those clients; empty takes every one.
    """

    cert_file: Path
    key_file: Path
    port: int
    host: str | None = None
    defaults: Defaults
    stop_delay: float = 0.0
    config_map_namespace: str | None = None
    client_ca: Path | None = None
    client_names: frozenset[str] = frozenset()


async def serve(stream: Stream, options: Options) -> None:
    """Serve until SIGTERM or SIGINT."""
    asyncio.get_running_loop().set_exception_handler(note_stray)
    context = serving_context(options.cert_file, options.key_file, client_ca=options.client_ca)
    certificate = Certificate(context, options)
    memory.prepare()
    cache = Cache(replaced=functools.partial(_later, memory.settle))
    mappings = _mappings(stream, options)
    application = _application(stream, cache, options, certificate=certificate, mappings=mappings)
    listener = listen(options.port, host=options.host)
    server = Server(application, context, stop_delay=options.stop_delay)
    watch = Watch(stream, cache, defaults=options.defaults)
    parts = [watch.run(), certificate.run(), *([mappings.run()] if mappings else [])]
    logger.info("listening on port %d", listener.getsockname()[1])
    try:
        async with asyncio.TaskGroup() as group:
            background = [group.create_task(part) for part in parts]
            await server.serve(listener)
            for task in background:
                task.cancel()
    finally:
        listener.close()
        await stream.close()
    logger.info("stopped")


def note_stray(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
    """
    Log what nobody waited for.

    Connections that are given up in the middle are no faults: uvloop tells of one whose TLS
    handshake was under way.
    """
    error = context.get("exception")
    closed = isinstance(error, RuntimeError) and "the handler is closed" in str(error)
    if closed or isinstance(error, ConnectionError | TimeoutError | ssl.SSLError):
        logger.debug("%s: %s", context.get("message"), error)
        return
    logger.error("a fault in irsa: %s", context.get("message"), exc_info=error)


def _later(action: Callable[[], None]) -> None:
    """Do it when what is under way has let go of what it used."""
    asyncio.get_running_loop().call_later(SETTLING, action)


class Certificate:
    """
    The serving certificate, loaded anew when its files change.

    Args:
        context: The TLS context that serves it.
        options: Where its files are.
    """

    def __init__(self, context: ssl.SSLContext, options: Options) -> None:
        files = (options.cert_file, options.key_file)
        self._reloader = Reloader(context, *files, check=self._refuse_ended)
        self._cert_file = options.cert_file
        self.expiry = certificate_expiry(read_text(options.cert_file))

    async def run(self) -> None:
        """Look at the files every few seconds; ends when it is cancelled."""
        failure = ""
        while True:
            await asyncio.sleep(RELOAD_PERIOD)
            try:
                if self._reloader.refresh():
                    self.expiry = certificate_expiry(read_text(self._cert_file))
                    logger.info("serving with a new certificate")
                failure = ""
            except InputError as error:
                if error.message != failure:
                    logger.error("the new certificate is not usable: %s", error.message)
                failure = error.message

    def _refuse_ended(self, pem: bytes) -> None:
        """What is served already is not worse, if it ends later; our clock may be wrong."""
        expiry = certificate_expiry(pem.decode("ascii", "replace"))
        if expiry is None or expiry > time.time():
            return
        if self.expiry is not None and expiry >= self.expiry:
            return
        day = time.strftime("%Y-%m-%d", time.gmtime(expiry))
        raise InputError(f"its certificate ended on {day}", hint="renew it")


def _mappings(stream: Stream, options: Options) -> Mappings | None:
    namespace = options.config_map_namespace
    return Mappings(stream, namespace, defaults=options.defaults) if namespace else None


def _application(
    stream: Source,
    cache: Cache,
    options: Options,
    *,
    certificate: Certificate,
    mappings: Mappings | None,
) -> Application:
    metrics = Metrics()
    lookup = Lookup(
        cache,
        functools.partial(read_annotations, stream),
        defaults=options.defaults,
        count=metrics.live_read,
        otherwise=mappings.get if mappings else _nothing,
    )
    return Application(
        lookup,
        cache,
        metrics=metrics,
        prefix=options.defaults.prefix,
        certificate_expiry=lambda: certificate.expiry,
        journal=Journal(soon=asyncio.get_running_loop().call_soon),
        ready=lambda: mappings is None or mappings.synced,
        clients=Clients(
            verified=options.client_ca is not None, names=frozenset(options.client_names)
        ),
    )


def _nothing(_namespace: str, _name: str) -> Verdict:
    return None
