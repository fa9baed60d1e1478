"""
A container's variables, from its spec and nothing else.

Never here: requests; the caller hands in what it has read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from irsa.kube.objects import Object

Read = Callable[[str, str], Object | None]
_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
_NAME = re.compile(r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")


class Missing(Exception):  # noqa: N818 # not an error of ours: the pod waits for it
    """Something that the pod needs does not exist yet; the text says what."""


def variables(container: Mapping[str, Any], pod: Object, read: Read) -> dict[str, str]:
    """
    The variables that a container's spec asks for, in its order.

    `read` answers (kind, name) with the Secret or ConfigMap of the pod's namespace.

    Raises:
        Missing: A Secret, ConfigMap or key that is not optional does not exist.
    """
    result: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        result.update(_all_of(source, read))
    for variable in container.get("env") or []:
        value = _value(variable, pod, read=read)
        if value is None:
            continue
        if "value" in variable:
            value = expand(value, result)
        result[variable["name"]] = value
    return result


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace `$(NAME)` as Kubernetes does: unknown names stay, `$$` is a dollar sign."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return values.get(match[2], match[0])

    return _REFERENCE.sub(replaced, text)


def field(pod: Object, path: str) -> str | None:
    """The value of a `fieldRef`; None if it is not one that the downward API knows."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    for name in ("annotations", "labels"):
        if path.startswith(f"metadata.{name}['"):
            key = path.removeprefix(f"metadata.{name}['").removesuffix("']")
            return str((metadata.get(name) or {}).get(key, ""))
        if path == f"metadata.{name}":
            values = (metadata.get(name) or {}).items()
            return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(values))
    known = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
    }
    return known.get(path)


def _all_of(source: Mapping[str, Any], read: Read) -> dict[str, str]:
    prefix = source.get("prefix", "")
    for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
        if key in source:
            found = _object(source[key], kind, read)
            values = text_of(found) if found else {}
            return {f"{prefix}{name}": text for name, text in values.items() if _NAME.match(name)}
    return {}


def _value(variable: Mapping[str, Any], pod: Object, *, read: Read) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        return str(variable.get("value", ""))
    if "fieldRef" in source:
        return field(pod, source["fieldRef"]["fieldPath"])
    for key, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
        if key in source:
            return _key(source[key], kind, read)
    return None


def _key(reference: Mapping[str, Any], kind: str, read: Read) -> str | None:
    found = _object(reference, kind, read)
    values = text_of(found) if found else {}
    if reference["key"] in values:
        return values[reference["key"]]
    if reference.get("optional"):
        return None
    raise Missing(f"couldn't find key {reference['key']} in {kind} {reference['name']}")


def _object(reference: Mapping[str, Any], kind: str, read: Read) -> Object | None:
    found = read(kind, reference["name"])
    if found is None and not reference.get("optional"):
        raise Missing(f'{kind.lower()} "{reference["name"]}" not found')
    return found


def text_of(obj: Object) -> dict[str, str]:
    """The values of a Secret or ConfigMap as text."""
    return {key: value.decode(errors="replace") for key, value in bytes_of(obj).items()}


def bytes_of(obj: Object) -> dict[str, bytes]:
    """The values of a Secret or ConfigMap."""
    import base64

    if obj["kind"] == "Secret":
        return {key: base64.b64decode(text) for key, text in (obj.get("data") or {}).items()}
    values = {key: text.encode() for key, text in (obj.get("data") or {}).items()}
    binary = (obj.get("binaryData") or {}).items()
    return values | {key: base64.b64decode(text) for key, text in binary}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
