"""
Who still depends on what a removal would take away.

Never here: asking the cluster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from irsa.arns import RoleArn
from irsa.errors import InputError, RefusedError
from irsa.kube.objects import Object
from irsa.provision import documents, provider, role
from irsa.provision.resource import Action, Plan

ROLE_VARIABLE = "AWS_ROLE_ARN"
_ALIVE = frozenset({"Pending", "Running"})


class Gate(StrEnum):
    """The reasons to refuse a removal, by the names that `--override` takes."""

    pods_in_use = "pods-in-use"
    issuer_in_use = "issuer-in-use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """
    What still depends on our things.

    Args:
        pods: The pods with a role, as namespace/name.
        servers: The API servers that sign with an issuer of ours, and with which.
    """

    pods: tuple[str, ...] = ()
    servers: Mapping[str, str] = field(default_factory=dict)


def roles_removed(plan: Plan, account: str) -> frozenset[tuple[str, str]]:
    """
    The roles that a removal takes away, each as (account, name): names are unique, paths aside.

    A role of somebody else that is changed by it lets the pods in no more.
    """
    gone = (change for change in plan.changes if change.kind == role.KIND)
    lost = {Action.remove, Action.change}
    return frozenset((account, change.name) for change in gone if change.action in lost)


def issuers_removed(plan: Plan) -> frozenset[str]:
    """The issuers that a plan takes away, each by its OIDC provider."""
    gone = (one for one in plan.changes if one.action is Action.remove)
    return frozenset(one.name for one in gone if one.kind == provider.KIND)


def takes_documents(plan: Plan) -> bool:
    """Whether a plan removes documents of an issuer from a bucket."""
    return any(one.kind == documents.KIND and one.action is Action.remove for one in plan.changes)


def pods_with_roles(pods: Iterable[Object], roles: frozenset[tuple[str, str]]) -> tuple[str, ...]:
    """The living pods whose containers carry one of the roles, as namespace/name."""
    return tuple(
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in pods
        if (pod.get("status") or {}).get("phase") in _ALIVE and _roles_of(pod) & roles
    )


def require_unused(use: Use, overridden: frozenset[str]) -> None:
    """
    Make sure that nothing depends on what is about to go.

    Raises:
        RefusedError: Something does, and its gate was not overridden.
    """
    if use.pods and Gate.pods_in_use not in overridden:
        shown = ", ".join(use.pods[:3]) + (", …" if len(use.pods) > 3 else "")
        raise RefusedError(
            f"{len(use.pods)} running pods have a role that would go: {shown}",
            hint=f"stop them first, or pass --override {Gate.pods_in_use} --reason TEXT",
        )
    if use.servers and Gate.issuer_in_use not in overridden:
        server, issuer = next(iter(use.servers.items()))
        raise RefusedError(
            f"API server {server} still signs tokens with {issuer}",
            hint="let it sign with another one first (irsa issuer status), or pass --override "
            f"{Gate.issuer_in_use} --reason TEXT",
        )


def _roles_of(pod: Object) -> set[tuple[str, str]]:
    spec: Mapping[str, Any] = pod["spec"]
    containers = (*spec.get("initContainers", ()), *spec["containers"])
    return {
        named
        for container in containers
        for variable in container.get("env", ())
        if variable["name"] == ROLE_VARIABLE and (named := _parse(variable.get("value", "")))
    }


def _parse(text: str) -> tuple[str, str] | None:
    try:
        arn = RoleArn.parse(text)
    except InputError:
        return None
    return arn.account, arn.name
