"""
Pod + Grant -> JSON-patch operations; a pod that has what it needs gets none.

Only `add` operations on what is there: a field that we do not know is never rewritten.
Never here: look-ups, AdmissionReviews.
"""

import functools
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

from msgspec import Struct

from irsa.errors import excerpt
from irsa.injection.grants import (
    DEFAULT_MOUNT_PATH,
    SKIP_CONTAINERS,
    Grant,
    expiration_warnings,
    pod_expiration,
    skipped_containers,
)
from irsa.injection.pods import Container, Pod, Volume

Value = dict[str, Any]

VOLUME = "aws-iam-token"
FILE = "token"
MOUNT_PATH = DEFAULT_MOUNT_PATH
TOKEN_FILE = f"{MOUNT_PATH}/{FILE}"
DEFAULT_MODE = 420

ROLE_ARN = "AWS_ROLE_ARN"
TOKEN_FILE_NAME = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 # the name of a variable
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
REGIONAL_STS = "AWS_STS_REGIONAL_ENDPOINTS"
SESSION_NAME = "AWS_ROLE_SESSION_NAME"
# In a pod that was let through without its role by a fault of ours: why.
ROLE_MISSING = "irsa/role-missing"
_OWN = frozenset({ROLE_ARN, TOKEN_FILE_NAME})
# Where a container has one of a pair itself, both are left to it.
_PAIRS = (frozenset(REGIONS), _OWN)
_OURS = frozenset({*REGIONS, *_OWN, REGIONAL_STS, SESSION_NAME})

# The pods of one ServiceAccount get the same again and again. What is remembered is shared by
# patches, and so never changed.
_remembered = functools.lru_cache(maxsize=512)


class Operation(Struct, frozen=True, tag_field="op", tag="add", gc=False):
    """One operation of a JSON patch, always `add`."""

    path: str
    value: Any


class Patch(Struct, frozen=True, kw_only=True):
    """What is added to a pod, and what its creator should know."""

    operations: tuple[Operation, ...] = ()
    warnings: tuple[str, ...] = ()


def patch(pod: Pod, grant: Grant, *, prefix: str) -> Patch:
    """
    What a pod needs so that its containers have the role.

    A container that sets the role or the token file itself keeps what it says, and gets the rest:
    the token is where it always is. One where something else is mounted at that path is left
    alone, and its creator warned: a second mount there would make the pod invalid.

    Args:
        pod: The pod, as far as it was decoded.
        grant: What its ServiceAccount grants.
        prefix: What the pod's annotations begin with.
    """
    skipped = skipped_containers(pod.annotations, prefix=prefix)
    volume, missing = _volume(pod, grant)
    variables, mount = _variables(grant, pod.is_windows), _mount(volume, grant)
    operations: list[Operation] = []
    warnings = [*grant.warnings, *_pod_warnings(pod, skipped, prefix=prefix)]
    for path, container in _containers(pod):
        if container.name in skipped:
            continue
        mounted = _mounted(container, mount)
        if mounted is Mounted.other:
            reason = f"{grant.mount_path} is taken"
            warnings.append(f"container {container.name!r} gets no AWS role: {reason}")
            continue
        wanted = _wanted(variables, _present(container))
        operations += _append(path + "/env", wanted, existing=bool(container.env))
        if mounted is Mounted.nothing:
            existing = bool(container.volume_mounts)
            operations += _append(path + "/volumeMounts", [mount], existing=existing)
    if operations and missing:
        operations.insert(0, _volume_operation(pod, grant, name=volume, prefix=prefix))
    if not warnings:
        return Patch(operations=tuple(operations))
    told = tuple(f"irsa: {warning}" for warning in warnings)
    return Patch(operations=tuple(operations), warnings=told)


def note(pod: Pod, reason: str) -> tuple[Operation, ...]:
    """What tells everybody who looks at the pod why it starts without its role."""
    metadata, text = pod.metadata, excerpt(reason)
    if not (metadata.name or metadata.generate_name):
        return ()  # nothing that an API server would send
    if metadata.annotations is None:
        return (Operation("/metadata/annotations", {ROLE_MISSING: text}),)
    key = ROLE_MISSING.replace("/", "~1")
    return (Operation(f"/metadata/annotations/{key}", text),)


def without_role(pod: Pod, *, prefix: str) -> tuple[str, ...]:
    """The containers that carry no role although nobody left them out, by name."""
    skipped = skipped_containers(pod.annotations, prefix=prefix)
    return tuple(
        container.name
        for _, container in _containers(pod)
        if container.name not in skipped and _present(container).isdisjoint(_OWN)
    )


def _pod_warnings(pod: Pod, skipped: frozenset[str], *, prefix: str) -> Iterator[str]:
    if pod.annotations:
        yield from expiration_warnings(pod.annotations, prefix=prefix)
    if skipped:
        for name in sorted(skipped - {container.name for _, container in _containers(pod)}):
            yield f"{prefix}/{SKIP_CONTAINERS}: there is no container {excerpt(name)!r}"


def _containers(pod: Pod) -> list[tuple[str, Container]]:
    spec = pod.spec
    found = enumerate(spec.containers or ())
    containers = [(f"/spec/containers/{index}", container) for index, container in found]
    if not spec.init_containers:
        return containers
    found = enumerate(spec.init_containers)
    return [(f"/spec/initContainers/{index}", container) for index, container in found] + containers


def _present(container: Container) -> set[str]:
    """The names of the container's variables."""
    return {variable.name for variable in container.env or ()}


class Mounted(Enum):
    """What is in a container where the token belongs."""

    nothing = auto()
    token = auto()
    other = auto()


def _mounted(container: Container, wanted: Value) -> Mounted:
    place = wanted["mountPath"].rstrip("/")
    for device in container.volume_devices or ():
        if device.device_path.rstrip("/") == place:
            return Mounted.other
    found = [
        mount for mount in container.volume_mounts or () if mount.mount_path.rstrip("/") == place
    ]
    if not found:
        return Mounted.nothing
    name = wanted["name"]
    is_token = all(m.name == name and not m.sub_path and not m.sub_path_expr for m in found)
    return Mounted.token if is_token else Mounted.other


@_remembered
def _mount(volume: str, grant: Grant) -> Value:
    return {"name": volume, "mountPath": grant.mount_path, "readOnly": True}


def _wanted(variables: list[Value], present: set[str]) -> list[Value]:
    """The variables that the container has not got from its author."""
    if present.isdisjoint(_OURS):
        return variables
    for pair in _PAIRS:
        if not present.isdisjoint(pair):
            present |= pair
    return [variable for variable in variables if variable["name"] not in present]


def _append(path: str, values: list[Value], *, existing: bool) -> list[Operation]:
    if not existing:
        return [Operation(path, values)]
    end = f"{path}/-"
    return [Operation(end, value) for value in values]


@_remembered
def _variables(grant: Grant, windows: bool) -> list[Value]:
    token_file = f"{grant.mount_path.rstrip('/')}/{FILE}"
    if windows:
        token_file = "C:" + token_file.replace("/", "\\")
    values = {REGIONAL_STS: "regional"} if grant.regional_sts else {}
    if grant.region:
        values |= dict.fromkeys(REGIONS, grant.region)
    values |= {ROLE_ARN: grant.role_arn, TOKEN_FILE_NAME: token_file}
    if grant.session_name:
        values[SESSION_NAME] = grant.session_name
    return [{"name": name, "value": value} for name, value in values.items()]


def _volume(pod: Pod, grant: Grant) -> tuple[str, bool]:
    """The name of the token's volume, and whether it has to be added."""
    volumes = pod.spec.volumes or ()
    projected = [volume for volume in volumes if volume.projected is not None]
    fitting = [volume.name for volume in projected if _is_the_token(volume, grant)]
    if fitting:
        return (VOLUME if VOLUME in fitting else fitting[0]), False
    taken = {volume.name for volume in volumes}
    name, number = VOLUME, 0
    while name in taken:
        number += 1
        name = f"{VOLUME}-{number}"
    return name, True


def _is_the_token(volume: Volume, grant: Grant) -> bool:
    sources = (volume.projected.sources if volume.projected else None) or ()
    return any(
        source.service_account_token is not None
        and source.service_account_token.audience == grant.audience
        and source.service_account_token.path == FILE
        for source in sources
    )


def _volume_operation(pod: Pod, grant: Grant, *, name: str, prefix: str) -> Operation:
    expiration = pod_expiration(pod.annotations, grant, prefix=prefix)
    value = _token(name, grant.audience, expiration)
    [operation] = _append("/spec/volumes", [value], existing=bool(pod.spec.volumes))
    return operation


@_remembered
def _token(name: str, audience: str, expiration: int) -> Value:
    token = {"audience": audience, "expirationSeconds": expiration, "path": FILE}
    projected = {"defaultMode": DEFAULT_MODE, "sources": [{"serviceAccountToken": token}]}
    return {"name": name, "projected": projected}
