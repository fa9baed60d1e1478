"""
The server's TLS, and its renewal in place.

Never here: issuing, and running a timer: whoever serves calls `Reloader.refresh` now and then.
"""

import contextlib
import os
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from irsa.errors import InputError


def server_context(
    cert_file: Path, key_file: Path, *, client_ca: Path | None = None
) -> ssl.SSLContext:
    """
    A context for a TLS server.

    Args:
        cert_file: PEM file of the certificate, and of the chain behind it.
        key_file: PEM file of its private key.
        client_ca: PEM file of the authorities of clients; with it a client must have a certificate.

    Raises:
        InputError: A file is missing, unreadable, or the two are not a pair.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        _load(context, cert_file, key_file)
    except (OSError, ValueError) as error:
        raise _unusable((cert_file, key_file), error) from error
    if client_ca is not None:
        try:
            context.load_verify_locations(cafile=str(client_ca))
        except OSError as error:
            raise InputError(f"cannot use the client authority {client_ca}: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class Reloader:
    """
    Puts a renewed certificate into a live context, without a restart.

    A new pair goes into a scratch context first, because a pair that does not fit destroys the
    context that it is loaded into: every later handshake fails with NO_SHARED_CIPHER.

    Args:
        context: The context that serves.
        cert_file: PEM file of its certificate.
        key_file: PEM file of its private key.
        check: Raises InputError for a certificate that must not be served.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        cert_file: Path,
        key_file: Path,
        *,
        check: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self._context = context
        self._check = check
        self._files = (cert_file, key_file)
        self._loaded = _content(self._files)

    def refresh(self) -> bool:
        """
        Load the pair if the files have changed since.

        Returns:
            Whether there was a new pair, which new connections now see.

        Raises:
            InputError: The new pair cannot be used; the old one goes on serving, and the next call
                tries again.
        """
        content = _content(self._files)
        if content == self._loaded:
            return False
        self._check(content[0])
        # From one copy, because the files may change again between the two.
        with _in_memory(content[0]) as certificate, _in_memory(content[1]) as key:
            try:
                _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), certificate, key)
                _load(self._context, certificate, key)
            except (OSError, ValueError) as error:
                raise _unusable(self._files, error) from error
        self._loaded = content
        return True


def _load(context: ssl.SSLContext, cert_file: Path, key_file: Path) -> None:
    context.load_cert_chain(cert_file, key_file, password=_no_password)


@contextlib.contextmanager
def _in_memory(data: bytes) -> Iterator[Path]:
    """A file that never touches the disk, for OpenSSL, which wants names."""
    descriptor = os.memfd_create("irsa-tls")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        yield Path(f"/proc/self/fd/{descriptor}")


def _unusable(files: tuple[Path, Path], error: Exception) -> InputError:
    return InputError(
        f"{files[0]} and {files[1]} cannot be used as certificate and key: {error}",
        hint="they must be PEM, unencrypted, and belong together",
    )


def _no_password() -> str:
    """Instead of OpenSSL's question on the terminal."""
    raise ValueError("the key is encrypted")


def _content(files: Sequence[Path]) -> tuple[bytes, ...]:
    try:
        return tuple(file.read_bytes() for file in files)
    except OSError as error:
        raise InputError(f"cannot read {error.filename}: {error.strerror}") from error
