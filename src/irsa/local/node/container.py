"""
One container: a process that is started, watched, probed, started again and ended.

Never here: volumes, the API.
"""

import dataclasses
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa.errors import IrsaError
from irsa.local import processes
from irsa.local.node import probes
from irsa.local.node.clock import now
from irsa.local.node.environment import Missing
from irsa.local.node.health import Health, Track
from irsa.local.node.state import Snapshot, waiting
from irsa.local.processes import Program

FIRST_PAUSE, LONGEST_PAUSE = 0.3, 10.0
LONG_ENOUGH = 10.0
MESSAGE_LIMIT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """
    How a container is run.

    Args:
        spec: The container's spec.
        policy: `Always`, `OnFailure` or `Never`.
        prepare: Makes the program anew for each run; may raise.
        log: Where its output goes.
        message: The file of its termination message.
        address: The pod's address, for probes.
        sidecar: Whether it is an init container that goes on running.
    """

    spec: Mapping[str, Any]
    policy: str
    prepare: Callable[[], Program]
    log: Path
    message: Path
    address: str
    sidecar: bool = False


class Container:
    """
    A container and its runs.

    Args:
        changed: Called whenever its snapshot has changed.
    """

    def __init__(self, recipe: Recipe, changed: Callable[[], None]) -> None:
        self._recipe = recipe
        self._changed = changed
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        spec = recipe.spec
        self._snapshot = Snapshot(name=spec["name"], image=spec["image"])

    @property
    def snapshot(self) -> Snapshot:
        """What is known of it now."""
        return self._snapshot

    @property
    def sidecar(self) -> bool:
        """Whether it is an init container that goes on running."""
        return self._recipe.sidecar

    @property
    def pid(self) -> int | None:
        """The number of the process that runs now."""
        process = self._process
        return process.pid if process else None

    def wait_for(self, reason: str, message: str | None = None) -> None:
        """Say why it has not been started."""
        self._set(state=waiting(reason, message))

    def start(self) -> None:
        """Begin to run it, as often as its policy says."""
        if self._thread is None and not self._stop.is_set():
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def begin_stop(self, grace: float) -> None:
        """Begin to end it: its hook, SIGTERM, and after the grace SIGKILL. Does not wait."""
        self._stop.set()
        threading.Thread(target=self._end, args=(grace,), daemon=True).start()

    def join(self, seconds: float | None = None) -> bool:
        """Wait until no process of it runs and none will; False if that takes longer."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._stop.is_set() or not self._again(code):
                break
            pause = FIRST_PAUSE if time.monotonic() - began > LONG_ENOUGH else pause
            self._set(
                state=waiting("CrashLoopBackOff", f"back-off {pause:.1f}s restarting it"),
                last=self._snapshot.state,
                ready=False,
            )
            self._stop.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            self._set(restarts=self._snapshot.restarts + 1)
        self._set(finished=True, ready=False, started=False)

    def _again(self, code: int) -> bool:
        policy = self._recipe.policy
        return policy == "Always" or (policy == "OnFailure" and code != 0)

    def _run_once(self) -> int:
        started = now()
        program = self._prepared()
        if program is None:
            return 0
        try:
            self._recipe.message.write_bytes(b"")
            offset = self._recipe.log.stat().st_size if self._recipe.log.exists() else 0
            process = processes.launch(program, log=self._recipe.log)
        except OSError as error:
            self._ended(128, started, message=str(error))
            return 128
        with self._lock:
            self._process = process
            if self._stop.is_set():
                process.kill()
        code = self._watched(process, started)
        self._process = None
        self._ended(code, started, message=self._last_words(code, offset))
        return code

    def _prepared(self) -> Program | None:
        """The program; None if it was stopped while something was missing."""
        while not self._stop.is_set():
            try:
                return self._recipe.prepare()
            except Missing as error:
                self.wait_for("CreateContainerConfigError", str(error))
            except (IrsaError, OSError) as error:
                self.wait_for("CreateContainerError", str(error))
            self._stop.wait(FIRST_PAUSE)
        return None

    def _watched(self, process: "subprocess.Popen[bytes]", started: str) -> int:
        health = Health(self._recipe.spec, time.monotonic())
        self._show(health, started)
        self._hook("postStart")
        while process.poll() is None:
            track = health.next()
            if track is None:
                return process.wait()
            try:
                return process.wait(max(0.0, track.due - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._look(health, track)
            self._show(health, started)
            if health.must_restart and not self._stop.is_set():
                self._terminate(process, self._grace())
        return process.wait()

    def _look(self, health: Health, track: Track) -> None:
        assert track.probe is not None  # noqa: S101 # Health hands out only those with a probe
        success = self._passes(track.probe)
        health.note(track, success, now=time.monotonic())

    def _show(self, health: Health, started: str) -> None:
        stopping = self._stop.is_set()
        self._set(
            state={"running": {"startedAt": started}},
            started=health.started,
            ready=health.ready and not stopping,
        )

    def _passes(self, probe: Mapping[str, Any]) -> bool:
        recipe = self._recipe
        return probes.passes(probe, recipe.spec, address=recipe.address, run=self._exec)

    def _exec(self, command: Sequence[str], timeout: float) -> int:
        program = dataclasses.replace(self._recipe.prepare(), argv=command, supervise=True)
        process = processes.launch(program, log=self._recipe.log)
        try:
            return process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._terminate(process, 0)
            return -1

    def _hook(self, name: str, *, seconds: float = 30.0) -> None:
        hook = (self._recipe.spec.get("lifecycle") or {}).get(name)
        if not hook:
            return
        if "sleep" in hook:
            time.sleep(min(float(hook["sleep"]["seconds"]), seconds))
        else:
            self._passes({**hook, "timeoutSeconds": seconds})

    def _end(self, grace: float) -> None:
        with self._lock:
            process = self._process
        if process is None:
            return
        began = time.monotonic()
        self._changed()
        if grace > 0:
            self._hook("preStop", seconds=grace)
        self._terminate(process, max(0.0, grace - (time.monotonic() - began)))

    def _terminate(self, process: "subprocess.Popen[bytes]", grace: float) -> None:
        if grace > 0:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
        else:
            process.kill()
        process.wait()

    def _grace(self) -> float:
        return float(self._recipe.spec.get("terminationGracePeriodSeconds") or 10)

    def _ended(self, code: int, started: str, *, message: str) -> None:
        code = code if code >= 0 else 128 - code
        terminated = {
            "exitCode": code,
            "reason": "Completed" if code == 0 else "Error",
            "startedAt": started,
            "finishedAt": now(),
        }
        if message:
            terminated["message"] = message
        done = self._stop.is_set() or not self._again(code)
        self._set(state={"terminated": terminated}, ready=False, started=False, finished=done)

    def _last_words(self, code: int, offset: int) -> str:
        recipe = self._recipe
        text = recipe.message.read_bytes() if recipe.message.exists() else b""
        wanted = recipe.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError"
        if not text and code != 0 and wanted:
            with recipe.log.open("rb") as log:
                log.seek(max(offset, recipe.log.stat().st_size - MESSAGE_LIMIT // 2))
                text = log.read()
        return text[:MESSAGE_LIMIT].decode(errors="replace")

    def _set(self, **changes: Any) -> None:
        with self._lock:
            fresh = dataclasses.replace(self._snapshot, **changes)
            if fresh == self._snapshot:
                return
            self._snapshot = fresh
        self._changed()
