"""Programs are started as asked, and end with whoever started them."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from irsa.local import processes
from irsa.local.processes import Identity, Mount, Program

PATH = {"PATH": "/usr/bin:/bin"}
SECONDS = 20.0


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + SECONDS
    while Identity.of(pid) is not None:
        assert time.monotonic() < deadline, f"process {pid} does not end"
        time.sleep(0.01)


def run(program: Program, log: Path) -> tuple[int, str]:
    log.write_bytes(b"")
    process = processes.launch(program, log=log)
    return process.wait(SECONDS), log.read_text()


def shell(script: str, **more: object) -> Program:
    return Program(argv=["sh", "-c", script], environment=PATH, **more)  # type: ignore[arg-type]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty directory for a view of the files, where the system allows one."""
    directory = tmp_path / "root"
    directory.mkdir()
    trial = Program(argv=["/bin/true"], environment={}, root=directory)
    if processes.launch(trial, log=tmp_path / "trial").wait(SECONDS) != 0:
        pytest.skip("this system allows no mount namespaces")
    return directory


@pytest.mark.parametrize("supervise", [False, True])
def test_exit_code_and_environment(tmp_path: Path, supervise: bool) -> None:
    """A program gets exactly its environment, and its exit code comes back."""
    program = shell("env; exit 7", supervise=supervise)
    code, text = run(program, tmp_path / "log")
    names = {line.partition("=")[0] for line in text.splitlines()}
    assert code == 7
    assert names <= {"PATH", "PWD", "_", "SHLVL", "OLDPWD"}


@pytest.mark.parametrize(
    ("argv", "code"),
    [(["/nonexistent"], 127), (["/etc/passwd"], 126), (["sh", "-c", "kill -9 $$"], 137)],
    ids=["not found", "not executable", "killed"],
)
def test_codes_of_programs_that_do_not_run(tmp_path: Path, argv: list[str], code: int) -> None:
    """The codes are those of a shell, and of Kubernetes."""
    program = Program(argv=argv, environment=PATH, supervise=True)
    assert run(program, tmp_path / "log")[0] == code


def test_secrets_are_in_no_argument_list(tmp_path: Path) -> None:
    """The environment travels where other users cannot read it."""
    program = Program(argv=["sleep", "60"], environment=PATH | {"KEY": "s3cret"})
    process = processes.launch(program, log=tmp_path / "log")
    try:
        assert b"s3cret" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert "s3cret" not in repr(program)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("apart", [False, True], ids=["plain", "namespaces"])
def test_what_is_left_behind_ends(tmp_path: Path, root: Path, apart: bool) -> None:
    """Processes that a program leaves in the background end with it."""
    mark = f"1{os.getpid()}{int(apart)}"
    script = f"setsid sleep {mark} & sleep 0"
    code, _ = run(shell(script, supervise=True, root=root if apart else None), tmp_path / "log")
    assert code == 0
    for pid in sleeping(mark.encode()):
        until_gone(pid)


def sleeping(seconds: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"sleep", seconds]:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("apart", [False, True], ids=["plain", "namespaces"])
@pytest.mark.parametrize("supervise", [False, True], ids=["direct", "supervised"])
def test_everything_ends_with_a_killed_parent(
    tmp_path: Path, root: Path, apart: bool, supervise: bool
) -> None:
    """When whoever started a program is killed, the program and its children end."""
    mark = f"2{os.getpid()}{int(apart)}{int(supervise)}"
    script = f"exec sleep {mark}" if not supervise else f"sleep {mark} & sleep {mark}"
    code = (
        "import sys, time; from pathlib import Path; from irsa.local.processes import *;"
        f"root = Path({str(root)!r}) if {apart} else None;"
        f"p = launch(Program(argv=['sh', '-c', {script!r}], environment={PATH!r},"
        f" supervise={supervise}, root=root), log=Path({str(tmp_path / 'log')!r}));"
        "time.sleep(1000)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + SECONDS
        while len(found := sleeping(mark.encode())) < (2 if supervise else 1):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        parent.kill()
        parent.wait()
    for pid in found:
        until_gone(pid)


def test_signals_reach_the_program(tmp_path: Path, root: Path) -> None:
    """SIGTERM arrives at the program inside its namespaces."""
    script = "trap 'exit 9' TERM; echo ready; sleep 1000 & wait"
    log = tmp_path / "log"
    process = processes.launch(shell(script, supervise=True, root=root), log=log)
    deadline = time.monotonic() + SECONDS
    while "ready" not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(SECONDS) == 9


def test_mounts_are_seen_at_their_paths(tmp_path: Path, root: Path) -> None:
    """Missing mount points appear for the program, and nowhere else."""
    source = tmp_path / "volume"
    source.mkdir()
    (source / "word").write_text("hello")
    targets = ("/var/run/secrets/some/where", "/nonexistent-dir/deep", str(tmp_path / "new"))
    mounts = tuple(Mount(source=source, target=target) for target in targets)
    script = "cat " + " ".join(f"{target}/word" for target in targets)
    assert run(shell(script, root=root, mounts=mounts), tmp_path / "log") == (0, "hello" * 3)
    assert not any(Path(target).exists() for target in targets)


def test_single_files_are_mounted(tmp_path: Path, root: Path) -> None:
    """A file over a path that does not exist, writable from inside."""
    message = tmp_path / "message"
    message.touch()
    mounts = (Mount(source=message, target="/dev/termination-log"),)
    run(shell("echo last > /dev/termination-log", root=root, mounts=mounts), tmp_path / "log")
    assert message.read_text() == "last\n"


def test_nested_mounts(tmp_path: Path, root: Path) -> None:
    """A mount inside another one is seen there."""
    for name in ("outer", "inner"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text(name)
    mounts = (
        Mount(source=tmp_path / "inner", target="/data/x"),
        Mount(source=tmp_path / "outer", target="/data"),
    )
    program = shell("cat /data/outer /data/x/inner", root=root, mounts=mounts)
    assert run(program, tmp_path / "log") == (0, "outerinner")


def test_kept_directories_stay_in_sight(tmp_path: Path, root: Path) -> None:
    """A mount over a directory that is needed does not hide it."""
    (tmp_path / "volume").mkdir()
    needed = tmp_path / "needed"
    needed.mkdir()
    (needed / "word").write_text("here")
    mounts = (Mount(source=tmp_path / "volume", target=str(tmp_path.parent)),)
    program = shell(f"cat {needed}/word", root=root, mounts=mounts, kept=(needed,))
    assert run(program, tmp_path / "log") == (0, "here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_ordinary_users_see_their_mounts_too() -> None:
    """The same works for a user without any privilege."""
    interpreter, setpriv = "/usr/bin/python3", shutil.which("setpriv")
    if not (Path(interpreter).exists() and setpriv):
        pytest.skip("no interpreter that everybody may run, or no setpriv")
    home = Path("/var/tmp") / f"irsa-test-{os.getpid()}"  # pytest's own is for its user only
    shutil.copytree(Path(processes.__file__).parent, home / "local", ignore=_only_two)
    try:
        for name in ("root", "volume"):
            (home / name).mkdir()
        (home / "volume/word").write_text("hello")
        home.chmod(0o755)
        for path in (home, *home.iterdir()):
            os.chown(path, 65534, 65534)
        code = (
            f"import sys; sys.path.insert(0, {str(home / 'local')!r});"
            "from pathlib import Path; from processes import *;"
            f"home = Path({str(home)!r});"
            "mount = Mount(source=home / 'volume', target='/var/run/secrets/x', read_only=True);"
            "program = Program(argv=['sh', '-c', 'id -u; cat /var/run/secrets/x/word'],"
            "environment={'PATH': '/usr/bin:/bin'}, supervise=True, root=home / 'root',"
            "mounts=(mount,)); sys.exit(launch(program, log=home / 'log').wait())"
        )
        argv = [setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", interpreter, "-c"]
        ended = subprocess.run([*argv, code], cwd="/", check=False)
        text = (home / "log").read_text()
        if "cannot set up the mounts" in text:
            pytest.skip("this system allows ordinary users no namespaces")
        assert (ended.returncode, text) == (0, "65534\nhello")
    finally:
        shutil.rmtree(home)


def _only_two(_directory: str, names: list[str]) -> set[str]:
    return set(names) - {"enter.py", "processes.py"}


def test_identity_is_more_than_a_number() -> None:
    """A process that has ended is not mistaken for another one."""
    process = subprocess.Popen(["sleep", "60"])
    identity = Identity.of(process.pid)
    assert identity is not None
    assert identity.alive()
    process.kill()
    process.wait()
    assert not identity.alive()
    identity.signal(signal.SIGKILL)
    assert Identity.of(process.pid) is None


def test_tail_of_a_log(tmp_path: Path) -> None:
    """The last lines; nothing of a log that is not there."""
    log = tmp_path / "log"
    log.write_text("\n".join(str(number) for number in range(1000)) + "\n")
    assert processes.tail(log, lines=2) == "998\n999"
    assert processes.tail(tmp_path / "none") == ""
