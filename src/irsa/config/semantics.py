"""
Rules over several keys: partitions, accounts, names used twice, wildcards, the issuer's URL.

They run on the decoded data, also when other parts of it are broken.
Never here: rules about one value.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from irsa.arns import Arn, partition_of
from irsa.config.problems import Problems, quoted
from irsa.config.roles import ServiceAccountName, derived_role_name
from irsa.errors import InputError
from irsa.identity.issuer import IssuerUrl

_PUBLISH_NEEDS = {"s3": ("bucket",), "directory": ("url", "directory"), "existing": ("url",)}
_PUBLISH_TAKES = {
    "s3": {"bucket", "prefix", "manageBucket", "namedKeys"},
    "directory": {"url", "directory", "namedKeys"},
    "existing": {"url"},
}
_UNSET: Mapping[str, Any] = {
    "bucket": "",
    "prefix": "",
    "manageBucket": True,
    "url": "",
    "directory": "",
    "namedKeys": [],
}
_OWN: Mapping[str, Any] = {
    "policies": [],
    "inlinePolicy": None,
    "permissionsBoundary": None,
    "maxSessionDuration": 3600,
    "tags": {},
}


def check(data: Mapping[str, Any], lines: Mapping[str, int], problems: Problems) -> None:
    """Note what does not go together."""
    _Check(data, lines, problems).run()


class _Check:
    def __init__(
        self, data: Mapping[str, Any], lines: Mapping[str, int], problems: Problems
    ) -> None:
        self._data = data
        self._lines = lines
        self._problems = problems
        self._doubles: set[str] = set()

    def run(self) -> None:
        self._issuer_keys()
        self._issuer_url()
        for at, role in self._roles():
            self._policies(at, role)
            self._wildcards(at, role)
            self._management(at, role)
        self._one_role_each()
        self._one_name_each()

    def _no(self, path: str, text: str, *, at: str | None = None) -> None:
        self._problems.add(self._lines.get(at or path, 1), path, text)

    def _text(self, section: str, key: str) -> str | None:
        return _text(_mapping(self._data.get(section)).get(key))

    def _roles(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for at, role in enumerate(_list(self._data.get("roles"))):
            yield f"roles[{at}]", _mapping(role)

    def _issuer_keys(self) -> None:
        """Every way of publishing has keys of its own."""
        issuer = _mapping(self._data.get("issuer"))
        publish = _text(issuer.get("publish"))
        if publish not in _PUBLISH_NEEDS:
            return
        for key in _PUBLISH_NEEDS[publish]:
            if not issuer.get(key):
                self._no(f"issuer.{key}", f"is missing: publish: {publish} needs it", at="issuer")
        for key in sorted(_UNSET.keys() - _PUBLISH_TAKES[publish]):
            if issuer.get(key, _UNSET[key]) != _UNSET[key]:
                self._no(f"issuer.{key}", f"has no meaning with publish: {publish}")

    def _management(self, at: str, role: Mapping[str, Any]) -> None:
        """A role of somebody else has a name, and nothing of it but its trust is ours."""
        management = _text(role.get("management"))
        if management not in {"trust-only", "external"}:
            return
        if not role.get("name"):
            self._no(f"{at}.name", f"is missing: management: {management} needs it", at=at)
        for key, unset in _OWN.items():
            if role.get(key, unset) != unset:
                self._no(
                    f"{at}.{key}",
                    f"belongs to the role's owner: with management: {management} irsa leaves it "
                    "alone",
                )

    def _issuer_url(self) -> None:
        bucket, region = self._text("issuer", "bucket"), self._text("aws", "region")
        if bucket is None or region is None:
            return
        try:
            IssuerUrl.for_bucket(bucket, region=region, prefix=self._text("issuer", "prefix") or "")
        except InputError as error:
            self._no("issuer.bucket", f"{quoted(bucket)} makes no issuer: {error.message}")

    def _policies(self, at: str, role: Mapping[str, Any]) -> None:
        paths = {f"{at}.policies[{i}]": v for i, v in enumerate(_list(role.get("policies")))}
        paths[f"{at}.permissionsBoundary"] = role.get("permissionsBoundary")
        for path, value in paths.items():
            text = _text(value)
            if text is not None:
                self._policy(path, text)

    def _policy(self, path: str, text: str) -> None:
        arn = Arn.parse(text)
        region, account = self._text("aws", "region"), self._text("aws", "account")
        partition = partition_of(region).name if region else arn.partition
        if arn.partition != partition:
            self._no(
                path,
                f"{quoted(text)} is of the partition {arn.partition}; {region} is in {partition}",
            )
        elif account and arn.account not in {"aws", account}:
            self._no(
                path,
                f"{quoted(text)} is of account {arn.account}; a role takes policies of its own "
                f"account ({account}) and of AWS",
            )

    def _wildcards(self, at: str, role: Mapping[str, Any]) -> None:
        if role.get("allowWildcard") is True:
            return
        for index, name in _service_accounts(role):
            if name.is_pattern:
                self._no(
                    f"{at}.serviceAccounts[{index}]",
                    f"{quoted(str(name))} stands for several ServiceAccounts, also for those "
                    "that are made tomorrow; if that is meant, add allowWildcard: true",
                )

    def _one_role_each(self) -> None:
        seen: dict[ServiceAccountName, str] = {}
        for at, role in self._roles():
            for index, name in _service_accounts(role):
                first = seen.setdefault(name, at)
                if first != at:
                    self._doubles.add(at)
                    self._no(
                        f"{at}.serviceAccounts[{index}]",
                        f"{quoted(str(name))} has a role already, {first} on line "
                        f"{self._lines[first]}; a ServiceAccount has one role",
                    )

    def _one_name_each(self) -> None:
        seen: dict[str, str] = {}
        for at, role in self._roles():
            if at in self._doubles:
                continue
            name = self._name(at, role)
            first = seen.setdefault(name.lower(), at) if name else at
            if first != at:
                self._no(
                    f"{at}.name" if role.get("name") else at,
                    f"the role's name {quoted(name or '')} is that of {first} on line "
                    f"{self._lines[first]} too; give one of them another name",
                )

    def _name(self, at: str, role: Mapping[str, Any]) -> str | None:
        """The role's name, if it has a proper one; a name that cannot be made is a problem."""
        if role.get("name") is not None:
            return _text(role["name"])
        cluster = self._text("cluster", "name")
        first = next(_service_accounts(role), None)
        if cluster is None or first is None or first[0] != 0:
            return None
        if first[1].is_pattern:
            self._no(at, f"needs a name, since none can be made of {quoted(str(first[1]))}")
            return None
        return derived_role_name(cluster, first[1])


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _service_accounts(role: Mapping[str, Any]) -> Iterator[tuple[int, ServiceAccountName]]:
    for index, name in enumerate(_list(role.get("serviceAccounts"))):
        if isinstance(name, ServiceAccountName):
            yield index, name
