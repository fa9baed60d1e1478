"""
Roles from the ConfigMap `pod-identity-webhook`, for ServiceAccounts without an annotation.

Its data is AWS's: under `config`, JSON such as `{"shop/web": {"RoleARN": "arn:…"}}`, where an entry
may also have `Audience`, `UseRegionalSTS` and `TokenExpiration`.
An annotation goes first. One small read every few seconds, instead of a watch: it needs no more
than `get` on this one object.
Never here: ServiceAccounts.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote

import msgspec

from irsa.errors import InputError, IrsaError, KubeError, excerpt
from irsa.injection import grants
from irsa.injection.grants import Defaults, Verdict, grant_of
from irsa.injection.settings import ROLES_CONFIG_MAP

logger = logging.getLogger(__name__)

KEY = "config"
PERIOD = 2.0


class _Entry(msgspec.Struct, frozen=True):
    role: str = msgspec.field(default="", name="RoleARN")
    audience: str = msgspec.field(default="", name="Audience")
    regional_sts: bool | None = msgspec.field(default=None, name="UseRegionalSTS")
    expiration: int = msgspec.field(default=0, name="TokenExpiration")


class _ConfigMap(msgspec.Struct, frozen=True):
    data: dict[str, str] | None = None


_config_maps = msgspec.json.Decoder(_ConfigMap)
_entries = msgspec.json.Decoder(dict[str, _Entry])


class Source(Protocol):
    """What of the API server is read: `irsa.kube.stream.Stream`."""

    async def get(self, path: str) -> bytes:
        """The body at a path."""
        ...


class Mappings:
    """
    What the ConfigMap grants, read anew every few seconds.

    Args:
        source: The API server.
        namespace: The ConfigMap's namespace.
        defaults: What applies where an entry says nothing, and what must not be given.
    """

    def __init__(self, source: Source, namespace: str, *, defaults: Defaults) -> None:
        self._source = source
        self._path = f"/api/v1/namespaces/{quote(namespace, safe='')}/configmaps/{ROLES_CONFIG_MAP}"
        self._defaults = defaults
        self._verdicts: Mapping[str, Verdict] = {}
        self._text: str | None = None
        self._complaint = ""
        self.synced = False

    def get(self, namespace: str, name: str) -> Verdict:
        """What the ConfigMap grants to a ServiceAccount."""
        return self._verdicts.get(f"{namespace}/{name}")

    async def run(self, *, period: float = PERIOD) -> None:
        """Read again and again; what was last understood stays while that fails."""
        while True:
            try:
                self._take(await self._read())
                self._complaint = ""
            except IrsaError as error:
                if error.message != self._complaint:
                    logger.warning("the ConfigMap %s: %s", ROLES_CONFIG_MAP, error.message)
                self._complaint = error.message
            await asyncio.sleep(period)

    async def _read(self) -> str:
        try:
            body = await self._source.get(self._path)
        except KubeError as error:
            if error.status == 404:
                return ""
            raise
        try:
            return (_config_maps.decode(body).data or {}).get(KEY, "")
        except msgspec.MsgspecError as error:
            raise KubeError(f"{self._path} is answered with something else") from error

    def _take(self, text: str) -> None:
        if text != self._text:
            verdicts = mapped(text, self._defaults)
            logger.info("the ConfigMap %s maps %d ServiceAccounts", ROLES_CONFIG_MAP, len(verdicts))
            self._verdicts, self._text = verdicts, text
        self.synced = True


def mapped(text: str, defaults: Defaults) -> dict[str, Verdict]:
    """
    What each `namespace/name` of the ConfigMap's text is granted.

    Raises:
        InputError: The text is not what AWS's webhook reads.
    """
    try:
        entries = _entries.decode(text) if text.strip() else {}
    except msgspec.MsgspecError as error:
        raise InputError(f"{KEY} is not a map of roles: {excerpt(str(error))}") from error
    verdicts: dict[str, Verdict] = {}
    for key, entry in entries.items():
        namespace, slash, name = key.partition("/")
        if not (namespace and slash and name) or "/" in name:
            raise InputError(
                f"{KEY}: {excerpt(key)!r} is not the namespace/name of a ServiceAccount"
            )
        found = _annotations(entry, defaults.prefix)
        verdicts[key] = grant_of(found, defaults, namespace=namespace, name=name)
    return verdicts


def _annotations(entry: _Entry, prefix: str) -> dict[str, str]:
    """An entry as the annotations that mean the same."""
    found = {grants.ROLE_ARN: entry.role}
    if entry.audience:
        found[grants.AUDIENCE] = entry.audience
    if entry.regional_sts is not None:
        found[grants.REGIONAL_STS] = str(entry.regional_sts).lower()
    if entry.expiration:
        found[grants.TOKEN_EXPIRATION] = str(entry.expiration)
    return {f"{prefix}/{name}": value for name, value in found.items()}
