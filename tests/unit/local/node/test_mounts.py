"""Where a container sees its volumes, and values rewritten where it cannot."""

from pathlib import Path

import pytest

from irsa.local.node.mounts import mounts, rewrite
from irsa.local.processes import Mount

MOUNTS = (
    Mount(source=Path("/rig/v1"), target="/var/run/secrets"),
    Mount(source=Path("/rig/v2"), target="/var/run/secrets/aws"),
)


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("/var/run/secrets/x", "/rig/v1/x"),
        ("/var/run/secrets", "/rig/v1"),
        ("/var/run/secrets/aws/token", "/rig/v2/token"),
        ("/var/run/secrets2/x", "/var/run/secrets2/x"),
        ("--file=/var/run/secrets/aws/token", "--file=/rig/v2/token"),
        ("key=/var/run/secrets/x", "key=/rig/v1/x"),
        ("cat /var/run/secrets/x", "cat /var/run/secrets/x"),
        ("", ""),
    ],
)
def test_values_that_begin_with_a_mount_path(text: str, real: str) -> None:
    """The longest mount path wins, alone or after `=`; anything else stays."""
    assert rewrite(text, MOUNTS) == real


def test_mounts_of_a_container(tmp_path: Path) -> None:
    """Each mount of a known volume, and the termination message at its path."""
    spec = {
        "volumeMounts": [
            {"name": "v", "mountPath": "/data/", "subPath": "a", "readOnly": True},
            {"name": "none", "mountPath": "/none"},
        ]
    }
    found = mounts(spec, {"v": tmp_path}, log=tmp_path / "message")
    assert found == (
        Mount(source=tmp_path / "a", target="/data", read_only=True),
        Mount(source=tmp_path / "message", target="/dev/termination-log"),
    )
