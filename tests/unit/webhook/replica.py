"""The server in a process of its own, and clients that ask it all the time."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    """Clients ask while the block runs; at its end none has lost an answer."""
    tasks = [asyncio.create_task(load.client(tries=tries)) for _ in range(clients)]
    try:
        yield
        load.stop = True
        await asyncio.gather(*tasks)
        assert load.lost == []
    finally:
        for task in tasks:
            task.cancel()


async def answers(load: Load, more: int = 200) -> None:
    """Wait for so many more answers."""
    wanted = load.answered + more
    await until(lambda: load.answered >= wanted)
