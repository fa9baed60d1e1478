"""
Doors that stay shut: one half of the work needs no AWS, the other no cluster.

Never here: which half that is.
"""

from collections.abc import Mapping
from typing import Any

from irsa.aws.call import Call
from irsa.errors import RefusedError
from irsa.kube.objects import Object, Propagation, Ref


class ClosedAws:
    """AWS, where it is none of this run's business."""

    def call(self, call: Call) -> Mapping[str, Any]:
        """Refuse to call."""
        raise _closed(call.name)

    def read(self, call: Call) -> Mapping[str, Any] | None:
        """Refuse to read."""
        raise _closed(call.name)


class ClosedKube:
    """The cluster, where it is none of this run's business."""

    def get(self, ref: Ref) -> Object | None:
        """Refuse to read."""
        raise _closed(f"reading {ref}")

    def list(
        self,
        api_version: str,  # noqa: ARG002 # part of the protocol
        kind: str,
        *,
        namespace: str | None = None,  # noqa: ARG002
        label_selector: str | None = None,  # noqa: ARG002
    ) -> list[Object]:
        """Refuse to read."""
        raise _closed(f"listing {kind}s")

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = "irsa",  # noqa: ARG002 # part of the protocol
        force: bool = False,  # noqa: ARG002
        dry_run: bool = False,  # noqa: ARG002
    ) -> Object:
        """Refuse to apply."""
        raise _closed(f"applying {Ref.of(dict(obj))}")

    def create(
        self,
        obj: Mapping[str, Any],
        *,
        dry_run: bool = False,  # noqa: ARG002 # part of the protocol
    ) -> Object:
        """Refuse to create."""
        raise _closed(f"creating {Ref.of(dict(obj))}")

    def delete(
        self,
        ref: Ref,
        *,
        uid: str | None = None,  # noqa: ARG002 # part of the protocol
        propagation: Propagation = "Background",  # noqa: ARG002
    ) -> bool:
        """Refuse to delete."""
        raise _closed(f"deleting {ref}")


def _closed(what: str) -> RefusedError:
    return RefusedError(f"{what} is not part of what --only asks for")
