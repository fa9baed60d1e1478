"""The server in a process of its own: killed, starved of files, given bad certificates."""

import asyncio
import contextlib
import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

CHILD = Path(__file__).parent / "child.py"
FEW_FILES = 64


class Replica:
    """One process that serves."""

    def __init__(self, files: Any, *, limits: str = "", few_files: bool = False) -> None:
        command = [sys.executable, str(CHILD), str(files.cert), str(files.key), limits]
        command += [str(FEW_FILES)] if few_files else []
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._reading = threading.Thread(target=self._read)
        self._reading.start()
        self.port = 0

    def listen(self) -> None:
        """Wait until it listens, and learn where."""
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)

    def log(self, *, reviews: bool = False) -> str:
        """What it has said so far, apart from the reviews."""
        return "".join(line for line in self.lines if reviews or '"message":"review"' not in line)

    def kill(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Its exit code, when it has ended."""
        code = self._process.wait(timeout=60)
        self._reading.join()
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdout.close()
        self._process.stderr.close()
        return code


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


class Load:
    """Clients that ask all the time, each on a connection that it keeps while it may."""

    def __init__(self, files: Any, body: bytes, ports: list[int]) -> None:
        self._context = files.client()
        self._ports = ports
        head = b"POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        self._request = head % len(body) + body
        self.answered = 0
        self.lost: list[str] = []
        self.unanswered = 0
        self.stop = False

    async def client(self, *, tries: int = 1) -> None:
        """One client; it asks a replica after the other, as often as told, before it gives up."""
        while not self.stop:
            problems: list[str] = []
            for port in (self._ports * tries)[: tries * len(self._ports)]:
                try:
                    await self._talk(port)
                    break
                except (OSError, EOFError) as error:
                    problems.append(f"{port}: {error!r}")
            else:
                self.lost += problems

    async def visit(self) -> None:
        """One request on a connection of its own."""
        await self._talk(self._ports[0], once=True)

    async def _talk(self, port: int, *, once: bool = False) -> None:
        """Ask until we or the server end the connection; a request without an answer raises."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=self._context, server_hostname="localhost"
        )
        try:
            while not self.stop:
                writer.write(self._request)
                self.unanswered += 1
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                await reader.readexactly(length)
                assert head.startswith(b"HTTP/1.1 200"), head
                self.answered += 1
                self.unanswered -= 1
                if once or b"connection: close" in head:
                    return
        finally:
            writer.transport.abort()


async def until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    """Wait for a condition, with a deadline."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError("it did not come true")


def run(test: Callable[[], Any]) -> None:
    """Run a test's coroutine, with a deadline."""

    async def main() -> None:
        async with asyncio.timeout(120):
            await test()

    asyncio.run(main())


@contextlib.asynccontextmanager
async def loaded(load: Load, *, clients: int = 6, tries: int = 1) -> Any:
    """Clients ask while the block runs; at its end all have got what they were owed."""
    tasks = [asyncio.create_task(load.client(tries=tries)) for _ in range(clients)]
    try:
        yield
        load.stop = True
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def answers(load: Load, more: int = 200) -> None:
    """Wait for so many more answers."""
    wanted = load.answered + more
    await until(lambda: load.answered >= wanted)


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
    assert (load.lost, load.unanswered) == ([], 0)
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
    assert load.lost == []


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
    assert (load.lost, load.unanswered) == ([], 0)


def test_certificate_that_has_ended_is_not_taken(
    start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """What is served stays, and the log says why; the next good one is taken."""
    replica = start()
    load = Load(files, review(), [replica.port])

    async def test() -> None:
        async with loaded(load):
            await answers(load, 20)
            files.issue(now=datetime.now(UTC) - timedelta(days=50))
            await until(lambda: "ended on" in replica.log())
            await load.visit()
            files.issue()
            await until(lambda: "serving with a new certificate" in replica.log())

    run(test)
    assert (load.lost, load.unanswered) == ([], 0)


@pytest.mark.parametrize("damage", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nMIIB"])
def test_garbled_certificate_is_not_taken(
    damage: str, start: Start, files: Any, review: Callable[..., bytes]
) -> None:
    """Half a file or none at all: what is served stays, and the log says so."""
    replica = start()
    load = Load(files, review(), [replica.port])
    good = files.cert.read_text()

    async def test() -> None:
        async with loaded(load):
            files.cert.write_text(damage)
            await until(lambda: "not usable" in replica.log())
            await load.visit()
            files.cert.unlink()
            await until(lambda: "cannot read" in replica.log())
            await load.visit()
            files.cert.write_text(good)
            await answers(load, 20)

    run(test)
    assert (load.lost, load.unanswered) == ([], 0)


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
    assert (load.lost, load.unanswered) == ([], 0)
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
