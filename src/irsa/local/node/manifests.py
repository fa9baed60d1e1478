"""
The static pods of a node: each file in its manifests directory is one, and is run.

As the kubelet does it, every file counts whatever it is called, unless its name begins with a dot.
"""

import hashlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from irsa.kube.objects import Object
from irsa.local.node.runtime import SOURCE

logger = logging.getLogger(__name__)

HASH = "kubernetes.io/config.hash"
MIRROR = "kubernetes.io/config.mirror"


@dataclass(slots=True)
class Directory:
    """
    A manifests directory, and the static pods that its files describe.

    Args:
        path: The directory.
        node: The node's name, which is appended to the pods' names.
    """

    path: Path
    node: str
    _seen: dict[Path, tuple[int, int, int]] = field(default_factory=dict)
    _pods: dict[Path, Object] = field(default_factory=dict)

    def pods(self) -> dict[str, Object]:
        """The static pods now, by uid: a changed file is another pod."""
        files = {path: _signature(path) for path in self._files()}
        for path in self._pods.keys() - files.keys():
            del self._pods[path]
        for path, signature in files.items():
            if signature is None or self._seen.get(path) != signature:
                self._read(path)
        self._seen = {path: sign for path, sign in files.items() if sign is not None}
        return {pod["metadata"]["uid"]: pod for pod in self._pods.values()}

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return []
        entries = sorted(self.path.iterdir())
        return [each for each in entries if not each.name.startswith(".") and each.is_file()]

    def _read(self, path: Path) -> None:
        try:
            self._pods[path] = static_pod(path.read_bytes(), self.node)
        except (OSError, ValueError, YAMLError) as error:
            logger.warning("%s cannot be run: %s", path, " ".join(str(error).split()))
            self._pods.pop(path, None)


def static_pod(data: bytes, node: str) -> Object:
    """
    The pod of a manifest.

    Raises:
        ValueError: It is not a pod.
        YAMLError: It is not YAML.
    """
    document: Any = YAML(typ="safe", pure=True).load(data.decode())
    if not (isinstance(document, dict) and document.get("kind") == "Pod"):
        raise ValueError("not a Pod")
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    if not (metadata.get("name") and spec.get("containers")):
        raise ValueError("no name, or no containers")
    digest = hashlib.sha256(data + b"\0" + node.encode()).hexdigest()[:32]
    annotations = {**(metadata.get("annotations") or {}), SOURCE: "file", HASH: digest}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "name": f"{metadata['name']}-{node}",
            "namespace": metadata.get("namespace") or "default",
            "uid": digest,
            "annotations": annotations,
        },
        "spec": {**spec, "nodeName": node},
    }


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def mirror_of(pod: Object, owner: Object) -> Object:
    """The object that shows a static pod in the API, and ends with its owner, the Node."""
    metadata = pod["metadata"]
    reference = {"apiVersion": "v1", "kind": "Node", "controller": True}
    reference |= {"name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    annotations = {**metadata["annotations"], MIRROR: metadata["annotations"][HASH]}
    kept = {key: value for key, value in metadata.items() if key != "uid"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**kept, "annotations": annotations, "ownerReferences": [reference]},
        "spec": {**pod["spec"], "tolerations": [{"operator": "Exists", "effect": "NoExecute"}]},
    }
