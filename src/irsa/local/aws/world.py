"""
The account behind the front: moto's backends, and what moto has no place for.

Never here: rules.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.iam.models import IAMBackend, iam_backends
from moto.s3.models import FakeBucket, S3Backend, s3_backends

from irsa.arns import partition_of
from irsa.local.aws.lag import Past, copied
from irsa.local.aws.sso.state import SignOn
from irsa.local.delays import NONE, Delays

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """
    Temporary credentials that STS gave out.

    Args:
        keys: The condition keys that a web identity left behind, such as `host:sub`.
        policies: The session's own policies: it may do only what they allow, too. None if it has
            none.
    """

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime
    role_id: str
    role_arn: str
    name: str
    keys: Mapping[str, str | Sequence[str]]
    policies: tuple[Mapping[str, Any], ...] | None = None


@dataclass(kw_only=True)
class World:
    """
    One account in one partition.

    Args:
        clock: The time; an argument so that it can be another one.
        delays: How late things are seen, asked for at each call.
        documents: What STS keeps of issuers: when it was read, and what.
        sign_on: What IAM Identity Center remembers.
    """

    account: str
    region: str
    clock: Clock = system_clock
    delays: Callable[[], Delays] = lambda: NONE
    sessions: dict[str, Session] = field(default_factory=dict)
    bucket_policies: dict[str, bytes] = field(default_factory=dict)
    account_block: dict[str, bool] | None = None
    documents: dict[str, tuple[datetime, bytes]] = field(default_factory=dict)
    sign_on: SignOn = field(default_factory=SignOn)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _past: Past = field(default_factory=Past)
    _shown: IAMBackend | None = None

    @property
    def partition(self) -> str:
        """The partition that the account belongs to."""
        return partition_of(self.region).name

    @property
    def iam(self) -> IAMBackend:
        """The IAM backend, as it is seen by the call that is under way."""
        return self._shown or self._truth

    @property
    def _truth(self) -> IAMBackend:
        return iam_backends[self.account][self.partition]

    @property
    def s3(self) -> S3Backend:
        """The S3 backend."""
        return s3_backends[self.account][self.partition]

    @contextlib.contextmanager
    def as_seen(self) -> Iterator[None]:
        """IAM as it is seen now, which may be a while behind what it is."""
        delay = self.delays().iam
        with self._showing(self._past.seen(self._truth, now=self.clock(), delay=delay)):
            yield

    def change(self, make: Callable[[], Any]) -> Any:
        """Change IAM, if that fits what is seen and what is so; it may be seen later."""
        if not self.delays().iam:
            return make()
        with self._showing(copied(self.iam)):
            make()
        with self._showing(self._truth):
            self._past.before(self._truth)
            answer = make()
            self._past.after(self._truth, self.clock())
        return answer

    @contextlib.contextmanager
    def _showing(self, iam: IAMBackend) -> Iterator[None]:
        before, self._shown = self._shown, iam
        try:
            yield
        finally:
            self._shown = before

    def bucket(self, name: str) -> FakeBucket | None:
        """A bucket by its name; None if there is none."""
        return self.s3.buckets.get(name)

    def role(self, name: str) -> Any | None:
        """A role by its name, in whatever case; None if there is none."""
        return next((r for r in self.iam.roles.values() if r.name.lower() == name.lower()), None)

    def user(self, name: str) -> Any | None:
        """A user by its name, in whatever case; None if there is none."""
        return next((u for u in self.iam.users.values() if u.name.lower() == name.lower()), None)
