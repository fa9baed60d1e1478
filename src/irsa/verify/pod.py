"""
What became of the pod: what it wrote, or why it could not.

Never here: making or removing anything.
"""

import time
from collections.abc import Mapping

from irsa.errors import ProofError, excerpt
from irsa.kube.client import Kube
from irsa.kube.objects import Object
from irsa.verify.echo import LABEL, Echo

_POLL_SECONDS = 0.25
# Reasons for which a container will never start by waiting.
_STUCK = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerError"})

_UNREACHABLE = "the pod cannot reach AWS: see --proxy and --ca-bundle, NetworkPolicies"
_HINTS = {
    "Not authorized to perform sts:AssumeRoleWithWebIdentity": (
        "the role's trust policy does not name this ServiceAccount: see `irsa plan`"
    ),
    "No OpenIDConnect provider found": (
        "the API server signs with another issuer than the one in IAM: `irsa issuer status`"
    ),
    "Incorrect token audience": "the provider does not list the token's audience: `irsa plan`",
    "verification key": (
        "AWS cannot read the issuer's documents, or they lack the cluster's key: `irsa plan`"
    ),
    "Could not connect": _UNREACHABLE,
    "Connect timeout": _UNREACHABLE,
    "Failed to connect to proxy": "the pod cannot reach the proxy: see --proxy",
    "CERTIFICATE_VERIFY_FAILED": "name the proxy's authority with --ca-bundle",
}


def outcome(kube: Kube, echo: Echo, *, seconds: float) -> str:
    """
    Wait for the pod, and return the line that it wrote: its user id, a tab, and its ARN.

    Raises:
        ProofError: It got no credentials, failed, is stuck, or took longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    found: Object | None = None
    while time.monotonic() < deadline:
        found = _pod(kube, echo)
        if found is not None:
            _refuse_without_role(found, echo)
            told = _told(found)
            if told is not None:
                return told
        time.sleep(_POLL_SECONDS)
    raise ProofError(
        f"the pod did not end within {seconds:.0f} s ({_state(found)})",
        hint=_UNREACHABLE if found and found.get("status", {}).get("phase") == "Running" else None,
    )


def _pod(kube: Kube, echo: Echo) -> Object | None:
    pods = kube.list("v1", "Pod", namespace=echo.namespace, label_selector=f"{LABEL}={echo.run}")
    return pods[0] if pods else None


def _refuse_without_role(found: Object, echo: Echo) -> None:
    container = found["spec"]["containers"][0]
    names = {variable["name"] for variable in container.get("env", ())}
    if "AWS_ROLE_ARN" not in names:
        raise ProofError(
            f"the pod of {echo.namespace}/{echo.service_account} was started without a role: "
            "nothing injected AWS_ROLE_ARN",
            hint="is the ServiceAccount annotated, and the engine installed? see `irsa plan`",
        )


def _told(found: Object) -> str | None:
    """What the pod wrote once it is done; None while it runs."""
    status: Mapping[str, object] = _container_status(found)
    state = status.get("state", {})
    assert isinstance(state, dict)  # noqa: S101 # narrows a wire value
    waiting = state.get("waiting") or {}
    if waiting.get("reason") in _STUCK:
        raise ProofError(
            f"the pod cannot start: {waiting['reason']}: {excerpt(waiting.get('message', ''))}",
            hint="name an image that the cluster can pull with --image",
        )
    ended = state.get("terminated")
    if not ended:
        return None
    message = str(ended.get("message", ""))
    if ended.get("exitCode") != 0:
        raise ProofError(
            f"the pod could not write to S3: {excerpt(message) or 'it said nothing'}",
            hint=next((hint for text, hint in _HINTS.items() if text in message), None),
        )
    return message


def _container_status(found: Object) -> Object:
    statuses = found.get("status", {}).get("containerStatuses") or [{}]
    first: Object = statuses[0]
    return first


def _state(found: Object | None) -> str:
    if found is None:
        return "the Job made no pod: can the ServiceAccount's namespace take pods?"
    status = found.get("status", {})
    reasons = [
        f"{condition['type']}: {condition.get('message', condition.get('reason', ''))}"
        for condition in status.get("conditions", ())
        if condition.get("status") == "False"
    ]
    return excerpt("; ".join([f"phase {status.get('phase')}", *reasons]))
