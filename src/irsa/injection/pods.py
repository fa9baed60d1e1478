"""
The part of a pod that injection reads; everything else is skipped, and so survives.

Never here: what is done with it.
"""

from msgspec import Struct, field

MIRROR = "kubernetes.io/config.mirror"
# The second is the first one's name before Kubernetes 1.14; charts still carry it.
OS_LABELS = ("kubernetes.io/os", "beta.kubernetes.io/os")
WINDOWS = "windows"


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


class Requirement(_Part, frozen=True):
    """What a node's label must be."""

    key: str = ""
    operator: str = ""
    values: list[str] | None = None


class NodeSelectorTerm(_Part, frozen=True):
    """Requirements that must all hold."""

    match_expressions: list[Requirement] | None = None


class NodeSelector(_Part, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: list[NodeSelectorTerm] | None = None


class NodeAffinity(_Part, frozen=True):
    """The nodes that the pod may run on; what it only prefers does not matter here."""

    required: NodeSelector | None = field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(_Part, frozen=True):
    """Where the pod may run."""

    node_affinity: NodeAffinity | None = None


class PodSpec(_Part, frozen=True):
    """What the pod runs."""

    service_account_name: str | None = None
    containers: list[Container] | None = None
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    os: OperatingSystem | None = None
    node_selector: dict[str, str] | None = None
    affinity: Affinity | None = None


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
        """Whether the pod says that it runs on Windows, and on nothing else."""
        spec = self.spec
        if spec.os:
            return spec.os.name == WINDOWS
        if not (spec.node_selector or spec.affinity):
            return False
        selector = spec.node_selector or {}
        return any(selector.get(label) == WINDOWS for label in OS_LABELS) or self._needs_windows()

    def _needs_windows(self) -> bool:
        affinity = self.spec.affinity and self.spec.affinity.node_affinity
        required = affinity.required if affinity else None
        terms = (required.node_selector_terms if required else None) or ()
        return bool(terms) and all(_is_windows_only(term) for term in terms)


def _is_windows_only(term: NodeSelectorTerm) -> bool:
    return any(
        needed.key in OS_LABELS and needed.operator == "In" and needed.values == [WINDOWS]
        for needed in term.match_expressions or ()
    )
