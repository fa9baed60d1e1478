"""The server on a real TLS socket: routes, limits, a new certificate, and a stop."""

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.tls.certs import Authority
from irsa.tls.context import Reloader
from irsa.webhook.application import Clients
from irsa.webhook.limits import Limits
from irsa.webhook.server import listen

Serving = Callable[..., None]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/healthz?verbose", 200),
        ("/metrics", 200),
        ("/readyz", 503),
        ("/mutate", 405),
        ("/%6dutate", 405),
        ("/mutate/", 404),
        ("/", 404),
    ],
)
def test_routes(path: str, status: int, serving: Serving) -> None:
    """Every path has its answer."""

    async def test(server: Any) -> None:
        client = await server.connect()
        assert (await client.ask(path))[0] == status
        await client.close()

    serving(test)


def test_ready_when_the_cache_is_filled(serving: Serving) -> None:
    """A webhook that knows no ServiceAccount yet is sent no reviews."""

    async def test(server: Any) -> None:
        client = await server.connect()
        assert (await client.ask("/readyz"))[0] == 503
        server.cache.replace({})
        assert (await client.ask("/readyz"))[0] == 200
        await client.close()

    serving(test)


def test_review_is_answered_and_counted(serving: Serving, review: Callable[..., bytes]) -> None:
    """A review over HTTPS gets its AdmissionReview, and shows in the metrics."""

    async def test(server: Any) -> None:
        client = await server.connect()
        status, headers, body = await client.ask("/mutate?timeout=5s", review())
        assert (status, headers["content-type"]) == (200, "application/json")
        assert b'"patchType":"JSONPatch"' in body
        _, _, metrics = await client.ask("/metrics")
        assert b'irsa_webhook_reviews_total{outcome="mutated"} 1' in metrics
        await client.close()

    serving(test)


@pytest.mark.parametrize(
    ("query", "patience"),
    [
        ("?timeout=10s", 9.0),
        ("?timeout=999s", 27.0),
        ("?a=b&timeout=2s", 1.8),
        ("", 5.0),
        ("?timeout=x", 5.0),
    ],
)
def test_patience_is_the_api_servers_own(
    query: str, patience: float, serving: Serving, review: Callable[..., bytes], directory: Any
) -> None:
    """A live read is given up a little before the API server gives up on us."""
    directory.slow = True

    async def test(server: Any) -> None:
        client = await server.connect()
        await client.ask(f"/mutate{query}", review())
        assert directory.patience == pytest.approx(patience)
        await client.close()

    serving(test)


def test_big_pod_is_answered(serving: Serving, review: Callable[..., bytes]) -> None:
    """A review as big as the API server lets through is no problem."""
    env = [{"name": f"V{n}", "value": "x" * 1000} for n in range(3500)]
    body = review(object={"spec": {"containers": [{"name": "a", "env": env}]}})

    async def test(server: Any) -> None:
        client = await server.connect()
        assert (await client.ask("/mutate", body))[0] == 200
        await client.close()

    serving(test)


def test_body_over_the_limit_is_refused_unread(serving: Serving) -> None:
    """The announced length is enough to refuse it, and ends the connection."""

    async def test(server: Any) -> None:
        client = await server.connect()
        length = Limits().body + 1
        client.writer.write(
            b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length
        )
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (413, "close")
        await client.close()

    serving(test)


def test_endless_body_is_refused(serving: Serving) -> None:
    """A body of unknown length is read to the limit and no further."""

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(
            b"POST /mutate HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for _ in range(Limits().body // 65536 + 1):
            client.writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert (await client.answer())[0] == 413
        await client.close()

    serving(test)


def test_endless_headers_are_refused(serving: Serving) -> None:
    """A head without an end does not fill the memory."""

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ")
        client.writer.write(b"x" * (Limits().head + 65536))
        assert await hung_up(client)
        await client.close()

    serving(test, limits=Limits(head_seconds=500))


def test_slow_head_is_given_up(serving: Serving) -> None:
    """A client that never finishes its headers is hung up on; one that takes its time is not."""

    async def test(server: Any) -> None:
        slow, endless = await server.connect(), await server.connect()
        slow.writer.write(b"GET /healthz HTTP/1.1\r\n")
        endless.writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        await slow.writer.drain()
        await asyncio.sleep(0)
        slow.writer.write(b"Host: x\r\n\r\n")
        assert (await slow.answer())[0] == 200
        assert await hung_up(endless)
        assert (await slow.ask())[0] == 200
        await slow.close()
        await endless.close()

    serving(test, limits=Limits(head_seconds=0.5))


async def hung_up(client: Any) -> bool:
    """Whether the server ends the connection."""
    with contextlib.suppress(ConnectionError):
        return await client.reader.read() == b""
    return True


def test_trickling_head_is_given_up(serving: Serving) -> None:
    """More bytes now and then do not put the end off."""

    async def test(server: Any) -> None:
        client = await server.connect()
        ended = asyncio.create_task(hung_up(client))
        client.writer.write(b"GET /healthz HTTP/1.1\r\n")
        while not ended.done():
            client.writer.write(b"x: y\r\n")
            await asyncio.sleep(0.02)
        assert await ended
        await client.close()

    serving(test, limits=Limits(head_seconds=0.3))


def test_connection_without_a_request_ends(serving: Serving) -> None:
    """Whoever connects and says nothing does not stay for ever."""

    async def test(server: Any) -> None:
        silent = await server.connect()
        assert await hung_up(silent)
        await silent.close()

    serving(test, limits=Limits(idle_seconds=0.1))


def test_longest_idle_connection_makes_room(serving: Serving) -> None:
    """A crowd of idle clients does not keep the API server out."""

    async def test(server: Any) -> None:
        clients = [await server.connect() for _ in range(3)]
        for client in clients:
            assert (await client.ask())[0] == 200
        assert (await clients[0].ask())[0] == 200
        newcomer = await server.connect()
        assert (await newcomer.ask())[0] == 200
        assert await hung_up(clients[1])
        for client in (clients[0], clients[2]):
            assert (await client.ask())[0] == 200
        for client in (*clients, newcomer):
            await client.close()

    serving(test, limits=Limits(connections=3))


def test_slow_body_is_given_up(serving: Serving) -> None:
    """A client that never finishes its request does not hold the server."""

    async def test(server: Any) -> None:
        client = await server.connect()
        client.writer.write(b"POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        assert (await client.answer())[0] == 408
        await client.close()

    serving(test, limits=Limits(body_seconds=0.05))


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=3))
def test_any_bytes_leave_the_server_serving(serving: Serving, chunks: list[bytes]) -> None:
    """Garbage on the wire is refused or hung up on, and the next client is served."""

    async def test(server: Any) -> None:
        garbage = await server.connect()
        for chunk in chunks:
            garbage.writer.write(chunk)
        garbage.writer.write(b"\r\n\r\n")
        await garbage.close()
        client = await server.connect()
        assert (await client.ask())[0] == 200
        await client.close()

    serving(test)


def test_new_certificate_is_served_and_old_connections_live(serving: Serving) -> None:
    """A renewed certificate is seen by new connections, and costs the old ones nothing."""

    async def test(server: Any) -> None:
        reloader = Reloader(server.context, server.files.cert, server.files.key)
        old = await server.connect()
        before = old.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"]
        server.files.issue()
        assert reloader.refresh()
        new = await server.connect()
        assert new.writer.get_extra_info("ssl_object").getpeercert()["serialNumber"] != before
        assert (await old.ask())[0] == 200
        await old.close()
        await new.close()

    serving(test)


def test_plain_http_is_hung_up_on(serving: Serving) -> None:
    """Without TLS there is no conversation."""

    async def test(server: Any) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert not (await reader.read()).startswith(b"HTTP")
        writer.close()
        await writer.wait_closed()

    serving(test)


@pytest.mark.parametrize("pause", [0.0, 0.02], ids=["busy", "paced"])
def test_stop_loses_nothing(
    pause: float, serving: Serving, review: Callable[..., bytes], until: Any
) -> None:
    """Every request sent on a connection is answered; the last answer says that it is the last."""
    body = review()

    async def talk(client: Any, counts: list[int], index: int) -> str:
        while True:
            status, headers, _ = await client.ask("/mutate", body)
            assert status == 200
            counts[index] += 1
            if headers.get("connection") == "close":
                await client.close()
                return "told"
            await asyncio.sleep(pause)

    async def test(server: Any) -> None:
        clients = [await server.connect() for _ in range(8)]
        counts = [0] * len(clients)
        talks = [
            asyncio.create_task(talk(client, counts, index)) for index, client in enumerate(clients)
        ]
        await until(lambda: min(counts) >= 5)
        server.server.stop()
        assert await asyncio.gather(*talks) == ["told"] * len(clients)
        await server.task

    serving(test)


def test_stop_answers_what_is_under_way(
    serving: Serving, review: Callable[..., bytes], directory: Any, until: Any
) -> None:
    """A review that waits for a live read is answered before the process ends."""
    directory.slow, directory.release = True, asyncio.Event()

    async def test(server: Any) -> None:
        client = await server.connect()
        asked = asyncio.create_task(client.ask("/mutate", review()))
        await until(lambda: bool(directory.asked))
        server.server.stop()
        await until(lambda: not server.server.is_accepting)
        directory.release.set()
        assert (await asked)[0] == 200
        await client.close()

    serving(test)


def test_stopping_server_is_not_ready_but_still_answers(serving: Serving, until: Any) -> None:
    """Until the API servers have heard of the stop, new connections are served."""

    async def test(server: Any) -> None:
        server.cache.replace({})
        server.server.stop()
        await until(lambda: server.application.draining)
        client = await server.connect()
        status, headers, _ = await client.ask("/readyz")
        assert (status, headers["connection"]) == (503, "close")
        await client.close()

    serving(test, stop_delay=2.0)


def test_sigterm_stops_it(serving: Serving) -> None:
    """SIGTERM is an ordinary end."""

    async def test(server: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await server.task

    serving(test)


def test_taken_port_is_an_error_that_names_it() -> None:
    """No traceback when another process has the port."""
    with listen(0, host="127.0.0.1") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=str(port)):
            listen(port, host="127.0.0.1")


def test_untrusted_client_sees_another_name(serving: Serving) -> None:
    """The certificate is for its names only, as the API server checks."""

    async def test(server: Any) -> None:
        context = server.files.client()
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1", server.port, ssl=context, server_hostname="other.example"
            )

    serving(test)


@pytest.mark.parametrize(
    ("names", "client", "status"),
    [
        ((), None, 403),
        ((), "anybody", 200),
        (("kube-apiserver",), "anybody", 403),
        (("kube-apiserver",), "kube-apiserver", 200),
    ],
)
def test_reviews_are_answered_to_the_right_clients(
    names: tuple, client: str | None, status: int, serving: Serving, review: Callable[..., bytes]
) -> None:
    """Without its certificate nobody learns roles; probes and metrics need none."""

    async def test(server: Any) -> None:
        connection = await server.connect(client)
        found, _, body = await connection.ask("/mutate", review())
        assert (found, b'"patch"' in body) == (status, status == 200)
        await connection.close()
        probe = await server.connect()
        assert (await probe.ask("/healthz"))[0] == 200
        metrics = (await probe.ask("/metrics"))[2].decode()
        refused = int(status == 403)
        assert f"irsa_webhook_unauthorized_requests_total {refused}" in metrics
        await probe.close()

    serving(test, clients=Clients(verified=True, names=frozenset(names)))


async def ask_with(context: ssl.SSLContext, port: int) -> None:
    """Ask something; with TLS 1.3 a client learns only then that it was refused."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.transport.abort()


def test_certificate_of_another_ca_is_refused_in_the_handshake(serving: Serving) -> None:
    """A stranger's certificate is worse than none."""

    async def test(server: Any) -> None:
        stranger = Authority.generate("stranger", now=datetime.now(UTC), days=1)
        own, server.files.authority = server.files.authority, stranger
        context = server.files.client("kube-apiserver")
        server.files.authority = own
        context.load_verify_locations(cadata=own.certificate_pem.decode())
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            await ask_with(context, server.port)

    serving(test, clients=Clients(verified=True))
