"""
Every call to AWS that a verification may make, before it makes any: for its least permissions.

Never here: what they need.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.aws.call import Call
from irsa.config import Config
from irsa.provision.permissions import Place
from irsa.verify import temporary
from irsa.verify.echo import Echo
from irsa.verify.temporary import Temporary

_ANY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Everything:
    """An AWS in which there is everything that could have to be removed."""

    calls: list[Call] = field(default_factory=list)

    def call(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        return {}

    def read(self, call: Call) -> Mapping[str, Any]:
        self.calls.append(call)
        return {"Contents": [{"Key": f"{_echo(_ANY).key_prefix}/{_ANY}"}]}


def calls(config: Config) -> list[Call]:
    """The calls of any run, with wildcards for what is random in its names."""
    own, seen = Temporary(config=config, run=_ANY), _Everything()
    echo = _echo(own.bucket)
    list(temporary.left_behind(config, seen))
    own.remove(seen)
    key = f"{echo.key_prefix}/{_ANY}"
    read_back = Call(service="s3", operation="GetObject", params={"Bucket": own.bucket, "Key": key})
    return [*own.role_calls(echo), own.bucket_call(), read_back, *seen.calls]


def place(config: Config, partition: str) -> Place:
    """Where these calls go: a role that is not there has no path, as far as AWS knows."""
    own = Temporary(config=config, run=_ANY)
    paths = {own.role: frozenset({own.path, "/"})}
    return Place(partition=partition, account=config.aws.account, paths=paths)


def _echo(bucket: str) -> Echo:
    return Echo(run=_ANY, namespace="any", service_account="any", bucket=bucket)
