"""
How long the commands take to start, side by side with a bare interpreter and the AWS CLI.

Prints medians and ratios of one run; asserts nothing.
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 15
BIN = Path(sys.executable).parent
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "irsa --version": [str(BIN / "irsa"), "--version"],
    "irsa --help": [str(BIN / "irsa"), "--help"],
    "irsa plan --help": [str(BIN / "irsa"), "plan", "--help"],
    "aws --version": [str(BIN / "aws"), "--version"],
}


def seconds(command: list[str]) -> float:
    """How long one run takes, as a whole process."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def main() -> None:
    """Run the commands in turn, several rounds, and print the table."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    floor = statistics.median(times["python -c pass"])
    print(f"{'command':<18} {'median':>9} {'min':>9} {'max':>9}   against bare Python")
    for name, measured in times.items():
        median = statistics.median(measured)
        row = (f"{value * 1000:6.0f} ms" for value in (median, min(measured), max(measured)))
        print(f"{name:<18} {' '.join(row)}   {median / floor:.1f} x")


if __name__ == "__main__":
    main()
