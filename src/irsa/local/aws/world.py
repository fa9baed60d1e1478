"""
The account behind the front: moto's backends, and what moto has no place for.

Never here: rules.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import IAMBackend, iam_backends
from moto.s3.models import FakeBucket, S3Backend, s3_backends

from irsa.arns import partition_of

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    Temporary credentials that AssumeRoleWithWebIdentity gave out.

    Args:
        keys: The condition keys that the token left behind, such as `host:sub`.
    """

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime
    role_id: str
    role_arn: str
    name: str
    keys: Mapping[str, str | Sequence[str]]


@dataclass(kw_only=True)
class World:
    """
    One account in one partition.

    Args:
        clock: The time; an argument so that it can be another one.
    """

    account: str
    region: str
    clock: Clock = system_clock
    sessions: dict[str, Session] = field(default_factory=dict)
    bucket_policies: dict[str, bytes] = field(default_factory=dict)
    account_block: dict[str, bool] | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def partition(self) -> str:
        """The partition that the account belongs to."""
        return partition_of(self.region).name

    @property
    def iam(self) -> IAMBackend:
        """The IAM backend."""
        return iam_backends[self.account][self.partition]

    @property
    def s3(self) -> S3Backend:
        """The S3 backend."""
        return s3_backends[self.account][self.partition]

    def bucket(self, name: str) -> FakeBucket | None:
        """A bucket by its name; None if there is none."""
        return self.s3.buckets.get(name)

    def role(self, name: str) -> Any | None:
        """A role by its name, in whatever case; None if there is none."""
        return next((r for r in self.iam.roles.values() if r.name.lower() == name.lower()), None)

    def user(self, name: str) -> Any | None:
        """A user by its name, in whatever case; None if there is none."""
        return next((u for u in self.iam.users.values() if u.name.lower() == name.lower()), None)
