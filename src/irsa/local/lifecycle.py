"""
A rig's beginning and end.

Never here: what is printed.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import signal
import string
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from irsa import files
from irsa.errors import RigError, excerpt
from irsa.local import binaries, controlplane, network, pki, processes, supervisor
from irsa.local.binaries import Binaries, Step
from irsa.local.delays import NONE, Delays, DelaysFile, parse
from irsa.local.processes import Identity
from irsa.local.rig import DEFAULT_ACCOUNT, DEFAULT_REGION, Rig, Server, Spec, no_such_rig

TRIES = 3
STOP_WITHIN = 20.0
CLASH = "address already in use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What a new rig shall be like.

    Args:
        api_servers: How many; 0 for AWS alone.
        kubernetes: Version of Kubernetes; None for what this machine has, else our default.
        view: How containers see their mounts: `auto`, `namespaces` or `rewritten`.
        delays: How late AWS sees things.
        lifeline: The number of a process that the rig ends with; 0 for none.
    """

    api_servers: int = 1
    kubernetes: str | None = None
    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    view: str = "auto"
    delays: Delays = NONE
    lifeline: int = 0


class StartError(RigError):
    """
    A rig did not come up, and was taken down again.

    Args:
        tail: The end of the log of what failed.
    """

    def __init__(self, message: str, *, tail: str) -> None:
        super().__init__(message)
        self.tail = tail


def up(rig: Rig, wish: Wish, *, step: Step) -> bool:
    """
    Bring a rig up; False if it was up already.

    Whatever goes wrong, an interrupt too, nothing is left of it.

    Raises:
        StartError: A part of it failed.
        RigError: There are no programs for it, it is being brought up by somebody else, it is up
            without what is wished for, or its directory cannot be written.
    """
    with _written(rig), _locked(rig):
        if rig.running():
            _check_present(rig, wish)
            return False
        _remove(rig)
        found = binaries.find(wish.kubernetes, step=step) if wish.api_servers else None
        with step(f"start rig {rig.name}: {_parts(wish, found)}"):
            _start(rig, wish, found)
        return True


def _check_present(rig: Rig, wish: Wish) -> None:
    if wish.api_servers and not rig.spec().servers:
        raise RigError(
            f"rig {rig.name} is up with AWS alone",
            hint=f"irsa local down --name {rig.name}, or take another --name",
        )
    if wish.delays != NONE:
        DelaysFile(rig.aws).write(wish.delays)


def _parts(wish: Wish, found: Binaries | None) -> str:
    if found is None:
        return f"AWS {wish.account} in {wish.region}"
    servers = "" if wish.api_servers == 1 else f" with {wish.api_servers} API servers"
    return f"Kubernetes {found.version}{servers}, and AWS"


def down(rig: Rig) -> bool:
    """
    End a rig and remove all of it; False if there was none.

    Raises:
        RigError: It does not end.
    """
    if not (rig.directory.exists() or _lock_file(rig).exists()):
        return False
    with _written(rig), _locked(rig):
        existed = rig.directory.exists()
        _remove(rig)
        _lock_file(rig).unlink(missing_ok=True)
    return existed


def delay(rig: Rig, settings: Iterable[str]) -> Delays:
    """
    Put settings of delays over those of a rig that is up; all of them as they are now.

    Raises:
        RigError: It is not up.
        InputError: A setting is none.
    """
    if not rig.running():
        raise no_such_rig(rig.name)
    file = DelaysFile(rig.aws)
    delays = parse(settings, file())
    file.write(delays)
    return delays


def _start(rig: Rig, wish: Wish, found: Binaries | None) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            with _removed_on_failure(rig):
                _prepare(rig, wish, found)
                _supervise(rig)
        except StartError as error:
            # Somebody took one of our ports between our look and our use of it.
            if CLASH not in error.tail or attempt == TRIES:
                raise
        else:
            return


@contextlib.contextmanager
def _removed_on_failure(rig: Rig) -> Iterator[None]:
    try:
        yield
    except BaseException:
        _remove(rig)
        raise


def _prepare(rig: Rig, wish: Wish, found: Binaries | None) -> None:
    """Everything on disk, before anything runs."""
    for directory in (rig.directory, rig.logs, rig.aws):
        directory.mkdir(mode=0o700)
    _prepare_aws(rig, wish)
    if found is None:
        rig.keep_spec(
            Spec(
                name=rig.name,
                account=wish.account,
                region=wish.region,
                lifeline=wish.lifeline,
            )
        )
    else:
        _prepare_kubernetes(rig, wish, found)


def _prepare_aws(rig: Rig, wish: Wish) -> None:
    credentials = {"accessKeyId": _access_key(), "secretAccessKey": secrets.token_urlsafe(30)}
    data = json.dumps(credentials).encode()
    files.write_atomic(rig.aws / "credentials.json", data, mode=files.SECRET_MODE)
    DelaysFile(rig.aws).write(wish.delays)


def _prepare_kubernetes(rig: Rig, wish: Wish, found: Binaries) -> None:
    found.link_into(rig.directory / "bin")
    spec = _spec(rig, wish, found)
    rig.keep_spec(spec)
    pki.make(rig, spec)
    for server in spec.servers:
        directory = rig.node(server.name) / "etc/kubernetes/manifests"
        directory.mkdir(mode=0o700)
        manifest = controlplane.apiserver_manifest(spec, server)
        files.write_atomic(directory / "kube-apiserver.yaml", manifest.encode(), mode=0o600)
    first = rig.node(spec.servers[0].name) / "etc/kubernetes/manifests"
    manifest = controlplane.controller_manager_manifest(spec)
    files.write_atomic(first / "kube-controller-manager.yaml", manifest.encode(), mode=0o600)


def _spec(rig: Rig, wish: Wish, found: Binaries) -> Spec:
    client, peer, *ports = network.free_ports(2 + wish.api_servers)
    servers = tuple(Server(name=f"cp-{i}", port=port) for i, port in enumerate(ports, start=1))
    return Spec(
        name=rig.name,
        account=wish.account,
        region=wish.region,
        kubernetes=found.version,
        binaries=str(rig.directory / "bin"),
        address=network.own_address(),
        servers=servers,
        etcd_ports=(client, peer),
        view=wish.view,
        lifeline=wish.lifeline,
    )


def _access_key() -> str:
    letters = string.ascii_uppercase + "234567"
    return "AKIA" + "".join(secrets.choice(letters) for _ in range(16))


def _supervise(rig: Rig) -> None:
    """Start the supervisor and wait until it says that everything is up."""
    with (rig.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "irsa.local.supervisor", str(rig.directory), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=supervisor.environment(os.environ),
            start_new_session=True,
        )
    try:
        while not rig.ready.exists():
            if process.poll() is not None:
                raise _failure(rig)
            time.sleep(0.02)
    except BaseException:
        process.terminate()
        process.wait(STOP_WITHIN)
        raise


def _failure(rig: Rig) -> StartError:
    try:
        failure = json.loads((rig.directory / "failure.json").read_text())
    except (OSError, ValueError):
        failure = {"message": "its supervisor ended", "log": str(rig.logs / "supervisor.log")}
    message = f"rig {rig.name} did not come up: {failure['message']}"
    return StartError(message, tail=processes.tail(Path(failure["log"])))


def _remove(rig: Rig) -> None:
    """End what runs of a rig, and remove its directory."""
    identity = rig.supervisor() if rig.directory.exists() else None
    if identity is not None:
        _end(rig, identity)
    shutil.rmtree(rig.directory, ignore_errors=True)
    if rig.directory.exists():
        shutil.rmtree(rig.directory)


def _end(rig: Rig, identity: Identity) -> None:
    identity.signal(signal.SIGTERM)
    if not processes.wait_until_gone(identity, seconds=STOP_WITHIN):
        identity.signal(signal.SIGKILL)
    if not processes.wait_until_gone(identity, seconds=STOP_WITHIN):
        raise RigError(f"process {identity.pid} of rig {rig.name} does not end")


def _lock_file(rig: Rig) -> Path:
    return rig.directory.with_name(f".{rig.name}.lock")


@contextlib.contextmanager
def _written(rig: Rig) -> Iterator[None]:
    """What the disk refuses, said of the rig."""
    try:
        yield
    except OSError as error:
        # A copied directory's errors come as one, without a number: the first says it.
        reason = error.strerror or error.args[0][0][-1]
        raise RigError(
            f"cannot keep rig {rig.name} in {rig.directory.parent}: {excerpt(reason).lower()}",
            hint="XDG_STATE_HOME names another directory; a rig takes some 100 MB",
        ) from error


@contextlib.contextmanager
def _locked(rig: Rig) -> Iterator[None]:
    """One command at a time works on a rig."""
    file = _lock_file(rig)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # `down` removes the file: a lock on one that is gone keeps nobody out.
            current = file.exists() and os.path.samestat(file.stat(), os.fstat(lock.fileno()))
        except BlockingIOError:
            current = False
        if not current:
            raise RigError(
                f"another `irsa local` is at work on rig {rig.name}",
                hint="wait for it, or interrupt it",
            )
        yield
