"""
What a pod's volumes hold, read from the API at the moment of asking.

Never here: where a container sees them.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from irsa.kube.objects import Object
from irsa.local.node import environment
from irsa.local.node.environment import Missing
from irsa.local.node.payload import File

# The kinds whose content is files; an emptyDir and a hostPath are directories.
CONTENT = ("projected", "secret", "configMap", "downwardAPI")
DEFAULT_MODE = 0o644
RENEW_AT = 0.8
LONGEST = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A token that a pod asks for."""

    audience: str
    seconds: int


class Source(Protocol):
    """Where volumes are read from."""

    def read(self, kind: str, name: str) -> Object | None:
        """A Secret or ConfigMap of the pod's namespace."""
        ...

    def token(self, pod: Object, wanted: Wanted) -> str:
        """A token bound to the pod, renewed in time."""
        ...


def content(volume: Mapping[str, Any], pod: Object, source: Source) -> dict[str, File]:
    """
    The files of a volume.

    Raises:
        Missing: Something that is not optional does not exist yet.
    """
    kind = next((kind for kind in CONTENT if kind in volume), None)
    if kind is None:
        return {}
    spec = volume[kind]
    mode = spec.get("defaultMode", DEFAULT_MODE)
    parts = spec.get("sources") or [] if kind == "projected" else [{kind: _named(spec)}]
    files: dict[str, File] = {}
    for part in parts:
        for path, file in _part(part, pod, source):
            files[path] = file if file.mode else dataclasses.replace(file, mode=mode)
    return files


def refuse(pod: Object) -> str | None:
    """Why the stand-in cannot give this pod its volumes; None if it can."""
    for volume in pod["spec"].get("volumes") or []:
        kinds = volume.keys() - {"name"}
        if not kinds or kinds <= {*CONTENT, "emptyDir"}:
            continue
        return (
            f"volume {volume['name']}: the stand-in kubelet has no {' or '.join(sorted(kinds))}"
            " for ordinary pods"
        )
    return None


def _named(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "name": spec.get("secretName") or spec.get("name")}


def _part(part: Mapping[str, Any], pod: Object, source: Source) -> Iterator[tuple[str, File]]:
    for kind, spec in part.items():
        if kind == "serviceAccountToken":
            yield spec["path"], _token(spec, pod, source)
        elif kind == "downwardAPI":
            yield from _downward(spec, pod)
        elif kind in {"secret", "configMap"}:
            yield from _keys(spec, "Secret" if kind == "secret" else "ConfigMap", source)


def _token(spec: Mapping[str, Any], pod: Object, source: Source) -> File:
    wanted = Wanted(
        audience=spec.get("audience") or "", seconds=spec.get("expirationSeconds", 3600)
    )
    return File(content=source.token(pod, wanted).encode(), mode=token_mode(pod))


def token_mode(pod: Object) -> int:
    """The mode of token files (KEP-2451); 0 for the volume's own."""
    security = pod["spec"].get("securityContext") or {}
    containers = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    users = {
        (each.get("securityContext") or {}).get("runAsUser", security.get("runAsUser"))
        for each in containers
    }
    if security.get("fsGroup") is not None:
        return 0o640
    return 0o600 if len(users) == 1 and users != {None} else 0


def _downward(spec: Mapping[str, Any], pod: Object) -> Iterator[tuple[str, File]]:
    for item in spec.get("items") or []:
        value = environment.field(pod, (item.get("fieldRef") or {}).get("fieldPath", ""))
        if value is not None:
            yield item["path"], File(content=value.encode(), mode=item.get("mode") or 0)


def _keys(spec: Mapping[str, Any], kind: str, source: Source) -> Iterator[tuple[str, File]]:
    found = source.read(kind, spec["name"])
    if found is None:
        if not spec.get("optional"):
            raise Missing(f'{kind.lower()} "{spec["name"]}" not found')
        return
    values = environment.bytes_of(found)
    items = spec.get("items") or [{"key": key, "path": key} for key in values]
    for item in items:
        if item["key"] in values:
            yield item["path"], File(content=values[item["key"]], mode=item.get("mode") or 0)
        elif not spec.get("optional"):
            raise Missing(f"{kind.lower()} {spec['name']} has no key {item['key']}")
