"""The local AWS as a process: ready when it says so, gone when it is told."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.aws.local_account import ACCOUNT, ADMIN

BASE = [sys.executable, "-m", "irsa.local.aws", "--account", ACCOUNT, "--region", "eu-west-1"]


@pytest.fixture(name="directory")
def _directory(tmp_path):
    keys = {"accessKeyId": ADMIN[0], "secretAccessKey": ADMIN[1]}
    (tmp_path / "credentials.json").write_text(json.dumps(keys))
    return tmp_path


def _until(condition, what, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(name="process")
def _process(directory):
    with subprocess.Popen([*BASE, "--directory", str(directory)]) as process:
        _until((directory / "ready.json").exists, "not ready")
        yield process
        process.kill()


def _cli(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    ready = json.loads((directory / "ready.json").read_text())
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "HTTPS_PROXY": ready["proxy"],
        "AWS_CA_BUNDLE": ready["ca"],
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": ADMIN[0],
        "AWS_SECRET_ACCESS_KEY": ADMIN[1],
        **more,
    }
    program = str(Path(sys.executable).with_name("aws"))
    return subprocess.run(
        [program, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_it_says_where_it_listens(directory, process):
    """ready.json, whole from the first moment on."""
    ready = json.loads((directory / "ready.json").read_text())
    assert ready["pid"] == process.pid
    assert ready["proxy"].startswith("http://127.0.0.1:")


def test_it_listens_where_it_is_told(directory):
    """For pods, which cannot reach this machine's loopback, an address of their network."""
    arguments = ["--directory", str(directory), "--address", "127.0.0.2"]
    with subprocess.Popen([*BASE, *arguments]) as process:
        _until((directory / "ready.json").exists, "not ready")
        ready = json.loads((directory / "ready.json").read_text())
        process.kill()
    assert ready["proxy"].startswith("http://127.0.0.2:")
    assert Path(ready["ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert Path(ready["log"]).exists()


@pytest.mark.usefixtures("process")
def test_the_aws_cli_works_through_it(directory):
    """Who am I, a bucket, an object there and back, and a refusal."""
    identity = json.loads(_cli(directory, "sts", "get-caller-identity").stdout)
    assert identity["Account"] == ACCOUNT
    assert _cli(directory, "s3", "mb", "s3://cli-bucket").returncode == 0
    source, back = directory / "source", directory / "back"
    source.write_bytes(os.urandom(9 << 20))  # large enough for parts
    assert _cli(directory, "s3", "cp", str(source), "s3://cli-bucket/a/b").returncode == 0
    assert _cli(directory, "s3", "cp", "s3://cli-bucket/a/b", str(back)).returncode == 0
    assert back.read_bytes() == source.read_bytes()
    shut = _cli(directory, "s3", "cp", "s3://cli-bucket/a/b", "-", "--no-sign-request")
    assert (shut.returncode, "403" in shut.stderr) == (1, True)
    assert _cli(directory, "s3", "rb", "--force", "s3://cli-bucket").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_told(directory, process, number):
    """With 0, and ready.json is gone."""
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    assert not (directory / "ready.json").exists()


def test_it_ends_with_its_parent(directory):
    """Even if the parent is killed."""
    command = [*BASE, "--directory", str(directory), "--die-with-parent"]
    script = f"import subprocess, time; subprocess.Popen({command!r}); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script]) as parent:
        _until((directory / "ready.json").exists, "not ready")
        pid = json.loads((directory / "ready.json").read_text())["pid"]
        parent.kill()
        parent.wait()
    _until(lambda: not _alive(pid), "still alive")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--account": "12"}, "not an AWS account"),
        ({"--region": "mars-1"}, "not the name of an AWS region"),
        ({"--directory": "/nowhere"}, "cannot read /nowhere/credentials.json"),
    ],
    ids=["account", "region", "directory"],
)
def test_wrong_arguments_are_named(directory, changes, words):
    """One line, and the exit code of bad input."""
    arguments = {"--account": ACCOUNT, "--region": "eu-west-1", "--directory": str(directory)}
    flat = [part for pair in (arguments | changes).items() for part in pair]
    done = subprocess.run(
        [*BASE[:3], *flat], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, words in done.stderr) == (65, True)
    assert "Traceback" not in done.stderr
