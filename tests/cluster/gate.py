"""A gate before an API server, that lets requests through, holds them, or refuses them itself."""

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from tests.fakes.api_server import Answer, ApiServer, Pki, Seen, serving, status, tls_context

from irsa.tls.certs import Authority

# What becomes of a request: an answer of the gate's own, or None to let it through.
Fault = Callable[["Passed"], Answer | None]


@dataclass
class Passed:
    """A request that came to the gate."""

    method: str
    path: str
    at: float = field(default_factory=time.monotonic)
    status: int | None = None

    @property
    def changes(self) -> bool:
        return self.method != "GET"


@dataclass
class Gate:
    """
    The way to an API server.

    Args:
        server: Where requests come to.
        client: Leads to the real API server.
        ca: The file of the authority that clients must trust.

    Attributes:
        fault: What becomes of a request.
        passed: Every request so far.
    """

    server: ApiServer
    client: httpx.Client
    ca: Path
    fault: Fault = lambda _: None
    passed: list[Passed] = field(default_factory=list)
    _open: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        """Answer nobody from now on: connections stay open and silent."""
        self._open.clear()

    def let_go(self) -> None:
        """Answer again, also what was held."""
        self._open.set()

    def lost(self) -> None:
        """Close every connection without an answer from now on."""
        self.fault = lambda _: Answer(status=-1)
        self.server.hang_up()

    def whole(self) -> None:
        """Let everything through again."""
        self.fault = lambda _: None
        self.let_go()

    def since(self, at: float, *, path: str = "") -> list[Passed]:
        """The requests since then."""
        return [one for one in list(self.passed) if one.at >= at and path in one.path]

    def script(self, seen: Seen) -> Answer | None:
        """What a request is answered."""
        passed = Passed(seen.method, seen.path)
        self.passed.append(passed)
        self._open.wait(120)
        answer = self.fault(passed) or self._forward(seen)
        passed.status = answer.status
        return None if answer.status == -1 else answer

    def _forward(self, seen: Seen) -> Answer:
        dropped = ("host", "content-length", "connection", "accept-encoding")
        headers = {name: value for name, value in seen.headers.items() if name not in dropped}
        try:
            answer = self.client.request(
                seen.method, seen.path, headers=headers, content=seen.body or None
            )
        except httpx.TransportError:
            return Answer(status=-1)
        kept = {
            name: answer.headers[name]
            for name in ("content-type", "retry-after")
            if name in answer.headers
        }
        return Answer(status=answer.status_code, body=answer.content, headers=kept)


def refusing(code: int, *, path: str = "", method: str | None = None, **headers: str) -> Fault:
    """Refuses some requests with a status."""

    def fault(passed: Passed) -> Answer | None:
        if path not in passed.path or method not in (None, passed.method):
            return None
        answer = status(code, "Refused", f"the gate refuses {passed.method}")
        answer.headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer

    return fault


@contextlib.contextmanager
def gate_to(server: dict[str, Any], directory: Path) -> Iterator[Gate]:
    """A gate before an API server, told of as `irsa local status` does."""
    directory.mkdir()
    authority = Authority.generate("gate", now=datetime.now(UTC), days=30)
    pki = Pki(authority, directory)
    context = tls_context(pki, "gate", ips=("127.0.0.1",))
    trust = ssl.create_default_context(cafile=server["ca"])
    client = httpx.Client(base_url=server["url"], verify=trust, trust_env=False, timeout=60)
    with client, serving(context) as listening:
        gate = Gate(listening, client, pki.ca_file)
        gate.let_go()
        listening.script = gate.script
        try:
            yield gate
        finally:
            gate.lost()
            gate.let_go()
