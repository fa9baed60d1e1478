"""Requests over real TLS: who is trusted, what is presented, what is tried again."""

import contextlib
import json
import socket
import sys
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fakes.api_server import Answer, status

from irsa.errors import InputError, KubeError
from irsa.kube.connection import Auth, ClientCertificate, Connection, ExecPlugin
from irsa.kube.transport import LONGEST_PAUSE, PAUSES, Request, Transport

GET = Request(path="/version")
PATCH = Request(method="PATCH", path="/api/v1/nodes/n", body=b"{}", changes=True)


class Pauses:
    """Instead of sleeping."""

    def __init__(self):
        self.taken = []

    def __call__(self, seconds):
        self.taken.append(seconds)


@pytest.fixture(name="open_")
def _open():
    """Opens transports that are closed at the end."""
    opened = []

    def make(connection: Connection, **options) -> Transport:
        options = {"timeout": 5.0, "sleep": Pauses()} | options
        opened.append(Transport(connection, **options))
        return opened[-1]

    yield make
    for transport in opened:
        transport.close()


def _refusal(transport: Transport, request: Request = GET) -> KubeError:
    with pytest.raises(KubeError) as caught:
        transport.send(request)
    return caught.value


def test_answer_of_a_trusted_server(api, connection, open_):
    """The body comes back, over one connection for many requests."""
    api.answers(Answer(body=b'{"a": 1}'))
    transport = open_(connection)
    assert [transport.send(GET) for _ in range(3)] == [b'{"a": 1}'] * 3
    assert api.connections == 1
    assert api.seen[0].headers["user-agent"].startswith("irsa/")


def test_path_of_the_server_is_kept(api, connection, open_):
    """A server behind a gateway has a path of its own."""
    transport = open_(replace(connection, server=f"{api.url}/k8s/clusters/c-1"))
    transport.send(Request(path="/version?x=1"))
    transport.send(Request(path="/api", params={"a": "b c"}))
    assert [seen.path for seen in api.seen] == [
        "/k8s/clusters/c-1/version?x=1",
        "/k8s/clusters/c-1/api?a=b+c",
    ]


def test_unknown_authority_is_named(connection, open_):
    """The message says what the certificate was checked against; once is enough."""
    pauses = Pauses()
    error = _refusal(open_(replace(connection, ca_pem=None, ca_source="X"), sleep=pauses))
    assert "is not to be trusted" in error.message
    assert "it was checked against X" in error.message
    assert pauses.taken == []


def test_another_name_is_not_trusted(elsewhere, connection, open_):
    """A certificate for another name is refused, unless that name is expected."""
    there = replace(connection, server=elsewhere.url)
    assert "is not valid for '127.0.0.1'" in _refusal(open_(there)).message
    open_(replace(there, tls_server_name="kubernetes.example")).send(GET)
    wrong = replace(there, tls_server_name="wrong.example")
    assert "is not valid for 'wrong.example'" in _refusal(open_(wrong)).message


def test_insecure_connection_trusts_anyone(elsewhere, connection, open_):
    """insecure-skip-tls-verify does what it says."""
    open_(replace(connection, server=elsewhere.url, ca_pem=None, insecure=True)).send(GET)


def test_client_certificate_is_presented(api, connection, open_, pki):
    """The server sees who it is."""
    certificate, key = pki.issue("joe", client=True)
    pair = ClientCertificate(certificate=certificate.read_bytes(), key=key.read_bytes())
    open_(replace(connection, auth=Auth(certificate=pair))).send(GET)
    assert api.seen[0].peer == "joe"


def test_other_server_gets_the_same_credentials(api, elsewhere, connection, open_):
    """And is expected to have the name that was given for it."""
    first = open_(replace(connection, auth=Auth(token="t")))
    with pytest.raises(KubeError):
        _use(first.at(elsewhere.url, tls_server_name=None))
    _use(first.at(elsewhere.url + "/", tls_server_name="kubernetes.example"))
    assert elsewhere.seen[0].headers["authorization"] == "Bearer t"
    assert api.seen == []


def _use(transport: Transport) -> None:
    try:
        transport.send(GET)
    finally:
        transport.close()


@pytest.fixture(name="plugin")
def _plugin(tmp_path, pki):
    """A plug-in that issues, in turn, a token, and a certificate for `turn`."""
    turn_pem, turn_key = pki.issue("turn", client=True)
    runs = tmp_path / "runs"
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    statuses = [
        {"token": "stale"},
        {
            "clientCertificateData": turn_pem.read_text(),
            "clientKeyData": turn_key.read_text(),
        },
    ]
    program = Path(tmp_path, "login")
    program.write_text(
        f"#!{sys.executable} -S\nimport json\n"
        f"open({str(runs)!r}, 'a').write('x')\n"
        f"n = len(open({str(runs)!r}).read())\n"
        f"status = {statuses!r}[min(n, 2) - 1]\n"
        f"print(json.dumps({answer!r} | {{'status': status}}))\n"
    )
    program.chmod(0o700)
    return ExecPlugin(api_version=answer["apiVersion"], command=str(program))


@pytest.fixture(name="temporary")
def _temporary(tmp_path, monkeypatch):
    """The directory that temporary files go to."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def test_refused_credential_of_a_plugin_is_renewed_once(api, connection, open_, plugin, temporary):
    """A 401 runs the plug-in again, certificates work too, and no key file is left."""
    api.script = lambda seen: Answer() if seen.peer == "turn" else status(401)
    open_(replace(connection, auth=Auth(plugin=plugin))).send(GET)
    assert [seen.headers.get("authorization") for seen in api.seen] == ["Bearer stale", None]
    assert list(temporary.iterdir()) == []


def test_credential_that_stays_refused_is_an_error(api, connection, open_, plugin):
    """The plug-in is not asked for ever."""
    api.answers(status(401))
    assert _refusal(open_(replace(connection, auth=Auth(plugin=plugin)))).status == 401
    assert len(api.seen) == 2


def test_refused_token_is_not_tried_again(api, connection, open_):
    """The same token would be refused again."""
    api.answers(status(401))
    error = _refusal(open_(replace(connection, auth=Auth(token="t"))))
    assert "does not accept our credentials" in error.message
    assert "context 'test'" in error.hint
    assert len(api.seen) == 1


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("request_", [GET, PATCH], ids=["get", "patch"])
def test_server_that_asks_for_patience_gets_it(api, connection, open_, code, request_):
    """Retry-After is honoured for every method, within bounds."""
    pauses = Pauses()
    api.answers(
        Answer(status=code, headers={"Retry-After": "2"}),
        Answer(status=code, headers={"Retry-After": "9999"}),
        Answer(body=b"done"),
    )
    assert open_(connection, sleep=pauses).send(request_) == b"done"
    assert pauses.taken == [2.0, LONGEST_PAUSE]


def test_patience_ends(api, connection, open_):
    """After a few tries the refusal is told."""
    api.answers(Answer(status=503, headers={"Retry-After": "1"}))
    assert _refusal(open_(connection)).status == 503
    assert len(api.seen) == len(PAUSES) + 1


def test_unavailable_without_a_time_is_not_tried_again(api, connection, open_):
    """A 503 of which nothing is known may have had effects."""
    api.answers(status(503, "ServiceUnavailable", "down"))
    assert _refusal(open_(connection)).message == "cannot get /version: down"
    assert len(api.seen) == 1


def test_lost_connection_is_tried_again_for_reads(api, connection, open_):
    """An API server that restarts under a GET is no error."""
    api.answers(None, None, Answer(body=b"back"))
    assert open_(connection).send(GET) == b"back"


def test_lost_connection_is_an_error_for_changes(api, connection, open_):
    """Nobody knows whether it took effect."""
    api.answers(None, Answer())
    assert _refusal(open_(connection), PATCH).status is None
    assert len(api.seen) == 1


def test_nobody_listens(connection, open_):
    """The address, and where it came from."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"https://127.0.0.1:{unused.getsockname()[1]}"
        error = _refusal(open_(replace(connection, server=server)))
    assert error.message == f"cannot reach {server}: connection refused"
    assert error.hint == "the address comes from context 'test'"


def test_unknown_host_is_told(connection, open_):
    """A name that does not resolve is not called unreachable."""
    error = _refusal(open_(replace(connection, server="https://kube.invalid")))
    assert "a name does not resolve" in error.message


def test_silent_server_is_given_up(api, connection, open_):
    """A server that accepts and says nothing does not hang us."""
    release = threading.Event()
    api.script = lambda _seen: release.wait(30) and None
    error = _refusal(open_(connection, timeout=0.2))
    release.set()
    assert "did not answer in time" in error.message


class Observer:
    def __init__(self):
        self.told = []

    def before(self, method, path):
        self.told.append(("before", method, path))

    def after(self, method, path):
        self.told.append(("after", method, path))


def test_observer_is_told_of_changes(api, connection, open_):
    """Before a change is sent, and after it succeeded; of nothing else."""
    observer = Observer()
    transport = open_(connection, observer=observer)
    transport.send(GET)
    transport.send(PATCH)
    api.answers(status(409, "Conflict"))
    _refusal(transport, PATCH)
    told = [("before", "PATCH", PATCH.path), ("after", "PATCH", PATCH.path)]
    assert observer.told == [*told, told[0]]


def test_observer_may_stop_a_change(api, connection, open_):
    """What it raises before the change keeps it from being sent."""
    observer = Observer()
    observer.before = lambda *_: sys.exit(1)
    with pytest.raises(SystemExit):
        open_(connection, observer=observer).send(PATCH)
    assert api.seen == []


def test_foreign_answer_is_not_repeated(api, connection, open_):
    """A login page is not shown."""
    api.answers(Answer(status=302, body=b"<html>hush", headers={"Location": "https://login"}))
    assert _refusal(open_(connection)).message == "cannot get /version: HTTP 302"


def test_stream_gives_lines_as_they_come(api, connection, open_):
    """Whatever the pieces on the wire."""
    api.answers(Answer(chunks=iter([b"one\ntw", b"o\n", b"three\nrest"])))
    with open_(connection).stream(GET, silence=5) as lines:
        assert list(lines) == [b"one", b"two", b"three"]


def test_stream_that_is_refused_says_why(api, connection, open_):
    """As any request does."""
    api.answers(status(403, "Forbidden", "no"))
    with pytest.raises(KubeError, match="not allowed"), open_(connection).stream(GET, silence=5):
        pass


def test_stream_ends_when_it_is_silent_for_too_long(api, connection, open_):
    """A connection that hangs half-open is given up."""
    release = threading.Event()

    def chunks():
        yield b"one\n"
        release.wait(30)

    api.answers(Answer(chunks=chunks()))
    with (
        pytest.raises(KubeError, match="did not answer in time"),
        open_(connection).stream(GET, silence=0.2) as lines,
    ):
        list(lines)
    release.set()


def test_closing_ends_a_stream_that_another_thread_reads(api, connection, open_):
    """A loop that is told to stop need not wait for the next event."""
    release, started, ended = threading.Event(), threading.Event(), threading.Event()

    def chunks():
        yield b"one\n"
        release.wait(30)

    api.answers(Answer(chunks=chunks()))
    transport = open_(connection)

    def read():
        with contextlib.suppress(KubeError), transport.stream(GET, silence=30) as lines:
            for _ in lines:
                started.set()
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert started.wait(10)
    transport.close()
    assert ended.wait(10)
    release.set()
    reader.join()
    assert "was closed" in _refusal(transport).message


def test_requests_from_many_threads(api, connection, open_):
    """A transport is safe to share."""
    api.script = lambda seen: Answer(body=seen.path.encode())
    transport, answers = open_(connection), {}

    def ask(n):
        answers[n] = transport.send(Request(path=f"/{n}"))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: f"/{n}".encode() for n in range(20)}


def test_credentials_are_not_sent_in_the_clear(connection, open_, plain):
    """Over http nothing is presented."""
    open_(replace(connection, server=plain.url, auth=Auth(token="t"))).send(GET)
    assert "authorization" not in plain.seen[0].headers


def test_other_server_in_the_clear_gets_nothing(api, plain, connection, open_):
    """Whatever the first server was."""
    _use(open_(replace(connection, auth=Auth(token="t"))).at(plain.url, tls_server_name=None))
    assert "authorization" not in plain.seen[0].headers
    assert api.seen == []


def test_impersonation_is_sent_whole(api, connection, open_):
    """Every group, not only the last."""
    groups = (("Impersonate-Group", "a"), ("Impersonate-Group", "b"))
    open_(replace(connection, auth=Auth(impersonation=groups))).send(GET)
    assert api.seen[0].all("impersonate-group") == ["a", "b"]


def test_answer_that_cannot_be_unpacked_is_told(api, connection, open_):
    """Not a traceback of the library."""
    api.answers(Answer(body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    assert "cannot get /version at" in _refusal(open_(connection)).message


@pytest.mark.parametrize("server", ["https://[::1", "https://a:b", "https://a\x00b"])
def test_server_that_is_no_url_is_named(connection, open_, server):
    """Not a traceback of the library."""
    with pytest.raises(InputError, match=r"is not (a|the) URL"):
        open_(replace(connection, server=server)).send(GET)


def test_server_that_is_its_own_authority_is_trusted(elsewhere, connection, open_, pki):
    """As for kubectl, a certificate in the kubeconfig is trusted whoever issued it."""
    own = replace(
        connection,
        server=elsewhere.url,
        tls_server_name="kubernetes.example",
        ca_pem=(pki.directory / "other.pem").read_bytes(),
    )
    open_(own).send(GET)


def test_proxy_of_the_kubeconfig_is_used(api, elsewhere, connection, open_, proxy):
    """CONNECT, then TLS with the server itself, under the expected name; even to loopback."""
    via = replace(connection, proxy_url=f"http://joe:pw@127.0.0.1:{proxy.port}")
    open_(via).send(GET)
    named = replace(via, server=elsewhere.url, tls_server_name="kubernetes.example")
    open_(named).send(GET)
    assert proxy.targets == [api.url.removeprefix("https://"), elsewhere.url[8:]]
    assert proxy.authorizations[0] == "Basic am9lOnB3"
    assert len(api.seen) == 1


def test_proxy_of_the_environment_is_used(connection, open_, proxy, monkeypatch):
    """Where the kubeconfig names none."""
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    proxy.refuse = True
    error = _refusal(open_(replace(connection, server="https://kube.example")))
    assert proxy.targets == ["kube.example:443"]
    assert f"through the proxy http://127.0.0.1:{proxy.port}: 403 Forbidden" in error.message


def test_proxy_that_is_down_is_named(connection, open_, proxy):
    """With its address, and without its password."""
    proxy.stop()
    via = replace(connection, proxy_url=f"http://joe:hush@127.0.0.1:{proxy.port}")
    error = _refusal(open_(via))
    words = f"through the proxy http://127.0.0.1:{proxy.port}: connection refused"
    assert words in error.message
    assert "hush" not in json.dumps([error.message, error.hint])


def test_socks_proxy_of_the_environment_is_refused(connection, open_, monkeypatch):
    """With a sentence, not with a traceback of a library."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    transport = open_(replace(connection, server="https://kube.example"))
    with pytest.raises(InputError, match=r"socks5://127\.0\.0\.1 is not an HTTP proxy"):
        transport.send(GET)
