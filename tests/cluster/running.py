"""A running `irsa controller`, and what it says."""

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .waiting import until


@dataclass
class Process:
    """A running `irsa controller`."""

    child: subprocess.Popen[bytes]
    log: Path
    port: int

    @property
    def text(self) -> str:
        return self.log.read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log."""
        whole = self.text.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, text: str) -> int:
        """How many lines of its log hold a text."""
        return sum(text in line["message"] for line in self.lines)

    def lines_of(self, task: str) -> list[str]:
        """What it logged of a task that failed."""
        return [line["message"] for line in self.lines if line.get("task") == task]

    def get(self, path: str) -> tuple[int, str]:
        """What it answers; 0 if nobody does."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float | None:
        """One sample, by its name with its labels; None if there is none."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(f"irsa_controller_{name} "):
                return float(line.rpartition(" ")[2])
        return None

    @property
    def leads(self) -> bool:
        return self.metric("leader") == 1

    @property
    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    @property
    def complaints(self) -> str:
        status, text = self.get("/readyz")
        return text if status == 503 else ""

    def rest(self, rounds: int = 2) -> None:
        """Let it look a number of times more; it shows when it last did so by the second."""
        name = 'task_success_timestamp_seconds{task="certificates"}'
        for _ in range(rounds):
            before = self.metric(name)
            until(lambda before=before: self.metric(name) != before, "another round")

    @property
    def memory(self) -> float:
        """Its resident memory in MB."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.child.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024

    @property
    def cpu(self) -> float:
        """The seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def end(self) -> int:
        """End it as its pod is ended."""
        if self.child.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
