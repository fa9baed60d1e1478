"""A context of a kubeconfig, made into a connection."""

import base64

import pytest

from irsa.errors import InputError
from irsa.kube.config import parse
from irsa.kube.connection import Auth, ClientCertificate
from irsa.kube.context import connection

FILES = {"/ca.pem": b"CA", "/c.pem": b"CERT", "/c.key": b"KEY"}


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _connection(*, cluster="", user="", context=None, more=""):
    text = f"""
current-context: prod
clusters: [{{name: c, cluster: {{server: "https://kube.example:6443/", {cluster}}}}}]
users: [{{name: u, user: {{{user}}}}}]
contexts:
- {{name: prod, context: {{cluster: c, user: u, namespace: shop}}}}
- {{name: production, context: {{cluster: gone, user: u}}}}
- {{name: lost, context: {{cluster: c, user: uu}}}}
- {{name: anonymous, context: {{cluster: c}}}}
{more}"""
    return connection(parse(text, source="/k"), context=context, read=FILES.__getitem__)


def test_current_context_is_taken():
    """Without a name it is the current context."""
    found = _connection()
    assert found.server == "https://kube.example:6443"
    assert found.namespace == "shop"
    assert found.origin == "context 'prod' of /k"
    assert found.auth == Auth()
    assert found.ca_pem is None


def test_context_without_a_user_presents_nothing():
    """Anonymous access is a way to connect."""
    assert _connection(user="token: t", context="anonymous").auth == Auth()


@pytest.mark.parametrize(
    ("context", "message", "hint"),
    [
        ("prodd", "there is no context 'prodd'", "did you mean 'prod'?"),
        ("xyz", "there is no context 'xyz'", "there are: prod, production, lost, anonymous"),
        ("production", "names cluster 'gone', which does not exist", "there are: c"),
        ("lost", "context 'lost' of /k names user 'uu'", "did you mean 'u'?"),
    ],
    ids=["typo", "unknown", "cluster", "user"],
)
def test_wrong_names_are_met_with_the_right_ones(context, message, hint):
    """A name that does not exist is answered with those that do."""
    with pytest.raises(InputError, match=message) as caught:
        _connection(context=context)
    assert caught.value.hint == hint


def test_no_current_context_is_refused_with_the_choices():
    """Nothing is guessed."""
    config = parse("contexts: [{name: a}, {name: b}]", source="/k")
    with pytest.raises(InputError, match="no current context") as caught:
        connection(config, context=None, read=FILES.__getitem__)
    assert "a, b" in caught.value.hint


@pytest.mark.parametrize(
    ("cluster", "pem", "source"),
    [
        ("certificate-authority: ca.pem", b"CA", "/ca.pem"),
        (
            f"certificate-authority: /nowhere, certificate-authority-data: {_b64(b'D')}",
            b"D",
            "certificate-authority-data of context 'prod' of /k",
        ),
        ("insecure-skip-tls-verify: true", None, "nothing: insecure-skip-tls-verify"),
    ],
    ids=["file", "data-wins", "insecure"],
)
def test_authorities(cluster, pem, source):
    """Data wins over a file; the connection knows where they came from."""
    found = _connection(cluster=cluster)
    assert (found.ca_pem, found.ca_source) == (pem, source)


def test_certificate_of_the_client():
    """Certificate and key come from files or data, data first."""
    files = _connection(user="client-certificate: c.pem, client-key: c.key")
    assert files.auth.certificate == ClientCertificate(certificate=b"CERT", key=b"KEY")
    data = _connection(user=f"client-certificate: c.pem, client-key-data: {_b64(b'K2')}")
    assert data.auth.certificate == ClientCertificate(certificate=b"CERT", key=b"K2")


def test_everything_else_is_carried_over():
    """Names, proxies and passwords arrive as they were written."""
    found = _connection(
        cluster='tls-server-name: kubernetes, proxy-url: "http://p:1"',
        user="token: t, tokenFile: f, username: n, password: p",
    )
    assert (found.tls_server_name, found.proxy_url) == ("kubernetes", "http://p:1")
    assert found.auth == Auth(token="t", token_file="/f", username="n", password="p")


def test_impersonation_becomes_headers():
    """Whoever says `as` must not act with more rights than that."""
    found = _connection(user="as: joe, as-uid: 1, as-groups: [a, b], as-user-extra: {k: [v]}")
    assert found.auth.impersonation == (
        ("Impersonate-User", "joe"),
        ("Impersonate-Uid", "1"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-k", "v"),
    )


EXEC = "exec: {apiVersion: client.authentication.k8s.io/%s}"


def test_exec_plugin_is_understood():
    """v1beta1 need not say its interactive mode."""
    found = _connection(user="exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x}")
    plugin = found.auth.plugin
    assert (plugin.command, plugin.interactive_mode) == ("x", "IfAvailable")


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("auth-provider: {name: gcp}", "the auth-provider 'gcp', which Kubernetes removed"),
        ("client-certificate: c.pem", "has no client-key to go with"),
        ("as: jörg", "acts as somebody whom no header can name"),
        ("client-key: c.key", "has no client-certificate to go with"),
        ("client-key-data: '!'", "client-key-data of context 'prod' of /k is not base64"),
        (EXEC % "v1alpha1", "speaks 'client.authentication.k8s.io/v1alpha1'"),
        (EXEC % "v1", "has no command"),
        (
            "exec: {apiVersion: client.authentication.k8s.io/v1, command: x}",
            "does not say its interactiveMode",
        ),
    ],
    ids=["provider", "no-key", "as", "no-certificate", "base64", "version", "command", "mode"],
)
def test_users_that_cannot_be_used(user, message):
    """Each is refused with a sentence of its own."""
    with pytest.raises(InputError, match=message):
        _connection(user=user)


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        (
            "insecure-skip-tls-verify: true, certificate-authority: ca.pem",
            "a certificate authority and insecure-skip-tls-verify",
        ),
        ("certificate-authority-data: '%'", "is not base64"),
        ('proxy-url: "socks5://p:1"', "the SOCKS proxy p, and irsa speaks to HTTP proxies only"),
        ('proxy-url: "ftp://p:1"', "is not the URL of an HTTP proxy"),
        ("proxy-url: nonsense", "is not the URL of an HTTP proxy"),
    ],
    ids=["insecure", "base64", "socks", "scheme", "nonsense"],
)
def test_clusters_that_cannot_be_used(cluster, message):
    """Each is refused with a sentence of its own."""
    with pytest.raises(InputError, match=message):
        _connection(cluster=cluster)


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("kube.example:6443", "https://kube.example:6443"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("https://rancher.example/k8s/clusters/c-1/", "https://rancher.example/k8s/clusters/c-1"),
    ],
    ids=["bare", "proxy", "path"],
)
def test_servers(server, expected):
    """An address without a scheme is HTTPS; a path stays."""
    text = f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
    config = parse(text + "contexts: [{name: a, context: {cluster: c}}]", source="/k")
    assert connection(config, context="a", read=FILES.__getitem__).server == expected


@pytest.mark.parametrize("server", ["", "ftp://x", "https://x:port", "https://x?a=b", "https://["])
def test_servers_that_are_none(server):
    """What is no URL of an API server is named."""
    text = f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n"
    config = parse(text + "contexts: [{name: a, context: {cluster: c}}]", source="/k")
    with pytest.raises(InputError, match="is not the URL of an API server"):
        connection(config, context="a", read=FILES.__getitem__)


def test_secrets_are_not_in_the_repr():
    """A connection can be logged."""
    found = _connection(
        user=f"token: hush, password: hush, client-certificate: c.pem, "
        f"client-key-data: {_b64(b'hush')}, "
        "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x,"
        " env: [{name: A, value: hush}]}"
    )
    assert "hush" not in repr(found)
