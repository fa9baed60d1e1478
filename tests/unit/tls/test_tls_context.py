import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from irsa.errors import InputError
from irsa.tls.certs import Authority, Leaf, LeafRequest
from irsa.tls.context import Reloader, server_context

NOW = datetime.now(UTC)
AUTHORITY = Authority.generate("test", now=NOW, days=1)


def leaf(name: str = "localhost", *, client: bool = False) -> Leaf:
    request = LeafRequest(common_name=name, dns_names=(name,), ips=("127.0.0.1",), client=client)
    return AUTHORITY.issue(request, now=NOW, days=1)


class Files:
    """Certificate and key, as they lie in a mounted Secret."""

    def __init__(self, directory: Path) -> None:
        self.certificate = directory / "tls.crt"
        self.key = directory / "tls.key"

    def write(self, pair: Leaf, *, key: bytes | None = None) -> None:
        self.certificate.write_bytes(pair.certificate_pem)
        self.key.write_bytes(key or pair.private_key_pem)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.write(leaf())
    return made


@contextmanager
def serving(context: ssl.SSLContext) -> Iterator[int]:
    """A TLS server on loopback that greets, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                connection, _ = listener.accept()
                with suppress(OSError), connection:
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as secured:
                        secured.sendall(b"hello")
                        secured.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        port = listener.getsockname()[1]
        try:
            yield port
        finally:
            stop.set()
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
            thread.join()


@contextmanager
def connected(port: int, *, client: tuple[Path, Path] | None = None) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context(cadata=AUTHORITY.certificate_pem.decode())
    if client:
        context.load_cert_chain(*client)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="127.0.0.1") as secured,
    ):
        yield secured


def served_name(port: int) -> str:
    """The common name in the certificate of a new, verified connection."""
    with connected(port) as secured:
        assert secured.recv(5) == b"hello"
        der = secured.getpeercert(binary_form=True)
    assert der is not None
    subject = x509.load_der_x509_certificate(der).subject
    return subject.rfc4514_string()


def test_a_renewed_certificate_is_seen_by_new_connections(files: Files) -> None:
    """While the server goes on, and connections that are open stay open."""
    context = server_context(files.certificate, files.key)
    reloader = Reloader(context, files.certificate, files.key)
    with serving(context) as port:
        assert served_name(port) == "CN=localhost"
        files.write(leaf("renewed"))
        assert served_name(port) == "CN=localhost"
        assert reloader.refresh()
        assert served_name(port) == "CN=renewed"
        assert not reloader.refresh()


def test_an_open_connection_outlives_the_renewal(files: Files) -> None:
    """It goes on under the certificate that it began with."""
    context = server_context(files.certificate, files.key)
    reloader = Reloader(context, files.certificate, files.key)
    with serving(context) as port, connected(port) as secured:
        files.write(leaf("renewed"))
        assert reloader.refresh()
        assert secured.recv(5) == b"hello"


BROKEN: dict[str, Callable[[Files], None]] = {
    "not-a-pair": lambda files: files.write(leaf("new"), key=leaf("other").private_key_pem),
    "half-written": lambda files: files.write(leaf("new"), key=b"-----BEGIN PRIV"),
    "empty": lambda files: files.certificate.write_bytes(b""),
    "gone": lambda files: files.key.unlink(),
}


@pytest.mark.parametrize("spoil", BROKEN.values(), ids=BROKEN.keys())
def test_a_pair_that_does_not_fit_leaves_the_old_one_working(
    files: Files, spoil: Callable[[Files], None]
) -> None:
    """It is reported, again each time, until a good pair is there."""
    context = server_context(files.certificate, files.key)
    reloader = Reloader(context, files.certificate, files.key)
    with serving(context) as port:
        spoil(files)
        for _ in range(2):
            with pytest.raises(InputError):
                reloader.refresh()
            assert served_name(port) == "CN=localhost"
        files.write(leaf("good"))
        assert reloader.refresh()
        assert served_name(port) == "CN=good"


def test_with_a_client_authority_strangers_are_turned_away(files: Files, tmp_path: Path) -> None:
    """Only who has a certificate of that authority comes in."""
    authority = tmp_path / "clients.pem"
    authority.write_bytes(AUTHORITY.certificate_pem)
    user = Files(tmp_path / "user")
    user.certificate.parent.mkdir()
    user.write(leaf("user", client=True))
    context = server_context(files.certificate, files.key, client_ca=authority)
    with serving(context) as port:
        with pytest.raises(ssl.SSLError), connected(port) as secured:
            secured.recv(5)
        with connected(port, client=(user.certificate, user.key)) as secured:
            assert secured.recv(5) == b"hello"


def test_old_versions_of_tls_are_not_spoken(files: Files) -> None:
    """1.2 and 1.3 only."""
    context = server_context(files.certificate, files.key)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_files_that_do_not_belong_together_are_refused(files: Files) -> None:
    """Both are named."""
    files.write(leaf(), key=leaf().private_key_pem)
    with pytest.raises(InputError, match=r"tls\.crt and .*tls\.key cannot be used"):
        server_context(files.certificate, files.key)


def test_an_encrypted_key_is_refused_without_a_question(files: Files) -> None:
    """OpenSSL would ask on the terminal, for ever."""
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(files.key.read_bytes(), password=None)
    files.key.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    )
    with pytest.raises(InputError, match="the key is encrypted"):
        server_context(files.certificate, files.key)


def test_a_missing_client_authority_is_refused(files: Files, tmp_path: Path) -> None:
    """Serving everybody instead would be worse."""
    with pytest.raises(InputError, match="cannot use the client authority"):
        server_context(files.certificate, files.key, client_ca=tmp_path / "none.pem")
