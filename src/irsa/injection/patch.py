"""
Pod + Grant -> JSON-patch operations; a pod that has what it needs gets none.

Only `add` operations on what is there: a field that we do not know is never rewritten.
Never here: look-ups, AdmissionReviews.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from irsa.injection.grants import Grant, pod_expiration, skipped_containers
from irsa.injection.pods import Container, Pod, Volume

Operation = dict[str, Any]

VOLUME = "aws-iam-token"
MOUNT_PATH = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
FILE = "token"
TOKEN_FILE = f"{MOUNT_PATH}/{FILE}"
WINDOWS_TOKEN_FILE = "C:" + TOKEN_FILE.replace("/", "\\")
DEFAULT_MODE = 420

ROLE_ARN = "AWS_ROLE_ARN"
TOKEN_FILE_NAME = "AWS_WEB_IDENTITY_TOKEN_FILE"  # noqa: S105 # the name of a variable
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
REGIONAL_STS = "AWS_STS_REGIONAL_ENDPOINTS"


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
    warnings: list[str] = []
    for path, container in _containers(pod):
        if container.name in skipped or _has_its_own(container):
            continue
        if _occupied(container, volume):
            reason = f"{MOUNT_PATH} is taken"
            warnings.append(f"irsa: container {container.name!r} gets no AWS role: {reason}")
            continue
        operations += _container_operations(path, container, variables=variables, volume=volume)
    if operations and missing:
        operations.insert(0, _volume_operation(pod, grant, name=volume, prefix=prefix))
    return Patch(operations=tuple(operations), warnings=tuple(warnings))


def _containers(pod: Pod) -> Iterator[tuple[str, Container]]:
    for index, container in enumerate(pod.spec.init_containers or ()):
        yield f"/spec/initContainers/{index}", container
    for index, container in enumerate(pod.spec.containers or ()):
        yield f"/spec/containers/{index}", container


def _has_its_own(container: Container) -> bool:
    return any(variable.name in (ROLE_ARN, TOKEN_FILE_NAME) for variable in container.env or ())


def _occupied(container: Container, volume: str) -> bool:
    devices = container.volume_devices or ()
    if any(_same_place(device.device_path) for device in devices):
        return True
    mounts = container.volume_mounts or ()
    return any(
        _same_place(mount.mount_path)
        and (mount.name != volume or bool(mount.sub_path or mount.sub_path_expr))
        for mount in mounts
    )


def _same_place(path: str) -> bool:
    return path.rstrip("/") == MOUNT_PATH


def _container_operations(
    path: str, container: Container, *, variables: list[Operation], volume: str
) -> Iterator[Operation]:
    present = {variable.name for variable in container.env or ()}
    wanted = [variable for variable in variables if not _already(variable["name"], present)]
    yield from _append(f"{path}/env", wanted, existing=bool(container.env))
    if not any(_same_place(mount.mount_path) for mount in container.volume_mounts or ()):
        mount = {"name": volume, "mountPath": MOUNT_PATH, "readOnly": True}
        existing = bool(container.volume_mounts)
        yield from _append(f"{path}/volumeMounts", [mount], existing=existing)


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
    token_file = WINDOWS_TOKEN_FILE if pod.is_windows else TOKEN_FILE
    values = {REGIONAL_STS: "regional"} if grant.regional_sts else {}
    if grant.region:
        values |= dict.fromkeys(REGIONS, grant.region)
    values |= {ROLE_ARN: grant.role_arn, TOKEN_FILE_NAME: token_file}
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
