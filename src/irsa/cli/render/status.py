"""How the state of injection looks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from irsa.controller.overview import Overview
    from irsa.controller.pods import Bare

# So many pods are listed for people; scripts get all of them.
SHOWN = 50
_WORDS = {True: "ok", False: "FAULT", None: "unseen"}


def text(overview: "Overview") -> str:
    """For people: a line for each part, ServiceAccount and pod."""
    return "\n".join(_lines(overview))


def _lines(overview: "Overview") -> Iterator[str]:
    for part in overview.parts:
        yield f"{part.name:<13} {_WORDS[part.well]:<7} {part.text}"
    found = overview.found
    have = "ServiceAccount has" if found.granted == 1 else "ServiceAccounts have"
    yield f"{'roles':<13} {_WORDS[not found.refused]:<7} {found.granted} {have} one"
    for one in found.refused:
        yield f"  {one.namespace}/{one.name}: {one.reason}"
    count = len(found.bare)
    yield f"{'pods':<13} {_WORDS[not count]:<7} {count or 'none'} running without their role"
    for bare in found.bare[:SHOWN]:
        yield f"  {bare}{_owner(bare)}: {bare.role_arn}; {bare.why}"
    if count > SHOWN:
        yield f"  and {count - SHOWN} more; --output json lists all"


def _owner(bare: "Bare") -> str:
    return f" ({bare.owner.kind} {bare.owner.name})" if bare.owner else ""


def data(overview: "Overview") -> dict[str, Any]:
    """For scripts."""
    found = overview.found
    return {
        "ok": not overview.faults,
        "parts": [
            {"name": part.name, "ok": part.well, "text": part.text} for part in overview.parts
        ],
        "serviceAccounts": {
            "withRole": found.granted,
            "refused": [
                {"namespace": one.namespace, "name": one.name, "reason": one.reason}
                for one in found.refused
            ],
        },
        "podsWithoutRole": [_pod(bare) for bare in found.bare],
    }


def _pod(bare: "Bare") -> dict[str, Any]:
    owner = {"kind": bare.owner.kind, "name": bare.owner.name} if bare.owner else None
    return {
        "namespace": bare.namespace,
        "name": bare.name,
        "serviceAccount": bare.service_account,
        "role": bare.role_arn,
        "containers": list(bare.containers),
        "owner": owner,
        "reason": bare.why,
    }
