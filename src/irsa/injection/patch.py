"""
Pod + Grant -> JSON-patch operations; a pod that has what it needs gets none.

Only `add` operations on what is there: a field that we do not know is never rewritten.
Never here: look-ups, AdmissionReviews.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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

Operation = dict[str, Any]

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
# What a container may have set itself and still get the rest; see `_has_its_own`.
_OPTIONAL = frozenset({*REGIONS, REGIONAL_STS, SESSION_NAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What is added to a pod, and what its creator should know."""

    operations: tuple[Operation, ...] = ()
    warnings: tuple[str, ...] = ()


def patch(pod: Pod, grant: Grant, *, prefix: str) -> Patch:
    """
    What a pod needs so that its containers have the role.

    A container that sets the role or the token file itself is left alone. One where something
    else is mounted at the token's path is left alone too, and its creator warned: a second mount
    there would make the pod invalid.

    Args:
        pod: The pod, as far as it was decoded.
        grant: What its ServiceAccount grants.
        prefix: What the pod's annotations begin with.
    """
    skipped = skipped_containers(pod.annotations, prefix=prefix)
    volume, missing = _volume(pod, grant)
    variables = _variables(pod, grant)
    operations: list[Operation] = []
    warnings = list(grant.warnings)
    if pod.annotations:
        warnings += _pod_warnings(pod, skipped, prefix=prefix)
    for path, container in _containers(pod):
        if container.name in skipped or _has_its_own(container):
            continue
        if _occupied(container, volume, at=grant.mount_path):
            reason = f"{grant.mount_path} is taken"
            warnings.append(f"container {container.name!r} gets no AWS role: {reason}")
            continue
        operations += _container_operations(
            path, container, variables=variables, mount=_mount(volume, grant)
        )
    if operations and missing:
        operations.insert(0, _volume_operation(pod, grant, name=volume, prefix=prefix))
    told = tuple(f"irsa: {warning}" for warning in warnings)
    return Patch(operations=tuple(operations), warnings=told)


def note(pod: Pod, reason: str) -> tuple[Operation, ...]:
    """What tells everybody who looks at the pod why it starts without its role."""
    metadata, text = pod.metadata, excerpt(reason)
    if not (metadata.name or metadata.generate_name):
        return ()  # nothing that an API server would send
    if metadata.annotations is None:
        value = {ROLE_MISSING: text}
        return ({"op": "add", "path": "/metadata/annotations", "value": value},)
    key = ROLE_MISSING.replace("/", "~1")
    return ({"op": "add", "path": f"/metadata/annotations/{key}", "value": text},)


def without_role(pod: Pod, *, prefix: str) -> tuple[str, ...]:
    """The containers that carry no role although nobody left them out, by name."""
    skipped = skipped_containers(pod.annotations, prefix=prefix)
    return tuple(
        container.name
        for _, container in _containers(pod)
        if container.name not in skipped and not _has_its_own(container)
    )


def _pod_warnings(pod: Pod, skipped: frozenset[str], *, prefix: str) -> Iterator[str]:
    yield from expiration_warnings(pod.annotations, prefix=prefix)
    for name in sorted(skipped - {container.name for _, container in _containers(pod)}):
        yield f"{prefix}/{SKIP_CONTAINERS}: there is no container {excerpt(name)!r}"


def _containers(pod: Pod) -> Iterator[tuple[str, Container]]:
    for index, container in enumerate(pod.spec.init_containers or ()):
        yield f"/spec/initContainers/{index}", container
    for index, container in enumerate(pod.spec.containers or ()):
        yield f"/spec/containers/{index}", container


def _has_its_own(container: Container) -> bool:
    return any(variable.name in (ROLE_ARN, TOKEN_FILE_NAME) for variable in container.env or ())


def _occupied(container: Container, volume: str, *, at: str) -> bool:
    devices = container.volume_devices or ()
    if any(_same_place(device.device_path, at) for device in devices):
        return True
    mounts = container.volume_mounts or ()
    return any(
        _same_place(mount.mount_path, at)
        and (mount.name != volume or bool(mount.sub_path or mount.sub_path_expr))
        for mount in mounts
    )


def _same_place(path: str, other: str) -> bool:
    return path.rstrip("/") == other.rstrip("/")


def _container_operations(
    path: str, container: Container, *, variables: list[Operation], mount: Operation
) -> Iterator[Operation]:
    present = {variable.name for variable in container.env or ()}
    wanted = variables
    if not present.isdisjoint(_OPTIONAL):
        wanted = [variable for variable in variables if not _already(variable["name"], present)]
    yield from _append(f"{path}/env", wanted, existing=bool(container.env))
    mounts = container.volume_mounts or ()
    if not any(_same_place(found.mount_path, mount["mountPath"]) for found in mounts):
        yield from _append(f"{path}/volumeMounts", [mount], existing=bool(mounts))


def _mount(volume: str, grant: Grant) -> Operation:
    return {"name": volume, "mountPath": grant.mount_path, "readOnly": True}


def _already(name: str, present: set[str]) -> bool:
    # One of the two region variables is enough to leave both to the pod's author.
    return not present.isdisjoint(REGIONS) if name in REGIONS else name in present


def _append(path: str, values: list[Operation], *, existing: bool) -> Iterator[Operation]:
    if existing:
        for value in values:
            yield {"op": "add", "path": f"{path}/-", "value": value}
    else:
        yield {"op": "add", "path": path, "value": values}


def _variables(pod: Pod, grant: Grant) -> list[Operation]:
    token_file = f"{grant.mount_path.rstrip('/')}/{FILE}"
    if pod.is_windows:
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
    fitting = [volume.name for volume in volumes if _is_the_token(volume, grant)]
    if fitting:
        return (VOLUME if VOLUME in fitting else fitting[0]), False
    taken = {volume.name for volume in volumes}
    names = (VOLUME, *(f"{VOLUME}-{number}" for number in range(1, len(taken) + 1)))
    return next(name for name in names if name not in taken), True


def _is_the_token(volume: Volume, grant: Grant) -> bool:
    sources = (volume.projected.sources if volume.projected else None) or ()
    return any(
        source.service_account_token is not None
        and source.service_account_token.audience == grant.audience
        and source.service_account_token.path == FILE
        for source in sources
    )


def _volume_operation(pod: Pod, grant: Grant, *, name: str, prefix: str) -> Operation:
    token = {
        "audience": grant.audience,
        "expirationSeconds": pod_expiration(pod.annotations, grant, prefix=prefix),
        "path": FILE,
    }
    projected = {"defaultMode": DEFAULT_MODE, "sources": [{"serviceAccountToken": token}]}
    value = {"name": name, "projected": projected}
    [operation] = _append("/spec/volumes", [value], existing=bool(pod.spec.volumes))
    return operation
