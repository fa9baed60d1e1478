"""List, watch and get over asyncio, on real TLS."""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.fakes import protobuf
from tests.fakes.api_server import Answer, status

from irsa.errors import InputError, KubeError
from irsa.kube.connection import Auth, ClientCertificate, ExecPlugin
from irsa.kube.stream import Stream
from irsa.tls.certs import Authority

PATH = "/api/v1/serviceaccounts"


def run(coroutine):
    with asyncio.Runner() as runner:
        return runner.run(asyncio.wait_for(coroutine, 30))


@contextlib.asynccontextmanager
async def opened(connection, **options):
    stream = Stream(connection, **options)
    try:
        yield stream
    finally:
        await stream.close()


def account(name: str, version: int = 1, **annotations: str) -> dict:
    metadata = {"name": name, "namespace": "x", "uid": "u", "resourceVersion": str(version)}
    return {"kind": "PartialObjectMetadata", "metadata": metadata | {"annotations": annotations}}


def page(version: int, token: str, *names: str) -> Answer:
    return Answer(body=protobuf.page(str(version), token, map(protobuf.item, names)))


def line(kind: str, obj: dict) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


async def _list(connection, **options):
    found = []
    async with opened(connection) as stream:
        async for piece in stream.list_pieces(PATH, prefix="k/", **options):
            found += [(piece.resource_version, item.name) for item in piece.items]
    return found


async def _watch(connection, version="5", **options):
    events = []
    async with opened(connection) as stream:
        try:
            async for event in stream.watch(PATH, version, **options):
                names = (event.type, event.object.metadata.name, event.resource_version)
                events.append(names)
        except KubeError as error:
            events.append(error)
    return events


async def _get(connection, times=1, **options):
    async with opened(connection, **options) as stream:
        return [await stream.get("/version") for _ in range(times)]


def _refusal(connection, **options) -> KubeError:
    with pytest.raises(KubeError) as caught:
        run(_get(connection, **options))
    return caught.value


def test_list_comes_page_by_page(api, connection):
    """As metadata only, and without resourceVersion=0."""
    api.answers(page(7, "c/1", "a", "b"), page(7, "", "c"))
    assert run(_list(connection, limit=2)) == [("7", "a"), ("7", "b"), ("7", "c")]
    assert [seen.path for seen in api.seen] == [f"{PATH}?limit=2", f"{PATH}?limit=2&continue=c%2F1"]
    assert "protobuf;as=PartialObjectMetadataList" in api.seen[0].headers["accept"]


def test_next_page_is_asked_for_while_one_is_read(api, connection):
    """The API server need not wait for us."""
    asked = threading.Event()
    whole = page(7, "c", "a", "b").body

    def chunks():
        yield whole[:-400]
        assert asked.wait(30)
        yield whole[-400:]

    def script(seen):
        if "continue" not in seen.path:
            return Answer(chunks=chunks())
        asked.set()
        return page(7, "", "c")

    api.script = script
    assert run(_list(connection)) == [("7", "a"), ("7", "b"), ("7", "c")]


def test_list_that_is_given_up_leaves_no_request_behind(api, connection):
    """The one that was asked for early ends with the list."""
    release = threading.Event()

    async def given_up(stream):
        async with contextlib.aclosing(stream.list_pieces(PATH, prefix="k/")) as pieces:
            async for piece in pieces:
                if piece.items:
                    break

    def script(seen):
        if "continue" in seen.path:
            release.wait(30)
        return page(7, "c", "a")

    async def main():
        async with opened(connection) as stream:
            before = asyncio.all_tasks()
            await given_up(stream)
            assert asyncio.all_tasks() == before

    api.script = script
    run(main())
    release.set()


def test_page_that_is_cut_is_no_page(api, connection):
    """What is missing must not pass for deleted."""
    api.answers(Answer(body=page(7, "", "a", "b").body[:-9]))
    with pytest.raises(KubeError, match="with something else than was asked for"):
        run(_list(connection))


def test_list_whose_connection_breaks_says_so(api, connection):
    """As any request."""
    api.answers(Answer(chunks=iter([page(7, "", "a").body[:-300]]), cut=True))
    with pytest.raises(KubeError) as caught:
        run(_list(connection))
    assert caught.value.status is None


def test_version_of_a_collection(api, connection):
    """Asked with one object, whatever it is."""

    async def ask():
        async with opened(connection) as stream:
            return await stream.version(PATH)

    api.answers(Answer(body=json.dumps({"metadata": {"resourceVersion": "9"}}).encode()))
    assert run(ask()) == "9"
    assert api.seen[0].path == f"{PATH}?limit=1"


def test_list_that_expires_says_so(api, connection):
    """The caller begins anew."""
    api.answers(page(7, "c", "a"), status(410, "Expired"))
    with pytest.raises(KubeError) as caught:
        run(_list(connection))
    assert caught.value.status == 410


def test_watch_gives_events_as_they_come(api, connection):
    """Whatever the pieces on the wire, bookmarks included."""
    events = line("ADDED", account("a", 6, k="v")) + line("BOOKMARK", account("", 9))
    pieces = [events[:20], events[20:-5], events[-5:] + line("DELETED", account("a", 10))[:-1]]
    api.answers(Answer(chunks=iter([*pieces, b"\n"])))
    assert run(_watch(connection, spell=30)) == [
        ("ADDED", "a", "6"),
        ("BOOKMARK", "", "9"),
        ("DELETED", "a", "10"),
    ]
    assert "resourceVersion=5&timeoutSeconds=30" in api.seen[0].path


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (status(410, "Expired", "too old"), 410),
        (Answer(chunks=iter([line("ERROR", {"kind": "Status", "code": 410})])), 410),
        (status(403, "Forbidden", "no"), 403),
        (Answer(chunks=iter([b"<html>\n"])), None),
        (Answer(chunks=iter([line("ERROR", {"kind": "Odd"})])), None),
        (Answer(chunks=iter([line("WHAT", {})])), None),
        (Answer(chunks=iter([b"{"]), cut=True), None),
        (None, None),
    ],
    ids=["410", "410-event", "403", "html", "odd", "unknown", "cut", "closed"],
)
def test_watch_that_fails_says_why(api, connection, answer, code):
    """A status where the server gave one."""
    api.answers(answer)
    (error,) = run(_watch(connection))
    assert error.status == code


def test_silent_watch_is_given_up(api, connection, monkeypatch):
    """A connection that hangs half-open ends with an error."""
    monkeypatch.setattr("irsa.kube.stream.LATE", -0.8)
    release = threading.Event()

    def chunks():
        yield line("ADDED", account("a", 6))
        release.wait(30)

    api.answers(Answer(chunks=chunks()))
    event, error = run(_watch(connection, spell=1))
    release.set()
    assert event == ("ADDED", "a", "6")
    assert "did not answer in time" in error.message


def test_watch_can_be_closed_in_the_middle(api, connection):
    """A webhook that stops need not wait for the next event."""
    release = threading.Event()

    def chunks():
        yield line("ADDED", account("a", 6))
        release.wait(30)

    async def first():
        async with (
            opened(connection) as stream,
            contextlib.aclosing(stream.watch(PATH, "5")) as events,
        ):
            return (await anext(events)).type

    api.answers(Answer(chunks=chunks()))
    assert run(first()) == "ADDED"
    release.set()


def test_get_keeps_its_connection(api, connection):
    """A live read costs no handshake."""
    api.answers(Answer(body=b"v"))
    assert run(_get(connection, times=3)) == [b"v"] * 3
    assert api.connections == 1


def test_connection_that_died_meanwhile_is_replaced(api, connection):
    """The server may close an idle connection at any time."""

    async def twice():
        async with opened(connection) as stream:
            await stream.get("/a")
            api.hang_up()
            return await stream.get("/b")

    api.answers(Answer(body=b"v"))
    assert run(twice()) == b"v"
    assert api.connections == 2


def test_connection_that_is_dead_without_our_knowing_is_given_up_soon(api, connection, monkeypatch):
    """One that was kept gets little time, and then a new one is asked."""
    monkeypatch.setattr("irsa.kube.stream.KEPT_TIMEOUT", 0.2)
    release = threading.Event()

    def script(seen):
        if seen.path == "/b" and len(api.seen) == 2:
            release.wait(30)
        return Answer(body=b"v")

    async def twice():
        async with opened(connection) as stream:
            await stream.get("/a")
            return await stream.get("/b")

    api.script = script
    try:
        assert run(twice()) == b"v"
    finally:
        release.set()
    assert api.connections == 2


def test_slow_answer_is_waited_for(api, connection):
    """What counts is that something comes, not when it ends."""
    pause = threading.Event()

    def chunks():
        for _ in range(4):
            pause.wait(0.2)
            yield b"v"

    api.answers(Answer(chunks=chunks()))
    assert run(_get(connection, timeout=0.6)) == [b"vvvv"]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(status=429, headers={"Retry-After": "7"}, body=b"Too many requests"), 7.0),
        (Answer(status=429, headers={"Retry-After": "tomorrow"}), None),
        (Answer(status=503), None),
    ],
    ids=["seconds", "date", "nothing"],
)
def test_server_that_is_busy_says_for_how_long(api, connection, answer, seconds):
    """The header goes with the error."""
    api.answers(answer)
    assert _refusal(connection).retry_after == seconds
    (error,) = run(_watch(connection))
    assert error.retry_after == seconds


def test_server_that_says_close_is_obeyed(api, connection):
    """No request is sent into a connection that ends."""
    api.answers(Answer(body=b"v", headers={"Connection": "close"}))
    assert run(_get(connection, times=2)) == [b"v"] * 2
    assert api.connections == 2


def test_gets_run_side_by_side(api, connection):
    """Each over a connection of its own; a few are kept."""
    gate = threading.Barrier(6, timeout=20)

    def script(_seen):
        gate.wait()
        return Answer(body=b"v")

    async def many():
        async with opened(connection) as stream:
            return await asyncio.gather(*(stream.get(f"/{n}") for n in range(6)))

    api.script = script
    assert run(many()) == [b"v"] * 6


def test_metadata_of_one_object(api, connection):
    """None if it does not exist, and only then."""

    async def ask():
        async with opened(connection) as stream:
            found = await stream.get_metadata(f"{PATH}/a")
            absent = await stream.get_metadata(f"{PATH}/b")
            with pytest.raises(KubeError, match="does not serve"):
                await stream.get_metadata(f"{PATH}/c")
            return found, absent

    body = json.dumps(account("a", 3, role="r")).encode()
    api.answers(Answer(body=body), status(404, "NotFound", "x", name="b"), Answer(status=404))
    found, absent = run(ask())
    assert found.metadata.annotations == {"role": "r"}
    assert absent is None


def test_answer_that_is_no_list_is_refused(api, connection):
    """A login page with status 200 is no ServiceAccount."""
    api.answers(Answer(body=b"<html>"))
    with pytest.raises(KubeError, match="with something else than was asked for"):
        run(_list(connection))


def test_token_file_is_read_for_each_request(api, connection, tmp_path):
    """Kubelet renews it under us."""
    token = tmp_path / "token"

    async def twice():
        async with opened(replace(connection, auth=Auth(token_file=str(token)))) as stream:
            for text in ("one\n", "two"):
                token.write_text(text)
                await stream.get("/")

    run(twice())
    assert [seen.headers["authorization"] for seen in api.seen] == ["Bearer one", "Bearer two"]


def test_client_certificate_is_presented(api, connection, pki):
    """For a webhook that runs outside of the cluster."""
    certificate, key = pki.issue("joe", client=True)
    pair = ClientCertificate(certificate=certificate.read_bytes(), key=key.read_bytes())
    run(_get(replace(connection, auth=Auth(certificate=pair))))
    assert api.seen[0].peer == "joe"


def test_pod_finds_its_own_api_server(api, pki, tmp_path):
    """By environment and mount."""
    (tmp_path / "ca.crt").write_bytes(pki.authority.certificate_pem)
    (tmp_path / "token").write_text("t")
    host, _, port = api.url.removeprefix("https://").partition(":")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}

    async def ask():
        stream = Stream.in_cluster(environment=environment, directory=str(tmp_path))
        try:
            return await stream.get("/version")
        finally:
            await stream.close()

    assert run(ask()) == b"{}"
    assert api.seen[0].headers["authorization"] == "Bearer t"
    assert api.seen[0].headers["host"] == f"{host}:{port}"


def test_unknown_authority_is_not_trusted(connection):
    """TLS is verified."""
    error = _refusal(replace(connection, ca_pem=None, ca_source="X"))
    assert "it was checked against X" in error.message


def test_authorities_are_read_again_when_the_cluster_gets_others(connection, pki, tmp_path):
    """Kubelet changes `ca.crt` under a pod that runs for months."""
    file = tmp_path / "ca.crt"
    other = Authority.generate("former", now=datetime.now(UTC), days=1)
    file.write_bytes(other.certificate_pem)
    old = replace(connection, ca_pem=other.certificate_pem, ca_file=str(file))

    async def ask():
        async with opened(old) as stream:
            with pytest.raises(KubeError, match="not to be trusted"):
                await stream.get("/version")
            file.write_bytes(pki.authority.certificate_pem)
            return await stream.get("/version")

    assert run(ask()) == b"{}"


def test_another_name_is_trusted_only_when_expected(elsewhere, connection):
    """tls-server-name works as in the other door."""
    there = replace(connection, server=elsewhere.url)
    assert "is not to be trusted" in _refusal(there).message
    run(_get(replace(there, tls_server_name="kubernetes.example")))


def test_plain_server_gets_no_token(plain, connection):
    """Nothing secret goes over http."""
    run(_get(replace(connection, server=plain.url + "/base", auth=Auth(token="t"))))
    assert plain.seen[0].path == "/base/version"
    assert "authorization" not in plain.seen[0].headers


def test_silent_server_is_given_up(api, connection):
    """A request has an end."""
    release = threading.Event()
    api.script = lambda _seen: release.wait(30) and None
    error = _refusal(connection, timeout=0.2)
    release.set()
    assert "did not answer in time" in error.message


def test_what_is_no_http_is_told(connection, free_listener):
    """A server of another kind is not waited for."""
    server = f"http://127.0.0.1:{free_listener}"
    assert "not an HTTP answer" in _refusal(replace(connection, server=server)).message


@pytest.fixture(name="free_listener")
def _free_listener():
    """A port where something else than HTTP answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(b"220 smtp ready\r\n")
                    connection.recv(4096)

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    "change",
    [
        {"proxy_url": "http://p:1"},
        {"auth": Auth(username="u", password="p")},
        {"auth": Auth(plugin=ExecPlugin(api_version="v1", command="x"))},
    ],
    ids=["proxy", "password", "plugin"],
)
def test_what_it_cannot_do_is_refused(connection, change):
    """At once, with a sentence."""
    with pytest.raises(InputError, match="needs a proxy, an exec plug-in or a password"):
        Stream(replace(connection, **change))


def test_it_is_light_to_import():
    """The webhook's process pays for what it imports, in memory and at every start."""
    heavy = "httpx httpcore cryptography ruamel.yaml boto3 typer rich uvicorn"
    program = (
        "import sys, irsa.kube.stream\n"
        f"print(*[name for name in {heavy!r}.split() if name in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == []
