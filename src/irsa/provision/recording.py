"""
What planning asks of AWS, written down; and a world in which there is nothing yet.

Never here: what the calls need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.kube.objects import Object, Ref
from irsa.provision.world import AwsDoor


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """A door to AWS that remembers what it was asked, and which paths roles have."""

    door: AwsDoor
    reads: list[Call] = field(default_factory=list)
    paths: dict[str, str] = field(default_factory=dict)

    def call(self, call: Call) -> Mapping[str, Any]:
        """Make a call that changes something."""
        return self.door.call(call)

    def read(self, call: Call) -> Mapping[str, Any] | None:
        """Make a call that changes nothing, and remember it."""
        self.reads.append(call)
        answer = self.door.read(call)
        if answer and call.name == "iam:GetRole":
            self.paths[call.params["RoleName"]] = answer["Role"]["Path"]
        return answer


class Nothing:
    """A reader of a world in which nothing exists: what is planned for it is everything."""

    def aws(self, call: Call) -> None:  # the same answer to everything
        """Nothing in AWS."""

    def kube(self, ref: Ref) -> None:  # the same answer to everything
        """Nothing in the cluster."""

    def kube_list(
        self,
        api_version: str,  # noqa: ARG002 # the same answer to everything
        kind: str,  # noqa: ARG002
        *,
        label_selector: str,  # noqa: ARG002
    ) -> list[Object]:
        """Nothing in the cluster."""
        return []

    def file(self, path: str) -> None:  # the same answer to everything
        """Nothing on disk."""

    def preview(self, thing: Object) -> Object:
        """The object, as it is."""
        return thing
