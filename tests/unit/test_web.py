import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from irsa.errors import InputError, WebError
from irsa.tls.certs import Authority, LeafRequest
from irsa.tls.context import server_context
from irsa.web import MAX_BYTES, Web

NOW = datetime.now(UTC)


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    def do_GET(self) -> None:
        answers: dict[str, tuple[int, bytes]] = {
            "/": (200, b"{}"),
            "/missing": (404, b"no"),
            "/moved": (301, b""),
            "/large": (200, b"x" * (MAX_BYTES + 1)),
            "/largest": (200, b"x" * MAX_BYTES),
            "/headers": (200, str(self.headers).encode()),
        }
        status, body = answers[self.path]
        self.send_response(status)
        self.send_header("Content-Type", "Application/JSON; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if status == 301:
            self.send_header("Location", "/")
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class QuietServer(ThreadingHTTPServer):
    """A stranger who does not trust us is no failure of ours."""

    def handle_error(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A site over TLS on loopback: its URL, and the authority to trust."""
    directory = tmp_path_factory.mktemp("site")
    authority = Authority.generate("test", now=NOW, days=1)
    leaf = authority.issue(LeafRequest(common_name="x", ips=("127.0.0.1",)), now=NOW, days=1)
    contents = {
        "ca.pem": authority.certificate_pem,
        "tls.crt": leaf.certificate_pem,
        "tls.key": leaf.private_key_pem,
    }
    for name, data in contents.items():
        (directory / name).write_bytes(data)
    with QuietServer(("127.0.0.1", 0), Handler) as server:
        context = server_context(directory / "tls.crt", directory / "tls.key")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", directory / "ca.pem"
        server.shutdown()
        thread.join()


@pytest.fixture
def web(site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web(ca_bundle=site[1]) as opened:
        yield opened


def test_a_document_is_read_as_it_is(web: Web, site: tuple[str, Path]) -> None:
    """Status, body, and the content type without its parameters."""
    document = web.get(f"{site[0]}/")
    assert (document.status, document.body) == (200, b"{}")
    assert document.content_type == "application/json"


@pytest.mark.parametrize(("path", "status"), [("/missing", 404), ("/moved", 301)])
def test_other_answers_are_answers_too(
    web: Web, site: tuple[str, Path], path: str, status: int
) -> None:
    """Nothing is judged, and no redirect is followed: STS would not either."""
    assert web.get(f"{site[0]}{path}").status == status


def test_nothing_tells_who_asks(
    web: Web, site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No credentials, not even those in a .netrc."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    headers = web.get(f"{site[0]}/headers").body.decode().lower()
    assert "authorization" not in headers
    assert "cookie" not in headers


def test_an_endless_document_is_refused(web: Web, site: tuple[str, Path]) -> None:
    """One MiB is more than any of the documents has."""
    assert len(web.get(f"{site[0]}/largest").body) == MAX_BYTES
    with pytest.raises(WebError, match="more than 1048576 bytes"):
        web.get(f"{site[0]}/large")


def test_an_unknown_authority_is_refused(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verified HTTPS or nothing."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Web() as web, pytest.raises(WebError, match=r"cannot read https://127.*CERTIFICATE"):
        web.get(f"{site[0]}/")


def test_no_answer_is_an_error_with_advice(web: Web) -> None:
    """Nobody listens on port 1."""
    with pytest.raises(WebError, match=r"cannot read https://127\.0\.0\.1:1/x") as caught:
        web.get("https://127.0.0.1:1/x")
    assert caught.value.hint


@pytest.mark.parametrize("content", [None, b"nothing"], ids=["missing", "empty"])
def test_a_bundle_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    """Not silently replaced by the system's."""
    bundle = tmp_path / "ca.pem"
    if content is not None:
        bundle.write_bytes(content)
    with pytest.raises(InputError, match="cannot use the CA bundle"):
        Web(ca_bundle=bundle)


def test_a_certificate_for_another_host_is_refused(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name counts, not only the authority."""
    monkeypatch.setenv("NO_PROXY", "localhost")
    url = site[0].replace("127.0.0.1", "localhost")
    with Web(ca_bundle=site[1]) as web, pytest.raises(WebError, match=r"(?i)certificate|mismatch"):
        web.get(url)
