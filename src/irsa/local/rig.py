"""
A rig as it lies on disk: where everything is, what was asked for, what runs.

Never here: starting and stopping.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import platformdirs

from irsa import files
from irsa.errors import InputError, RigError
from irsa.local.node.agent import static_pids
from irsa.local.processes import Identity

DEFAULT_ACCOUNT = "111122223333"
DEFAULT_REGION = "eu-west-1"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One API server and its node."""

    name: str
    port: int

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"https://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """
    What a rig consists of.

    Args:
        kubernetes: Version of Kubernetes, such as `v1.36.3`; empty if there is none, AWS alone.
        binaries: Directory with etcd, kube-apiserver and kube-controller-manager.
        address: The machine's own address, which nodes and pods have.
        servers: None where there is AWS alone.
        etcd_ports: For clients and for peers.
        view: How containers see their mounts: `auto`, `namespaces` or `rewritten`.
        lifeline: The number of the process that the rig ends with; 0 if it waits to be ended.
    """

    name: str
    account: str
    region: str
    kubernetes: str = ""
    binaries: str = ""
    address: str = ""
    servers: tuple[Server, ...] = ()
    etcd_ports: tuple[int, int] = (0, 0)
    view: str = "auto"
    lifeline: int = 0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """A spec as it was stored."""
        servers = tuple(Server(**each) for each in data["servers"])
        ports = (int(data["etcd_ports"][0]), int(data["etcd_ports"][1]))
        return cls(**{**data, "servers": servers, "etcd_ports": ports})


@dataclass(frozen=True, slots=True)
class Rig:
    """A rig's directory."""

    directory: Path

    @classmethod
    def named(cls, name: str) -> "Rig":
        """
        The rig of a name, whether it exists or not.

        Raises:
            InputError: The name cannot be one.
        """
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be the name of a rig",
                hint="lower-case letters, digits and dashes, at most 40",
            )
        return cls(rigs_directory() / name)

    @property
    def name(self) -> str:
        """Its name."""
        return self.directory.name

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.directory / "kubeconfig"

    @property
    def authority(self) -> Path:
        """The authority of every API server's certificate."""
        return self.directory / "pki/ca.crt"

    @property
    def aws(self) -> Path:
        """The directory of the AWS process."""
        return self.directory / "aws"

    @property
    def logs(self) -> Path:
        """The directory of the logs of what the supervisor starts."""
        return self.directory / "logs"

    @property
    def ready(self) -> Path:
        """The file that says that all of it is up."""
        return self.directory / "ready.json"

    def node(self, name: str) -> Path:
        """The directory of a node."""
        return self.directory / "nodes" / name

    def server_log(self, name: str) -> Path:
        """The newest log of the API server of a node; it may not exist."""
        return self.component_log(name, "kube-apiserver")

    def component_log(self, node: str, component: str) -> Path:
        """The newest log of a static pod's container; it may not exist."""
        found = self.node(node).glob(f"var/log/pods/kube-system_*/{component}.log")
        newest = sorted(found, key=lambda path: path.stat().st_mtime)
        return newest[-1] if newest else self.logs / f"{component}.log"

    def spec(self) -> Spec:
        """
        What it consists of.

        Raises:
            RigError: There is no such rig.
        """
        data = self._json("rig.json")
        if data is None:
            raise no_such_rig(self.name)
        return Spec.from_json(data)

    def keep_spec(self, spec: Spec) -> None:
        """Store what it consists of."""
        files.write_atomic(self.directory / "rig.json", json.dumps(asdict(spec)).encode())

    def supervisor(self) -> Identity | None:
        """The supervisor, if it lives."""
        data = self._json("supervisor.json")
        identity = Identity(**data) if data else None
        return identity if identity and identity.alive() else None

    def keep_supervisor(self, identity: Identity) -> None:
        """Store who supervises it."""
        data = json.dumps(asdict(identity)).encode()
        files.write_atomic(self.directory / "supervisor.json", data)

    def running(self) -> bool:
        """Whether it is up."""
        return self.ready.exists() and self.supervisor() is not None

    def server_pid(self, name: str) -> int | None:
        """The process of a node's API server now."""
        try:
            pids = json.loads(static_pids(self.node(name)).read_text())
        except (OSError, ValueError):
            return None
        pid = pids.get("kube-apiserver")
        return pid if pid is not None and Identity.of(pid) else None

    def aws_ready(self) -> Mapping[str, Any] | None:
        """What the AWS process says of itself once it listens."""
        found: Mapping[str, Any] | None = self._json("aws/ready.json")
        return found

    def credentials(self) -> tuple[str, str]:
        """The administrator's access key and its secret."""
        data = self._json("aws/credentials.json")
        if data is None:
            raise no_such_rig(self.name)
        return data["accessKeyId"], data["secretAccessKey"]

    def _json(self, path: str) -> Any:
        try:
            return json.loads((self.directory / path).read_text())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RigError(
                f"rig {self.name} is damaged: {self.directory / path}: {error}",
                hint=f"irsa local down --name {self.name}",
            ) from error


def rigs_directory() -> Path:
    """Where all rigs of this user are kept."""
    return Path(platformdirs.user_state_dir("irsa")) / "rigs"


def no_such_rig(name: str) -> RigError:
    """There is no rig of that name, or it is not up."""
    return RigError(
        f"there is no rig {name!r} up on this machine", hint=f"irsa local up --name {name}"
    )
