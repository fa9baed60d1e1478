"""
Look for pods without their role, and for ServiceAccounts whose role must not be given.

ServiceAccounts and pods are read page by page and decoded to what is looked at, so that a large
cluster does not need a large controller; pods only where a ServiceAccount has a role.
Never here: which pods these are, who is told, how a rollout goes.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from irsa.controller.pods import Account, Bare, LivePod, bare_pods
from irsa.errors import KubeError
from irsa.injection.grants import Defaults, Grant, Refusal, Verdict, grant_of
from irsa.injection.settings import ROLES_CONFIG_MAP
from irsa.kube.objects import Ref

Object = dict[str, Any]
T = TypeVar("T")

PAGE = 250
# How often a list is begun anew because the server forgot where it was.
RESTARTS = 5
_GONE = 410
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"


class Pages(Protocol):
    """What of the Kubernetes API a search needs."""

    def raw(self, path: str) -> bytes:
        """The body at a path."""
        ...


class Objects(Protocol):
    """What of the Kubernetes API a ConfigMap needs."""

    def get(self, ref: Ref) -> Object | None:
        """One object, or None."""
        ...


class _ListMetadata(msgspec.Struct, frozen=True):
    continue_: str = msgspec.field(name="continue", default="")


class _Page(msgspec.Struct, Generic[T], frozen=True):
    metadata: _ListMetadata = _ListMetadata()
    items: list[T] | None = None


_accounts = msgspec.json.Decoder(_Page[Account])
_pods = msgspec.json.Decoder(_Page[LivePod])


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A ServiceAccount whose annotated role is not given to its pods, and why."""

    namespace: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What a search has found.

    Args:
        granted: How many ServiceAccounts have a role.
        refused: Those that ask for one which must not be given.
        bare: Running pods that should carry a role and do not.
    """

    granted: int = 0
    refused: tuple[Refused, ...] = ()
    bare: tuple[Bare, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    Looks through the cluster; changes nothing.

    Args:
        kube: The API.
        defaults: As the webhook has them: what applies, and what must not be given.
        left_out: The namespaces whose pods the webhook is not asked about.
        mappings: Roles from a ConfigMap, read anew for every search.
    """

    kube: Pages
    defaults: Defaults
    left_out: frozenset[str] = frozenset()
    mappings: Callable[[], Mapping[str, Verdict]] = dict

    def find(self) -> Found:
        """Search the cluster once."""
        verdicts = self._verdicts()
        granted = {key: one for key, one in verdicts.items() if isinstance(one, Grant)}
        namespaces = sorted({key[0] for key in granted} - self.left_out)
        pods = (pod for namespace in namespaces for pod in self._pods(namespace))
        bare = bare_pods(pods, lambda *key: granted.get(key), prefix=self.defaults.prefix)
        return Found(
            granted=len(granted),
            refused=tuple(
                Refused(namespace=key[0], name=key[1], reason=one.reason)
                for key, one in sorted(verdicts.items(), key=lambda item: item[0])
                if isinstance(one, Refusal)
            ),
            # A list that was begun anew names some twice.
            bare=tuple({one.uid: one for one in bare}.values()),
        )

    def _verdicts(self) -> dict[tuple[str, str], Verdict]:
        found: dict[tuple[str, str], Verdict] = {}
        for written, verdict in self.mappings().items():
            namespace, _, name = written.partition("/")
            found[namespace, name] = verdict
        for account in self._pages("/api/v1/serviceaccounts", {}, decoder=_accounts):
            metadata = account.metadata
            if not metadata.annotations:
                continue
            key = (metadata.namespace, metadata.name)
            verdict = grant_of(metadata.annotations, self.defaults, namespace=key[0], name=key[1])
            if verdict is not None:
                found[key] = verdict
        return found

    def _pods(self, namespace: str) -> Iterator[LivePod]:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
        return self._pages(path, {"fieldSelector": _RUNNING}, decoder=_pods)

    def _pages(
        self, path: str, params: Mapping[str, str], *, decoder: msgspec.json.Decoder[_Page[T]]
    ) -> Iterator[T]:
        for turn in range(RESTARTS):
            try:
                yield from self._list(path, params, decoder=decoder)
            except KubeError as error:
                if error.status != _GONE or turn == RESTARTS - 1:
                    raise
            else:
                return

    def _list(
        self, path: str, params: Mapping[str, str], *, decoder: msgspec.json.Decoder[_Page[T]]
    ) -> Iterator[T]:
        query = {**params, "limit": str(PAGE)}
        while True:
            page = _decoded(decoder, self.kube.raw(f"{path}?{urlencode(query)}"), path)
            yield from page.items or ()
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_


def config_map_roles(
    kube: Objects, namespace: str, defaults: Defaults
) -> Callable[[], Mapping[str, Verdict]]:
    """Reads what the ConfigMap of AWS's webhook grants."""
    # With asyncio, which nothing else here needs.
    from irsa.webhook.mappings import KEY, mapped

    ref = Ref("v1", "ConfigMap", ROLES_CONFIG_MAP, namespace)

    def read() -> Mapping[str, Verdict]:
        data = (kube.get(ref) or {}).get("data") or {}
        return mapped(data.get(KEY, ""), defaults)

    return read


def _decoded(decoder: msgspec.json.Decoder[T], body: bytes, path: str) -> T:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise KubeError(
            f"the answer to {path} is something else than a list",
            hint="is it the URL of a Kubernetes API server?",
        ) from error
