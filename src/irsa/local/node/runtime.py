"""
What this machine gives to a container: directories, image, variables, the program to start.

Never here: when it is started.
"""

import contextlib
import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irsa.kube.objects import Object
from irsa.local.node import environment, mounts, payload, volumes
from irsa.local.node.environment import Read
from irsa.local.node.images import Images
from irsa.local.node.mounts import View
from irsa.local.node.volumes import Source
from irsa.local.processes import Program

SOURCE = "kubernetes.io/config.source"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """
    The node that pods run on.

    Args:
        directory: What a hostPath of a static pod is relative to, and where everything is kept.
        address: The address of the node and of its pods.
        server: Host and port of the API server, as pods reach it.
    """

    name: str
    directory: Path
    address: str
    server: tuple[str, int]
    images: Images
    view: View


class Runtime:
    """The directories and programs of the pods of a node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    def volume(self, pod: Object, name: str) -> Path:
        """The directory of one volume of a pod."""
        return self._pod(pod) / "volumes" / name

    def log(self, pod: Object, container: str) -> Path:
        """Where the output of a container is kept."""
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        directory = self.node.directory / "var/log/pods" / name
        directory.mkdir(parents=True, exist_ok=True)
        return directory / f"{container}.log"

    def message(self, pod: Object, container: str) -> Path:
        """The file of a container's termination message."""
        return self._container(pod, container) / "message"

    def materialise(self, pod: Object, source: Source) -> None:
        """
        Make every volume hold what it should hold now.

        Raises:
            Missing: Something that is not optional does not exist yet.
        """
        for volume in pod["spec"].get("volumes") or []:
            directory = self.volume(pod, volume["name"])
            if "hostPath" in volume:
                self._host_path(volume["hostPath"])
            elif "emptyDir" in volume:
                directory.mkdir(parents=True, exist_ok=True)
            else:
                payload.write(directory, volumes.content(volume, pod, source))

    def program(self, pod: Object, container: Mapping[str, Any], read: Read) -> Program:
        """
        The program of a container.

        Raises:
            Missing: A Secret or ConfigMap of a variable does not exist yet.
            OSError: There is no image, no command, or no room.
        """
        image = self.node.images.find(container["image"])
        if image is None:
            raise OSError(f"no image {container['image']}")
        home = self._container(pod, container["name"]) / "home"
        home.mkdir(exist_ok=True)
        own = environment.variables(container, pod, read)
        given = {"PATH": image.path, "HOME": str(home)} | self._given(pod)
        argv = [*(container.get("command") or image.entrypoint), *(container.get("args") or [])]
        if not argv:
            raise OSError(f"image {container['image']} has no entrypoint and there is no command")
        program = Program(
            argv=[environment.expand(text, own) for text in argv],
            environment=given | own,
            directory=container.get("workingDir") or str(home),
            supervise=not is_static(pod),
        )
        return self._placed(program, pod, container)

    def clean(self, pod: Object) -> None:
        """Remove the directories of a pod; its logs stay."""
        shutil.rmtree(self._pod(pod), ignore_errors=True)

    def _given(self, pod: Object) -> dict[str, str]:
        host, port = self.node.server
        if is_static(pod):
            return {}
        return {
            "HOSTNAME": pod["metadata"]["name"],
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": str(port),
            "KUBERNETES_SERVICE_PORT_HTTPS": str(port),
        }

    def _placed(self, program: Program, pod: Object, container: Mapping[str, Any]) -> Program:
        log = None if is_static(pod) else self.message(pod, container["name"])
        if log is not None:
            log.touch()
        seen = mounts.mounts(container, self._directories(pod), log=log)
        if self.node.view is View.namespaces:
            root = self._container(pod, container["name"]) / "root"
            root.mkdir(exist_ok=True)
            kept = (*self.node.images.directories, self._pod(pod) / "containers")
            return dataclasses.replace(program, root=root, mounts=seen, kept=kept)
        values = program.environment.items()
        return dataclasses.replace(
            program,
            argv=mounts.rewrite_all(program.argv, seen),
            environment={name: mounts.rewrite(value, seen) for name, value in values},
            directory=mounts.rewrite(program.directory, seen),
        )

    def _directories(self, pod: Object) -> dict[str, Path]:
        result = {}
        for volume in pod["spec"].get("volumes") or []:
            name = volume["name"]
            if "hostPath" in volume:
                result[name] = self._host_path(volume["hostPath"])
            else:
                result[name] = self.volume(pod, name)
        return result

    def _host_path(self, spec: Mapping[str, Any]) -> Path:
        path = self.node.directory / str(spec["path"]).lstrip("/")
        if spec.get("type") == "FileOrCreate":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        elif spec.get("type") == "DirectoryOrCreate":
            path.mkdir(parents=True, exist_ok=True)
        return path

    def _pod(self, pod: Object) -> Path:
        return self.node.directory / "var/lib/kubelet/pods" / str(pod["metadata"]["uid"])

    def _container(self, pod: Object, name: str) -> Path:
        directory = self._pod(pod) / "containers" / name
        with contextlib.suppress(FileExistsError):
            directory.mkdir(parents=True)
        return directory


def is_static(pod: Object) -> bool:
    """Whether a pod comes from a manifest of the node."""
    return (pod["metadata"].get("annotations") or {}).get(SOURCE) == "file"
