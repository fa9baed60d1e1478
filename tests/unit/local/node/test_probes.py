"""One look at a container."""

import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from irsa.local.node.probes import passes, port_of

CONTAINER: dict[str, Any] = {"ports": [{"name": "web", "containerPort": 8080}]}


def run(command: Sequence[str], _timeout: float) -> int:
    return 0 if command == ["true"] else 1


def look(probe: dict[str, Any]) -> bool:
    return passes(probe, CONTAINER, address="127.0.0.1", run=run)


class Page(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "success"), [(200, True), (302, True), (404, False)])
def test_http(port: int, status: int, success: bool) -> None:
    """Anything from 200 to 399 is a success."""
    assert look({"httpGet": {"path": f"/{status}", "port": port}}) is success


def test_http_without_tls_is_no_https(port: int) -> None:
    """A server that does not speak TLS fails a probe that asks for it."""
    assert not look({"httpGet": {"path": "/200", "port": port, "scheme": "HTTPS"}})


def test_tcp(port: int) -> None:
    """A port that accepts connections is a success, another is not."""
    assert look({"tcpSocket": {"port": port}})
    assert not look({"tcpSocket": {"port": 1}})


@pytest.mark.parametrize(("command", "success"), [(["true"], True), (["false"], False)])
def test_exec(command: list[str], success: bool) -> None:
    """Exit code 0 is a success."""
    assert look({"exec": {"command": command}}) is success


@pytest.mark.parametrize(("value", "port"), [(80, 80), ("80", 80), ("web", 8080), ("none", 0)])
def test_ports_by_name(value: int | str, port: int) -> None:
    """A port is a number or a name of the container's."""
    assert port_of(value, CONTAINER) == port
