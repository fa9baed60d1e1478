"""
Wait for what a plan depends on, with a deadline, and say what is still missing.

Never here: what has to be waited for; that is in the plan.
"""

from collections.abc import Mapping
from typing import Any, assert_never

from irsa.errors import InputError, IrsaError, KubeError, WebError, excerpt
from irsa.identity import discovery, jwks
from irsa.kube.objects import Object
from irsa.provision.checks import Available, Check, Gone, Injects, Published, Trusted
from irsa.provision.usage import ROLE_VARIABLE
from irsa.provision.world import World

_PAUSE = 1.0
_SECONDS: Mapping[type[Any], float] = {
    Published: 120.0,
    Available: 300.0,
    Trusted: 120.0,
    Injects: 90.0,
    Gone: 180.0,
}


def wait(check: Check, world: World) -> None:
    """
    Wait until something is so.

    Raises:
        WebError: The documents could not be read back in time.
        KubeError: Something in the cluster did not become true in time.
    """
    seconds = _SECONDS[type(check)]
    deadline = world.now() + seconds
    said = None
    while (missing := lacking(check, world)) is not None:
        if world.now() >= deadline:
            raise _too_late(check, seconds, missing)
        if missing != said:
            world.say(f"waiting: {missing}")
            said = missing
        world.sleep(_PAUSE)


def lacking(check: Check, world: World) -> str | None:
    """What is still missing, in words; None if nothing is."""
    match check:
        case Published():
            return _published(check, world)
        case Available():
            return _available(check, world)
        case Trusted():
            return _trusted(check, world)
        case Injects():
            return _injects(check, world)
        case Gone():
            return f"{check.ref} is still there" if world.kube.get(check.ref) else None
        case _:
            assert_never(check)


def _too_late(check: Check, seconds: float, missing: str) -> IrsaError:
    if isinstance(check, Published):
        return WebError(
            f"the issuer's documents are not public after {seconds:.0f} s: {missing}",
            hint="AWS STS reads them the same way; check Block Public Access of the organisation, "
            "the proxy, and AWS_CA_BUNDLE (or pass --override read-back --reason TEXT)",
        )
    return KubeError(
        f"not so after {seconds:.0f} s: {check.title}: {missing}",
        hint=f"{_look(check)}; run it again when it is mended, it goes on from there",
    )


def _look(check: Check) -> str:
    match check:
        case Available(ref=ref):
            return f"kubectl logs -n {ref.namespace} deployment/{ref.name}"
        case Trusted() | Injects():
            return "look at the logs of the Deployments irsa-controller and irsa-webhook"
        case _:
            return f"look at {check.title.split(' is ')[0]}"


def _published(check: Published, world: World) -> str | None:
    try:
        return unpublished(check, world)
    except (WebError, InputError) as error:
        return error.message


def unpublished(check: Published, world: World) -> str | None:
    """
    What is wrong with the documents of an issuer; None if nothing is.

    Raises:
        WebError: They cannot be read.
        InputError: They are none.
    """
    at = check.issuer.discovery_url
    document = discovery.parse(_fetch(at, world, typed=check.ours), at)
    if str(document.issuer) != str(check.issuer):
        return f"{at} names another issuer, {document.issuer}"
    if check.ours and document.jwks_uri != check.issuer.jwks_url:
        return f"{at} points to other keys, {document.jwks_uri}"
    keys = jwks.parse(_fetch(document.jwks_uri, world, typed=check.ours), document.jwks_uri)
    absent = sorted(set(check.kids) - {key.kid for key in keys})
    return f"{document.jwks_uri} lacks the key {absent[0]}" if absent else None


def _fetch(url: str, world: World, *, typed: bool) -> bytes:
    document = world.web.get(url)
    if document.status != 200:
        raise WebError(f"{url} answers {document.status}")
    if typed and document.content_type != "application/json":
        raise WebError(f"{url} is served as {document.content_type!r}, not as JSON")
    return document.body


def _available(check: Available, world: World) -> str | None:
    found = world.kube.get(check.ref)
    if found is None:
        return f"{check.ref} does not exist"
    status = found.get("status") or {}
    wanted = found["spec"].get("replicas", 1)
    current = status.get("observedGeneration", 0) >= found["metadata"].get("generation", 0)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "availableReplicas")]
    if current and min(counts) >= wanted:
        return None
    trouble = _trouble(found, world)
    ready = f"{check.ref}: {min(counts)} of {wanted} pods are available"
    return f"{ready} ({trouble})" if trouble else ready


def _trouble(deployment: Object, world: World) -> str | None:
    for condition in (deployment.get("status") or {}).get("conditions", ()):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return excerpt(condition.get("message", ""))
    labels = deployment["spec"]["selector"].get("matchLabels", {})
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    namespace = deployment["metadata"]["namespace"]
    for pod in world.kube.list("v1", "Pod", namespace=namespace, label_selector=selector):
        for container in (pod.get("status") or {}).get("containerStatuses", ()):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                return excerpt(f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
    return None


def _trusted(check: Trusted, world: World) -> str | None:
    found = world.kube.get(check.ref)
    if found is None:
        return f"{check.ref} does not exist"
    if all(one["clientConfig"].get("caBundle") for one in found.get("webhooks", ())):
        return None
    return f"the controller has not given {check.ref} its authority yet"


def _injects(check: Injects, world: World) -> str | None:
    try:
        pod = world.kube.create(check.pod, dry_run=True)
    except KubeError as error:
        if error.status is None:
            raise
        return f"the dry run was refused: {error.message}"
    given = {
        variable.get("value")
        for container in pod["spec"]["containers"]
        for variable in container.get("env", ())
        if variable["name"] == ROLE_VARIABLE
    }
    return None if given == {check.role_arn} else "a dry run of a pod comes back without its role"
