"""Real servers on loopback, and the connection to them."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.fakes.api_server import ApiServer, ConnectProxy, Pki, serving, tls_context

from irsa.kube.connection import Connection
from irsa.tls.certs import Authority


@pytest.fixture(scope="session")
def pki(tmp_path_factory) -> Pki:
    authority = Authority.generate("cluster", now=datetime.now(UTC), days=10)
    return Pki(authority, tmp_path_factory.mktemp("pki"))


@pytest.fixture
def api(pki) -> Iterator[ApiServer]:
    """An API server that is known as 127.0.0.1."""
    with serving(tls_context(pki, "kube", ips=("127.0.0.1",))) as server:
        yield server


@pytest.fixture
def elsewhere(pki) -> Iterator[ApiServer]:
    """An API server whose certificate says kubernetes.example only."""
    with serving(tls_context(pki, "other", dns_names=("kubernetes.example",))) as server:
        yield server


@pytest.fixture
def connection(api, pki) -> Connection:
    return Connection(
        server=api.url,
        ca_pem=pki.authority.certificate_pem,
        ca_source="the test's authority",
        origin="context 'test'",
    )


@pytest.fixture(autouse=True)
def _no_ambient_configuration(monkeypatch):
    """What the machine's environment says must not matter."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def plain() -> Iterator[ApiServer]:
    """An API server without TLS, as `kubectl proxy` offers."""
    with serving(None) as server:
        yield server


@pytest.fixture
def proxy(request) -> Iterator[ConnectProxy]:
    """Ends after the transports that use it."""
    proxy = ConnectProxy()
    request.getfixturevalue("open_")
    yield proxy
    proxy.stop()
