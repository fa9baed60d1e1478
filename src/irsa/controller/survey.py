"""
Look for pods without their role, tell of them, and restart what they belong to where that is asked.

ServiceAccounts and pods are read page by page and decoded to what is looked at, so that a large
cluster does not need a large controller; pods only where a ServiceAccount has a role.
Never here: which pods these are, how a rollout goes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from irsa.controller.pods import Account, Bare, LivePod, bare_pods
from irsa.controller.restart import Restarter, Workloads
from irsa.errors import KubeError
from irsa.injection.grants import Defaults, Grant, Verdict, grant_of
from irsa.injection.settings import CONTROLLER, ROLES_CONFIG_MAP
from irsa.kube.objects import Ref
from irsa.webhook.mappings import KEY, mapped

logger = logging.getLogger(__name__)

Object = dict[str, Any]
T = TypeVar("T")

PAGE = 500
REASON = "RoleMissing"
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"
_CONFLICT = 409


class Api(Workloads, Protocol):
    """What of the Kubernetes API a survey needs."""

    def raw(self, path: str) -> bytes:
        """The body at a path."""
        ...

    def create(self, obj: Mapping[str, Any]) -> Object:
        """Create an object; refused if there is one."""
        ...


class _ListMetadata(msgspec.Struct, frozen=True):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, Generic[T], frozen=True):
    metadata: _ListMetadata = _ListMetadata()
    items: list[T] | None = None


_accounts = msgspec.json.Decoder(_Page[Account])
_pods = msgspec.json.Decoder(_Page[LivePod])


@dataclass(slots=True, kw_only=True)
class Survey:
    """
    Finds pods without their role.

    Args:
        kube: The API.
        clock: The time.
        defaults: As the webhook has them: what applies, and what must not be given.
        left_out: The namespaces whose pods the webhook is not asked about.
        mappings: Roles from a ConfigMap, read anew for every survey.
        restarter: Restarts what the pods belong to; None tells of them only.
    """

    kube: Api
    clock: Callable[[], datetime]
    defaults: Defaults
    left_out: frozenset[str] = frozenset()
    mappings: Callable[[], Mapping[str, Verdict]] = dict
    restarter: Restarter | None = None
    found: tuple[Bare, ...] = ()
    looked_at: datetime | None = None
    _told: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Survey the cluster once."""
        granted = self._granted()
        namespaces = sorted({key[0] for key in granted} - self.left_out)
        pods = (pod for namespace in namespaces for pod in self._pods(namespace))
        self.found = tuple(
            bare_pods(pods, lambda *key: granted.get(key), prefix=self.defaults.prefix)
        )
        for bare in self.found:
            if bare.uid not in self._told:
                self._tell(bare)
        self._told = {bare.uid for bare in self.found}
        self.looked_at = self.clock()
        if self.restarter is not None:
            self.restarter.step(self.found)

    def _granted(self) -> dict[tuple[str, str], Verdict]:
        found: dict[tuple[str, str], Verdict] = {}
        for written, verdict in self.mappings().items():
            namespace, _, name = written.partition("/")
            found[namespace, name] = verdict
        for account in self._pages("/api/v1/serviceaccounts", {}, _accounts):
            metadata = account.metadata
            key = (metadata.namespace, metadata.name)
            verdict = grant_of(
                metadata.annotations or {}, self.defaults, namespace=key[0], name=key[1]
            )
            if verdict is not None:
                found[key] = verdict
        return {key: verdict for key, verdict in found.items() if isinstance(verdict, Grant)}

    def _pods(self, namespace: str) -> Iterator[LivePod]:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
        return self._pages(path, {"fieldSelector": _RUNNING}, _pods)

    def _pages(
        self, path: str, params: Mapping[str, str], decoder: msgspec.json.Decoder[_Page[T]]
    ) -> Iterator[T]:
        query = {**params, "limit": str(PAGE)}
        while True:
            page = decoder.decode(self.kube.raw(f"{path}?{urlencode(query)}"))
            yield from page.items or ()
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_

    def _tell(self, bare: Bare) -> None:
        names = ", ".join(bare.containers)
        message = (
            f"ServiceAccount {bare.service_account} has the role {bare.role_arn}, and this pod "
            f"carries no credentials in: {names}. A new pod gets them"
        )
        fields = {"namespace": bare.namespace, "pod": bare.name, "containers": bare.containers}
        logger.warning("a running pod has no role", extra=fields)
        try:
            self.kube.create(_event(bare, message, self.clock()))
        except KubeError as error:
            # 409: an earlier controller told of it within the hour that Events live.
            if error.status != _CONFLICT:
                logger.warning("no Event for pod %s: %s", bare, error.message)


def config_map_roles(
    kube: Workloads, namespace: str, defaults: Defaults
) -> Callable[[], Mapping[str, Verdict]]:
    """Reads what the ConfigMap of AWS's webhook grants."""
    ref = Ref("v1", "ConfigMap", ROLES_CONFIG_MAP, namespace)

    def read() -> Mapping[str, Verdict]:
        data = (kube.get(ref) or {}).get("data") or {}
        return mapped(data.get(KEY, ""), defaults)

    return read


def _event(bare: Bare, message: str, now: datetime) -> Object:
    time = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    pod = {"apiVersion": "v1", "kind": "Pod", "name": bare.name, "namespace": bare.namespace}
    # The name is the pod's and one cause's, so that nobody tells of it twice.
    name = f"{bare.name[:200]}.{bare.uid[:8]}.{REASON.lower()}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": bare.namespace},
        "involvedObject": pod | {"uid": bare.uid},
        "type": "Warning",
        "reason": REASON,
        "message": message[:1024],
        "source": {"component": CONTROLLER},
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
