"""
What a run could leave behind on a machine, as it is now; two looks are compared.

Other programs go on meanwhile: of processes and control groups only what bears the mark of a run
counts, of everything else every difference.
Never here: removing anything.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.node import cgroups

MARK = "IRSA_NODE_RUN"
_NAMES = ("containerd", "runc", "kubelet", "kube", "cni", "buildah", "containers", "irsa", "netns")
_PLACES = ("/run", "/var/lib", "/var/log", "/var/tmp", "/var/cache", "/etc", "/opt", "/tmp")
_HOME = (".config", ".local/share")
_DEEP = ("/run/containerd", "/var/lib/containerd", "/var/lib/cni", "/etc/cni", "/run/netns")
_SETTINGS = ("vm", "kernel/panic*", "kernel/keys", "net/ipv4/ip_forward", "net/ipv4/conf/*")
# They count what happens, or are written to ask for something.
_VOLATILE = ("compact_memory", "drop_caches", "stat_refresh", "lowmem_reserve_ratio")
_NETWORK = (
    ["ip", "-oneline", "link", "show"],
    ["ip", "-oneline", "-4", "address", "show"],
    ["ip", "rule", "show"],
    ["ip", "-4", "route", "show", "table", "all"],
)


@dataclass(frozen=True, slots=True)
class Traces:
    """One look: everything as lines of text."""

    lines: frozenset[str]

    @classmethod
    def look(cls) -> "Traces":
        """The machine as it is now."""
        looks = (_mounts, _network, _rules, _groups, _processes, _files, _settings)
        return cls(frozenset(line for look in looks for line in look()))

    def differences(self, before: "Traces") -> list[str]:
        """What is new, and what is gone."""
        new = [f"new: {line}" for line in sorted(self.lines - before.lines)]
        return new + [f"gone: {line}" for line in sorted(before.lines - self.lines)]


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _id, _parent, *rest = line.split()
        yield f"mount {' '.join(rest)}"


def _network() -> Iterator[str]:
    for command in _NETWORK:
        for line in _output(command).splitlines():
            yield f"network: {line}"


def _rules() -> Iterator[str]:
    """The packet filter, without its counters and handles."""
    listing = json.loads(_output(["nft", "--json", "list", "ruleset"]) or '{"nftables": []}')
    for entry in listing["nftables"]:
        if "metainfo" not in entry:
            yield f"packet filter: {json.dumps(_still(entry), sort_keys=True)}"


def _still(value: object) -> object:
    """A rule without what changes by itself."""
    if isinstance(value, list):
        return [_still(each) for each in value]
    if isinstance(value, dict):
        return {
            key: _still(each)
            for key, each in value.items()
            if key not in ("packets", "bytes", "handle")
        }
    return value


def _groups() -> Iterator[str]:
    names = {path.name for path in cgroups.ROOT.glob("**/irsa-node-*")}
    for name in names:
        for group in cgroups.of(name):
            yield f"control group {group}"


def _processes() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"{MARK}=".encode() in (process / "environ").read_bytes()
        except OSError:
            continue
        if marked and int(process.name) != os.getpid():
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            yield f"process {process.name}: {command}"


def _files() -> Iterator[str]:
    for place in (*map(Path, _PLACES), *(Path.home() / each for each in _HOME)):
        for path in place.iterdir() if place.is_dir() else ():
            if any(name in path.name for name in _NAMES):
                yield f"file {path}"
    for place in _DEEP:
        for directory, _, names in os.walk(place):
            yield from (f"file {directory}/{name}" for name in names)


def _settings() -> Iterator[str]:
    root = Path("/proc/sys")
    for pattern in _SETTINGS:
        for path in root.glob(pattern):
            for file in path.iterdir() if path.is_dir() else (path,):
                if file.is_file() and file.name not in _VOLATILE:
                    yield f"setting {file}: {_read(file)}"


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
