"""
The outside world, as provisioning sees it: doors as Protocols, a clock, and somebody to tell.

Never here: deciding anything.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from irsa.aws.call import Call
from irsa.kube.objects import Object, Propagation, Ref
from irsa.provision.disk import Disk
from irsa.web import Document


class AwsDoor(Protocol):
    """AWS."""

    def call(self, call: Call) -> Mapping[str, Any]:
        """Make a call that changes something."""

    def read(self, call: Call) -> Mapping[str, Any] | None:
        """Make a call that changes nothing."""


class KubeDoor(Protocol):
    """The API server."""

    def get(self, ref: Ref) -> Object | None:
        """Read one object."""

    def list(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str | None = None,
        label_selector: str | None = None,
    ) -> list[Object]:
        """Read the objects of a kind."""

    def apply(
        self,
        obj: Mapping[str, Any],
        *,
        field_manager: str = "irsa",
        force: bool = False,
        dry_run: bool = False,
    ) -> Object:
        """Apply an object."""

    def create(self, obj: Mapping[str, Any], *, dry_run: bool = False) -> Object:
        """Create an object."""

    def delete(
        self, ref: Ref, *, uid: str | None = None, propagation: Propagation = "Background"
    ) -> bool:
        """Delete an object."""


class DiskDoor(Protocol):
    """The files of an issuer that is published in a directory."""

    def read(self, path: str) -> bytes | None:
        """Read a file."""

    def write(self, path: str, content: bytes, *, before: bytes | None) -> None:
        """Write a file that still is what it was."""

    def remove(self, path: str, *, before: bytes) -> None:
        """Remove a file that still is what it was."""


class WebDoor(Protocol):
    """The world's view of public documents."""

    def get(self, url: str) -> Document:
        """Read a document anonymously."""


def _nobody(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """
    Everything outside.

    Args:
        aws: The door to AWS.
        kube: The door to the API server.
        web: How the public sees the documents.
        say: Told what is waited for.
        sleep: Waits some seconds.
        now: Seconds on a clock that never goes back.
        disk: The files of an issuer that is published in a directory.
    """

    aws: AwsDoor
    kube: KubeDoor
    web: WebDoor
    say: Callable[[str], None] = field(default=_nobody)
    sleep: Callable[[float], None] = field(default=time.sleep)
    now: Callable[[], float] = field(default=time.monotonic)
    disk: DiskDoor = field(default_factory=Disk)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldReader:
    """What resources read through."""

    world: World

    def aws(self, call: Call) -> Mapping[str, Any] | None:
        """Ask AWS."""
        return self.world.aws.read(call)

    def kube(self, ref: Ref) -> Object | None:
        """Ask the API server for one object."""
        return self.world.kube.get(ref)

    def kube_list(self, api_version: str, kind: str, *, label_selector: str) -> list[Object]:
        """Ask the API server for all objects of a kind that carry a label."""
        return self.world.kube.list(api_version, kind, label_selector=label_selector)

    def file(self, path: str) -> bytes | None:
        """Read a file of the issuer's directory."""
        return self.world.disk.read(path)

    def preview(self, thing: Object) -> Object:
        """What an object would look like if it were applied, with force."""
        return self.world.kube.apply(thing, force=True, dry_run=True)
