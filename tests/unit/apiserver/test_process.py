"""The API server's process, found by its address."""

from irsa.apiserver import flags, process

WRITTEN = flags.parse(
    ("kube-apiserver", "--advertise-address=10.0.0.1", "--secure-port=6443", "--x=/etc/a"), "test"
)


def _process(proc, pid, command, *, began=1):
    directory = proc / str(pid)
    directory.mkdir()
    (directory / "cmdline").write_bytes(b"".join(part.encode() + b"\0" for part in command))
    fields = " ".join(["S", *["0"] * 18, str(began), "0"])
    (directory / "stat").write_text(f"{pid} (kube (api) server) {fields}\n")


def _running(proc, root):
    found = process.running_flags(WRITTEN, root=root, proc=proc)
    return {flag.name: flag.value for flag in found}


def _command(*more, port="6443"):
    return (
        "/usr/bin/kube-apiserver",
        "--advertise-address=10.0.0.1",
        f"--secure-port={port}",
        *more,
    )


def test_the_process_that_serves_there_is_found(tmp_path):
    """Others of the same name, at other ports, are not it."""
    _process(tmp_path, 1, _command("--x=/no", port="7443"))
    _process(tmp_path, 2, _command("--x=/yes"))
    _process(tmp_path, 3, ("sh", "-c", "kube-apiserver"))
    (tmp_path / "4").mkdir()
    assert _running(tmp_path, "/")["x"] == "/yes"


def test_the_newest_of_two_counts(tmp_path):
    """One may still be ending while the next begins."""
    _process(tmp_path, 9, _command("--x=/old"), began=5)
    _process(tmp_path, 8, _command("--x=/new"), began=6)
    assert _running(tmp_path, "/")["x"] == "/new"


def test_paths_below_the_root_read_as_on_the_node(tmp_path):
    """A process outside the node's file system sees longer paths."""
    root = tmp_path / "node"
    _process(tmp_path, 1, _command(f"--x={root}/etc/a"))
    assert (
        flags.differences(WRITTEN, process.running_flags(WRITTEN, root=root, proc=tmp_path)) == ()
    )


def test_no_process_is_no_flags(tmp_path):
    """Where nothing can be seen, nothing is told."""
    assert process.running_flags(WRITTEN, root=tmp_path, proc=tmp_path) == ()
