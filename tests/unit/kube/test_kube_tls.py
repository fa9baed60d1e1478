"""The TLS side, and what is left of key files."""

import ssl
import tempfile
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization

from irsa.errors import InputError
from irsa.kube import tls
from irsa.kube.connection import ClientCertificate


@pytest.fixture(name="temporary")
def _temporary(tmp_path, monkeypatch):
    """The directory that temporary files go to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.fixture(name="certificate")
def _certificate(pki):
    certificate, key = pki.issue("client", client=True)
    return ClientCertificate(certificate=certificate.read_bytes(), key=key.read_bytes())


def test_key_is_in_a_private_file_for_a_moment_only(
    connection, certificate, temporary, monkeypatch
):
    """0600 in a directory of 0700, and gone when the context stands."""
    seen = []
    load = ssl.SSLContext.load_cert_chain

    def spying(self, certfile, keyfile, password=None):
        seen.extend(oct(p.stat().st_mode & 0o777) for p in (keyfile, keyfile.parent))
        load(self, certfile, keyfile, password)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spying)
    tls.client_context(connection, certificate)
    assert seen == ["0o600", "0o700"]
    assert list(temporary.iterdir()) == []


def test_wrong_key_is_refused_and_leaves_nothing(connection, certificate, temporary, pki):
    """A key that does not belong to the certificate is named, and its file is gone too."""
    other = replace(certificate, key=pki.authority.private_key_pem())
    with pytest.raises(InputError, match="client certificate of context 'test' cannot be used"):
        tls.client_context(connection, other)
    assert list(temporary.iterdir()) == []


def test_locked_key_is_refused_without_a_question(connection, certificate):
    """OpenSSL must not ask for a password on the terminal."""
    key = serialization.load_pem_private_key(certificate.key, None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    with pytest.raises(InputError, match="cannot be used"):
        tls.client_context(connection, replace(certificate, key=locked))


@pytest.mark.parametrize("pem", [b"", b"nonsense", b"\xff\xfe"], ids=["empty", "text", "binary"])
def test_unusable_authorities_are_named(connection, pem):
    """The message says where they came from."""
    with pytest.raises(InputError, match="the test's authority holds no usable certificate"):
        tls.client_context(replace(connection, ca_pem=pem), None)


def test_system_authorities_are_the_default(connection):
    """Without authorities of its own, a connection trusts the system's, and verifies."""
    context = tls.client_context(replace(connection, ca_pem=None), None)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_insecure_verifies_nothing(connection):
    """Only where it was asked for."""
    context = tls.client_context(replace(connection, ca_pem=None, insecure=True), None)
    assert context.verify_mode == ssl.CERT_NONE
