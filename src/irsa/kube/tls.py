"""
The TLS side of a connection to an API server.

The standard library takes a client's key from files only: they are private, and gone at once.
Never here: which connection, which certificate.
"""

import os
import ssl
from pathlib import Path
from typing import Any

from irsa.errors import InputError, excerpt
from irsa.kube.connection import ClientCertificate, Connection


class ClientContext(ssl.SSLContext):
    """
    A TLS context for clients that may expect another name than the one they dial.

    HTTP libraries pass the URL's host; `tls-server-name` must win, through proxies too.
    """

    server_name: str | None = None

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """As the base class does, but for the expected name."""
        return super().wrap_socket(*args, **self._named(options))

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """As the base class does, but for the expected name."""
        return super().wrap_bio(*args, **self._named(options))

    def _named(self, options: dict[str, Any]) -> dict[str, Any]:
        name = self.server_name or options.get("server_hostname")
        if isinstance(name, str) and name.isascii():
            # Of text Python would make an international name, with a codec that is slow to import.
            name = name.encode()
        return {**options, "server_hostname": name}


def client_context(connection: Connection, certificate: ClientCertificate | None) -> ClientContext:
    """
    The TLS context for a connection.

    Raises:
        InputError: The authorities or the client's certificate cannot be used.
    """
    # Not ssl.create_default_context: newer Pythons make it refuse authorities without the key
    # identifiers that RFC 5280 asks for, and the ones of many clusters have none.
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = connection.tls_server_name
    if connection.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif connection.ca_pem is None:
        context.load_default_certs()
    else:
        _trust(context, connection.ca_pem, connection.ca_source)
    if certificate is not None:
        _present(context, certificate, connection.origin)
    return context


def _trust(context: ssl.SSLContext, pem: bytes, source: str) -> None:
    try:
        context.load_verify_locations(cadata=pem.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError) as error:
        raise InputError(f"{source} holds no usable certificate: {excerpt(str(error))}") from error
    # As for kubectl, whatever is in there is trusted, be it an intermediate authority or the
    # server's own certificate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def _present(context: ssl.SSLContext, certificate: ClientCertificate, origin: str) -> None:
    import tempfile  # heavy, and of no use to the webhook's process

    with tempfile.TemporaryDirectory(prefix="irsa-") as name:
        chain, key = Path(name, "certificate"), Path(name, "key")
        _write(chain, certificate.certificate)
        _write(key, certificate.key)
        try:
            # The empty password keeps OpenSSL from asking for one on the terminal.
            context.load_cert_chain(chain, key, password="")
        except (ssl.SSLError, ValueError) as error:
            raise InputError(
                f"the client certificate of {origin} cannot be used: {excerpt(str(error))}",
                hint="certificate and key must belong together, in PEM, without a password",
            ) from error


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
