"""
The part of a pod that injection reads; everything else is skipped, and so survives.

Never here: what is done with it.
"""

from msgspec import Struct

MIRROR = "kubernetes.io/config.mirror"


class _Part(Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """Fields that nobody reads are not decoded."""


class EnvVar(_Part, frozen=True):
    """A variable; where its value comes from does not matter here."""

    name: str = ""


class VolumeMount(_Part, frozen=True):
    """Where a volume appears in a container."""

    name: str = ""
    mount_path: str = ""
    sub_path: str | None = None
    sub_path_expr: str | None = None


class VolumeDevice(_Part, frozen=True):
    """Where a block device appears in a container."""

    device_path: str = ""


class Container(_Part, frozen=True):
    """An ordinary or init container."""

    name: str = ""
    env: list[EnvVar] | None = None
    volume_mounts: list[VolumeMount] | None = None
    volume_devices: list[VolumeDevice] | None = None


class TokenSource(_Part, frozen=True):
    """A service-account token in a projected volume."""

    audience: str | None = None
    path: str = ""


class Source(_Part, frozen=True):
    """One source of a projected volume; another kind than a token decodes as nothing."""

    service_account_token: TokenSource | None = None


class Projected(_Part, frozen=True):
    """A projected volume."""

    sources: list[Source] | None = None


class Volume(_Part, frozen=True):
    """A volume of the pod."""

    name: str = ""
    projected: Projected | None = None


class OperatingSystem(_Part, frozen=True):
    """What the pod says about its node's system."""

    name: str = ""


class PodSpec(_Part, frozen=True):
    """What the pod runs."""

    service_account_name: str | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    os: OperatingSystem | None = None
    node_selector: dict[str, str] | None = None


class Metadata(_Part, frozen=True):
    """What the pod is called."""

    name: str | None = None
    generate_name: str | None = None
    annotations: dict[str, str] | None = None


class Pod(_Part, frozen=True):
    """A pod, as far as injection reads it."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()

    @property
    def display_name(self) -> str:
        """The name for people: a pod of a controller has only the beginning of one yet."""
        return self.metadata.name or f"{self.metadata.generate_name or ''}*"

    @property
    def service_account(self) -> str:
        """The pod's ServiceAccount; one that names none has `default`."""
        return self.spec.service_account_name or "default"

    @property
    def annotations(self) -> dict[str, str]:
        """The pod's annotations."""
        return self.metadata.annotations or {}

    @property
    def is_mirror(self) -> bool:
        """Whether this shows a static pod, which may use neither ServiceAccounts nor tokens."""
        return MIRROR in self.annotations

    @property
    def is_windows(self) -> bool:
        """Whether the pod says that it runs on Windows."""
        named = self.spec.os.name if self.spec.os else ""
        selector = self.spec.node_selector or {}
        return (named or selector.get("kubernetes.io/os", "")) == "windows"
