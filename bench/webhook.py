"""
Our webhook, and beside it AWS's Go webhook, on a real API server.

Each server has one core, the load and the API server have the others; everything stays on the
loopback address. Repetitions take turns; medians are printed, with minimum and maximum. Answers are
checked in the run that measures them. Asserts nothing about speed.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from webhook_cluster import cluster
from webhook_load import look_for_tools
from webhook_measures import (
    FEW,
    MANY,
    MOST,
    Bench,
    latency,
    lost,
    memory,
    note,
    reload,
    starts,
    stop,
    throughput,
)
from webhook_subjects import OURS, PEER, Certificates, Place
from webhook_table import Table

DOCUMENT = Path(__file__).parent.parent / "docs/benchmarks.md"
NAMES = ("starts", "memory", "throughput", "latency", "stop", "reload")


def measure(bench: Bench, wanted: set[str]) -> None:
    """Everything that is wanted, from an empty cluster to a full one."""
    certificates = bench.place.certificates
    few = {
        "throughput": lambda: throughput(bench),
        "latency": lambda: latency(bench),
        "stop": lambda: lost(bench, "at SIGTERM", stop),
        "reload": lambda: lost(
            bench, "at a new certificate", lambda *both: reload(*both, certificates)
        ),
    }
    if "starts" in wanted:
        starts(bench)
    if "memory" in wanted:
        memory(bench, 0)
    if wanted & set(few):
        bench.cluster.grow(FEW)
    for each in (part for name, part in few.items() if name in wanted):
        each()
    for count in (MANY, MOST) if "memory" in wanted else ():
        note(f"making {count:,} ServiceAccounts")
        bench.cluster.grow(count)
        memory(bench, count)


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", type=Path, help="AWS's webhook, a program built for this machine")
    parser.add_argument("--peer-sources", default="", help="from which sources; for the text")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="not everything")
    parser.add_argument("--write", action="store_true", help=f"put the table into {DOCUMENT.name}")
    return parser.parse_args()


def main() -> None:
    """Measure, and print the table."""
    asked = arguments()
    look_for_tools()
    # So that everything is cleaned up; what is left after a SIGKILL ends by itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    core, *others = sorted(os.sched_getaffinity(0))
    if not others:
        raise SystemExit("a server and its load need two cores")
    os.sched_setaffinity(0, others)
    names = (OURS, PEER) if asked.peer else (OURS,)
    peer = asked.peer and asked.peer.resolve(strict=True)
    with tempfile.TemporaryDirectory() as directory, cluster(Path(directory)) as made:
        scratch = Path(directory) / "scratch"
        scratch.mkdir()
        place = Place(
            core=core,
            kubeconfig=made.pod_kubeconfig,
            certificates=Certificates(scratch),
            directory=scratch,
        )
        table = Table(names, made.version, peer, asked.peer_sources)
        made.prepare()
        bench = Bench(
            cluster=made, place=place, table=table, names=names, peer=peer, scratch=scratch
        )
        try:
            measure(bench, set(asked.only))
        finally:
            print(table.render())
    if asked.write:
        table.write(DOCUMENT)


if __name__ == "__main__":
    main()
