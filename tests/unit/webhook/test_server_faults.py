"""The server in a process of its own: killed, starved of files, given bad certificates."""

import asyncio
import json
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .replica import FEW_FILES, Load, Replica, answers, loaded, run, until

Start = Callable[..., Replica]


@pytest.fixture(name="start")
def _start(files: Any) -> Iterator[Start]:
    started: list[Replica] = []

    def start(**options: Any) -> Replica:
        started.append(Replica(files, **options))
        started[-1].listen()
        return started[-1]

    yield start
    for replica in started:
        replica.kill(signal.SIGKILL)
        replica.wait()


def test_sigterm_under_load_loses_nothing(
    start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """Whoever was told that it was the last answer goes to the other replica; nobody is left."""
    one, other = start(), start()
    load = Load(files, review(), [one.port, other.port])

    async def test() -> None:
        async with loaded(load, tries=2):
            await answers(load)
            one.kill(signal.SIGTERM)
            assert await asyncio.to_thread(one.wait) == 0
            await answers(load)

    run(test)
    assert load.unanswered == 0
    assert "still open" not in one.log()


def test_sigkill_of_a_replica_loses_nothing_for_who_asks_again(
    start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """As a Service does it: the other replica answers."""
    one, other = start(), start()
    load = Load(files, review(), [one.port, other.port])

    async def test() -> None:
        async with loaded(load, tries=2):
            await answers(load)
            one.kill(signal.SIGKILL)
            await answers(load, 400)

    run(test)


def test_new_certificates_under_load_lose_nothing(
    start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """Ten in a row, while clients come, ask and stay."""
    replica = start()
    load = Load(files, review(), [replica.port])

    async def newcomers(serials: set[str]) -> None:
        while not load.stop:
            writer = (
                await asyncio.open_connection(
                    "127.0.0.1", replica.port, ssl=files.client(), server_hostname="localhost"
                )
            )[1]
            serials.add(writer.get_extra_info("ssl_object").getpeercert()["serialNumber"])
            writer.transport.abort()

    async def test() -> None:
        serials: set[str] = set()
        async with loaded(load):
            coming = asyncio.create_task(newcomers(serials))
            for number in range(10):
                files.issue()
                await until(lambda number=number: len(serials) > number)
                await answers(load, 50)
            load.stop = True
            await coming

    run(test)
    assert load.unanswered == 0


def ended(files: Any) -> None:
    files.issue(now=datetime.now(UTC) - timedelta(days=50))


def written(text: str) -> Callable[[Any], object]:
    """Puts a text in the certificate's place."""
    return lambda files: files.cert.write_text(text)


def gone(files: Any) -> None:
    files.cert.unlink()


BAD = {
    "ended": (ended, "ended on"),
    "empty": (written(""), "not usable"),
    "nonsense": (written("nonsense"), "not usable"),
    "half": (written("-----BEGIN CERTIFICATE-----\nMIIB"), "not usable"),
    "gone": (gone, "cannot read"),
}


@pytest.mark.parametrize(("damage", "said"), BAD.values(), ids=BAD)
def test_bad_certificate_is_not_taken(
    start: Start, files: Any, review: Callable[..., bytes], *, damage: Any, said: str
) -> None:
    """What is served stays, and the log says why; the next good one is taken."""
    replica = start()
    load = Load(files, review(), [replica.port])

    async def test() -> None:
        async with loaded(load):
            await answers(load, 20)
            damage(files)
            await until(lambda: said in replica.log())
            await load.visit()
            files.issue()
            await until(lambda: "serving with a new certificate" in replica.log())
            await answers(load, 20)

    run(test)
    assert load.unanswered == 0


def test_process_without_files_to_spare_goes_on(
    start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """Those connected are answered, nothing spins, and when there is room again all are served."""
    generous = json.dumps({"connections": 800, "handshakes": 400, "handshake_seconds": 50})
    replica = start(limits=generous, few_files=True)
    load = Load(files, review(), [replica.port])
    crowd: list[socket.socket] = []

    async def test() -> None:
        async with loaded(load, clients=4):
            await answers(load, 20)
            crowd.extend(
                socket.create_connection(("127.0.0.1", replica.port)) for _ in range(FEW_FILES)
            )
            await until(lambda: "no new connection can be taken" in replica.log())
            before = replica.log().count("no new connection")
            await answers(load, 2000)
            # Each means a pause; without it there would be one for every few answers.
            assert replica.log().count("no new connection") - before < 250
            for plain in crowd:
                plain.close()
            await load.visit()

    run(test)
    assert load.unanswered == 0
    replica.kill(signal.SIGTERM)
    assert replica.wait() == 0


def test_process_with_few_files_never_runs_out_of_them(start: Start, files: Any) -> None:
    """Its limits follow from what the system grants: too many clients cost the idle ones."""
    replica = start(few_files=True)
    context = files.client()
    crowd: list[ssl.SSLSocket] = []
    for _ in range(2 * FEW_FILES):
        plain = socket.create_connection(("127.0.0.1", replica.port), timeout=30)
        crowd.append(context.wrap_socket(plain, server_hostname="localhost"))
        crowd[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert crowd[-1].recv(1024).startswith(b"HTTP/1.1 200")
    for client in crowd:
        client.close()
    assert "no new connection" not in replica.log()
