"""What is measured of the webhooks, each in turn."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webhook_client import Crowd, check
from webhook_cluster import Cluster
from webhook_load import Load, at_rate, check_answers, flat_out
from webhook_reviews import SIZES, SMALL, Account, Size, alternating, of_names, review
from webhook_subjects import OURS, Certificates, Place, Server, running
from webhook_table import Row, Table

STARTS = 14
FLAT_OUT = {"repetitions": 5, "seconds": 4}
AT_RATE = {"repetitions": 3, "seconds": 10}
REPETITIONS = 3
SETTLED = 8.0
FEW, MANY, MOST = 1_000, 10_000, 100_000
RATES = dict(zip(SIZES, (2.2, 4.0, 6.5), strict=True))
DELAYS = dict(zip(SIZES, (0.75, 0.45, 0.3), strict=True))
MEMORY = {0: 1.4, MANY: 0.7, MOST: 0.25}


@dataclass(slots=True, kw_only=True)
class Bench:
    """
    What all measurements need.

    Args:
        names: The webhooks, in the order of their turns.
        peer: AWS's webhook, if there is one.
    """

    cluster: Cluster
    place: Place
    table: Table
    names: tuple[str, ...]
    peer: Path | None
    scratch: Path

    def turns(self, repetitions: int) -> Iterator[str]:
        """Each webhook in turn, several times."""
        for _ in range(repetitions):
            yield from self.names

    def gathered(self) -> dict[str, list[Any]]:
        """A list for each webhook."""
        return {name: [] for name in self.names}

    def run(self, name: str) -> AbstractContextManager[Server]:
        """A webhook that runs."""
        return running(name, self.place, peer=self.peer)

    @contextmanager
    def warm(self, name: str) -> Iterator[Server]:
        """A webhook that knows all ServiceAccounts and has worked for a moment."""
        with self.run(name) as server:
            served(server, FEW)
            flat_out(server, alternating(SMALL), 1, self.scratch)
            yield server


def note(text: str) -> None:
    """Say how far it is."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """
    How many seconds after its start a webhook got so far.

    Args:
        answered: It answered a review for one of the last ServiceAccounts with its role.
        listed: It had all of them in its own list.
    """

    answered: float
    listed: float


def served(server: Server, count: int) -> Served:
    """When it serves the last ServiceAccounts; from the first right answer on all must be right."""
    last = [each for each in map(Account, range(count - 20, count)) if each.annotated]
    wanted = review(SMALL, last[-1])
    server.first_answer(wanted)
    while b'"patch":' not in server.ask(wanted).body:
        time.sleep(0.01)
    answered = time.perf_counter() - server.began
    # Ours reads one that it has not listed yet from the API server, and says when it has all.
    while server.name == OURS and server.get("/readyz") != 200:
        check(wanted, server.ask(wanted))
        time.sleep(0.02)
    # The other one does not say it: it has listed those that it knows.
    for account in reversed(last):
        while b'"patch":' not in server.ask(review(SMALL, account)).body:
            time.sleep(0.01)
    listed = time.perf_counter() - server.began
    for account in last:
        check(review(SMALL, account), server.ask(review(SMALL, account)))
    return Served(answered=answered, listed=listed)


def starts(bench: Bench) -> None:
    """Start to first answer, with hardly a ServiceAccount in the cluster."""
    times = bench.gathered()
    wanted = of_names(SMALL, "default", "default", number=0, patched=False)
    for name in bench.turns(STARTS):
        with bench.run(name) as server:
            times[name].append(server.first_answer(wanted) * 1000)
            check(wanted, server.ask(wanted))
    row = Row(what="start to first answer", unit="ms", values=times, target=3.5, limit=150)
    bench.table.rows.append(row)


def memory(bench: Bench, count: int) -> None:
    """Memory with so many ServiceAccounts, and how long it takes until they are served."""
    held, times = bench.gathered(), bench.gathered()
    wanted = of_names(SMALL, "default", "default", number=0, patched=False)
    for name in bench.turns(REPETITIONS):
        with bench.run(name) as server:
            if count:
                times[name].append(served(server, count))
                one = times[name][-1]
                note(f"{name}: answered after {one.answered:.2f} s, listed {one.listed:.2f} s")
            else:
                server.first_answer(wanted)
            time.sleep(SETTLED)
            held[name].append(server.resident())
        note(f"{count} ServiceAccounts, {name}: {held[name][-1]:.1f} MB")
    what = f"memory with {count:,} ServiceAccounts"
    bench.table.rows.append(Row(what=what, unit="MB", digits=1, values=held, target=MEMORY[count]))
    if count == MOST:
        _note_times(bench.table, times)


def _note_times(table: Table, times: dict[str, list[Served]]) -> None:
    answered = {name: [one.answered for one in each] for name, each in times.items()}
    listed = {name: [one.listed for one in each] for name, each in times.items()}
    last = f"the last of {MOST:,} ServiceAccounts"
    what = f"until a review for {last} is answered with its role"
    table.rows.append(Row(what=what, unit="s", digits=2, values=answered, target=0.35))
    what = f"until it has listed all {MOST:,} ServiceAccounts itself"
    table.rows.append(Row(what=what, unit="s", digits=2, values=listed))


def _loads(
    bench: Bench, load: Callable[..., Load], *, repetitions: int, seconds: int
) -> dict[Size, dict[str, list[Load]]]:
    found: dict[Size, dict[str, list[Load]]] = {size: bench.gathered() for size in SIZES}
    for name in bench.turns(repetitions):
        with bench.warm(name) as server:
            for size in SIZES:
                one = load(server, alternating(size), seconds, bench.scratch)
                found[size][name].append(one)
                note(
                    f"{size.name}, {name}: {one.rate:,.0f}/s, p99 {one.p99:.2f} ms, "
                    f"{one.processor:.0f} µs of processor each"
                )
    return found


def _values(loads: dict[str, list[Load]], value: Callable[[Load], float]) -> dict[str, list[float]]:
    return {name: [value(one) for one in each] for name, each in loads.items()}


def throughput(bench: Bench) -> None:
    """Reviews a second on one core, and what each takes of it."""
    found = _loads(bench, flat_out, **FLAT_OUT)
    for size, loads in found.items():
        row = Row(
            what=f"reviews a second, 8 connections, {size.name}",
            unit="",
            values=_values(loads, lambda one: one.rate),
            target=RATES[size],
            most=False,
        )
        bench.table.rows.append(row)
    for size, loads in found.items():
        what = f"processor time of each, {size.name}"
        values = _values(loads, lambda one: one.processor)
        bench.table.rows.append(Row(what=what, unit="µs", values=values))


def latency(bench: Bench) -> None:
    """The 99th percentile at a rate that a large cluster has."""
    for size, loads in _loads(bench, at_rate, **AT_RATE).items():
        row = Row(
            what=f"p99 at 200 reviews a second, {size.name}",
            unit="ms",
            digits=2,
            values=_values(loads, lambda one: one.p99),
            target=DELAYS[size],
        )
        bench.table.rows.append(row)


def lost(bench: Bench, what: str, upset: Callable[[Server, Crowd], None]) -> None:
    """Reviews that were sent and not answered when something happens under load."""
    values = bench.gathered()
    reviews = alternating(SMALL)
    for name in bench.turns(REPETITIONS):
        with bench.warm(name) as server:
            check_answers(server, reviews)
            server.forget()
            crowd = Crowd(server.port, server.context, reviews)
            crowd.start()
            upset(server, crowd)
            values[name].append(crowd.lost)
            note(f"lost {what}, {name}: {crowd.lost} of {crowd.lost + crowd.answered}")
    row = Row(what=f"reviews lost {what}, 8 busy connections", unit="", values=values, limit=0)
    bench.table.rows.append(row)


def stop(server: Server, crowd: Crowd) -> None:
    """SIGTERM; clients keep the connections they have and open no new ones."""
    crowd.leaving.set()
    server.process.terminate()
    crowd.end()
    server.process.wait(30)


def reload(server: Server, crowd: Crowd, certificates: Certificates) -> None:
    """A new certificate, until a new connection shows it, and a little longer."""

    def shown() -> bytes:
        with closing(server.connect()) as connection:
            return connection.certificate

    before = shown()
    certificates.renew()
    deadline = time.monotonic() + 12
    while shown() == before:
        if time.monotonic() > deadline:
            raise SystemExit(f"{server.name} never served the new certificate")
        time.sleep(0.05)
    time.sleep(1)
    crowd.stop()
