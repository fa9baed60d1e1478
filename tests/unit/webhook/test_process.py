"""The serving process as it is started: what it imports, logs, and how it ends."""

import asyncio
import json
import logging
import signal
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irsa.cli import main
from irsa.injection.grants import Defaults
from irsa.kube.stream import Event, Piece
from irsa.tls.context import server_context
from irsa.webhook import process
from irsa.webhook.expiry import certificate_expiry
from irsa.webhook.process import Certificate, Options

# What the process has no use for, and what that would bring along.
HEAVY = (
    *("cryptography", "httpx", "boto3", "botocore", "jwt", "moto", "uvicorn", "aiohttp"),
    *("typer", "click", "rich", "ruamel", "pydantic", "prometheus_client"),
    *("tempfile", "shutil", "lzma", "difflib", "hashlib", "http", "email", "_strptime"),
    *("logging.config", "importlib.metadata", "multiprocessing", "xml", "unittest"),
)
MODULES = 250
KUBECONFIG = {
    "current-context": "nowhere",
    "contexts": [{"name": "nowhere", "context": {"cluster": "nowhere", "user": "nobody"}}],
    "clusters": [{"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "nobody", "user": {"token": "t0ken-of-nobody"}}],
}


@pytest.fixture(name="started")
def _started(files: Any, tmp_path: Path) -> Iterator[subprocess.Popen]:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(KUBECONFIG))
    command = [sys.executable, "-X", "importtime", "-m", "irsa", "webhook", "--host", "127.0.0.1"]
    command += ["--port", "0"]
    command += ["--tls-cert", str(files.cert), "--tls-key", str(files.key)]
    child = subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig)], stderr=subprocess.PIPE, text=True
    )
    yield child
    child.kill()
    child.communicate()


def port_of(child: subprocess.Popen, imported: list[str] | None = None) -> int:
    """The port that the process says it listens on; what it imports until then is added."""
    for line in child.stderr:
        if line.startswith("import time:"):
            (imported if imported is not None else []).append(line.rpartition("|")[2].strip())
            continue
        message = json.loads(line)["message"]
        if message.startswith("listening on port "):
            return int(message.rpartition(" ")[2])
    raise AssertionError("it ended without listening")


def test_serving_process_imports_nothing_heavy(started: subprocess.Popen) -> None:
    """Memory and start stay small: no certificates, no AWS, no YAML, no command line's library."""
    imported: list[str] = []
    port_of(started, imported)
    heavy = {name for name in imported if name in HEAVY or name.partition(".")[0] in HEAVY}
    assert heavy == set()
    assert len(set(imported)) <= MODULES


def test_started_process_answers_logs_and_ends(
    started: subprocess.Popen, files: Any, review: Callable[..., bytes]
) -> None:
    """It serves, logs each review as one JSON line without the pod in it, and ends with 0."""
    port = port_of(started)

    async def ask() -> int:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=files.client(), server_hostname="localhost"
        )
        spec = {"containers": [{"name": "a", "env": [{"name": "S", "value": "s3cret"}]}]}
        body = review(object={"metadata": {"name": "web-1"}, "spec": spec})
        head = b"POST /mutate?timeout=1s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        status = int((await reader.read()).split()[1])
        writer.close()
        await writer.wait_closed()
        return status

    assert asyncio.run(ask()) == 200
    started.send_signal(signal.SIGTERM)
    _, log = started.communicate(timeout=30)
    assert started.returncode == 0
    lines = [json.loads(line) for line in log.splitlines() if not line.startswith("import ")]
    [line] = [line for line in lines if line["message"] == "review"]
    assert (line["outcome"], line["pod"], line["namespace"]) == ("failed", "web-1", "shop")
    assert "s3cret" not in log
    assert "t0ken" not in log


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tls-cert", "missing.crt", "--tls-key", "missing.key"], "missing.crt"),
        (["--allowed-account", "12"], "'12' is not an AWS account number"),
        (["--allowed-role", "shop"], "'shop' is not NAMESPACE=ARN"),
        (["--token-mount-path", "tokens"], "'tokens' is not an absolute path"),
        (["--compose-role-arn=true"], "does not know in which account"),
        (["--in-cluster"], "is not followed here"),
    ],
    ids=["certificate", "account", "role", "mount", "compose", "in-cluster"],
)
def test_wrong_options_are_explained(
    arguments: list[str], message: str, files: Any, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """What cannot be used is named, with exit code 65."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(KUBECONFIG))
    given = ["--tls-cert", str(files.cert), "--tls-key", str(files.key), *arguments]
    assert main(["webhook", *given, "--kubeconfig", str(kubeconfig), "--port", "0"]) == 65
    assert message in capsys.readouterr().err


def test_outside_of_a_pod_it_says_what_is_missing(
    files: Any, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a kubeconfig it wants to be in a pod."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    code = main(["webhook", "--tls-cert", str(files.cert), "--tls-key", str(files.key)])
    assert code == 65
    message = capsys.readouterr().err
    assert "KUBERNETES_SERVICE_HOST" in message
    assert "--kubeconfig" in message


def test_new_certificate_is_noticed(
    files: Any, until: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A renewed file is loaded; one that does not fit is told once, and the old one serves on."""
    monkeypatch.setattr(process, "RELOAD_PERIOD", 0.01)
    caplog.set_level(logging.INFO, logger="irsa")
    options = Options(cert_file=files.cert, key_file=files.key, port=0, defaults=None)

    async def test() -> None:
        context = server_context(files.cert, files.key)
        certificate = Certificate(context, options)
        task = asyncio.create_task(certificate.run())
        files.cert.write_text("nonsense")
        await until(lambda: "not usable" in caplog.text)
        files.issue()
        await until(lambda: "serving with a new certificate" in caplog.text)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert certificate.expiry == certificate_expiry(files.cert.read_text())
        assert caplog.text.count("not usable") == 1

    asyncio.run(test())


def test_certificate_that_seems_to_have_ended_is_taken_if_it_ends_later(
    files: Any, until: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By a clock that is ahead every certificate has ended, and the newest is the best."""
    monkeypatch.setattr(process, "RELOAD_PERIOD", 0.01)
    caplog.set_level(logging.INFO, logger="irsa")
    now = datetime.now(UTC)

    async def test() -> None:
        files.issue(now=now - timedelta(days=60))
        context = server_context(files.cert, files.key)
        options = Options(cert_file=files.cert, key_file=files.key, port=0, defaults=None)
        task = asyncio.create_task(Certificate(context, options).run())
        files.issue(now=now - timedelta(days=40))
        await until(lambda: "serving with a new certificate" in caplog.text)
        files.issue(now=now - timedelta(days=50))
        await until(lambda: "ended on" in caplog.text)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(test())
    assert caplog.text.count("serving with a new certificate") == 1


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (RuntimeError("unable to perform operation on <TCP>; the handler is closed"), "DEBUG"),
        (ConnectionResetError(), "DEBUG"),
        (ssl.SSLError("bad record"), "DEBUG"),
        (RuntimeError("a fault"), "ERROR"),
        (AttributeError("a fault"), "ERROR"),
        (OSError(24, "too many open files"), "ERROR"),
        (None, "ERROR"),
    ],
    ids=repr,
)
def test_given_up_connection_is_no_noise(
    error: Exception | None, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A read that is cancelled in the middle of a handshake; faults are told all the same."""
    caplog.set_level(logging.DEBUG, logger="irsa")
    process.note_stray(None, {"message": "Fatal error on SSL protocol", "exception": error})
    assert [record.levelname for record in caplog.records] == [level]


class Quiet:
    """An API server without ServiceAccounts, where nothing happens."""

    async def list_pieces(self, _path: str, **_options: object) -> AsyncIterator[Piece]:
        yield Piece("1", [])

    async def watch(self, _path: str, _version: str, **_options: object) -> AsyncIterator[Event]:
        await asyncio.Event().wait()
        yield  # type: ignore[misc] # never reached; it makes this a generator

    async def close(self) -> None:
        pass


def test_memory_is_seen_to_before_and_after_the_list(
    files: Any, until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector is told to look rarely, and what the list took is given back."""
    done: list[str] = []
    monkeypatch.setattr(process, "SETTLING", 0.0)
    monkeypatch.setattr(process.memory, "prepare", lambda: done.append("prepared"))
    monkeypatch.setattr(process.memory, "settle", lambda: done.append("settled"))
    options = Options(
        cert_file=files.cert, key_file=files.key, port=0, host="127.0.0.1", defaults=Defaults()
    )

    async def test() -> None:
        serving = asyncio.create_task(process.serve(Quiet(), options))
        await until(lambda: "settled" in done)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    asyncio.run(test())
    assert done == ["prepared", "settled"]
