"""
Killed between any two calls: record every call of a real run, then die at each of them in turn.

A new call is covered without a change here: what is not recorded cannot be missed.
"""

from dataclasses import dataclass, field
from typing import Any


class KilledError(BaseException):
    """The process is gone: nothing that catches errors sees this."""


@dataclass(kw_only=True)
class Killer:
    """
    An observer of both doors, that counts calls and dies at one of them.

    Args:
        at: Which call, from 0; None records only.
        after: Whether the call takes effect first.
    """

    at: int | None = None
    after_it: bool = False
    calls: list[str] = field(default_factory=list)

    def before(self, *call: Any) -> None:
        self.calls.append(_name(call))
        if not self.after_it:
            self._die()

    def after(self, *_: Any) -> None:
        if self.after_it:
            self._die()

    def _die(self) -> None:
        if self.at == len(self.calls) - 1:
            raise KilledError


@dataclass(kw_only=True)
class DeadAfter:
    """
    An observer of the door to AWS that dies when a call took effect.

    Args:
        call: Its name, such as `iam:CreateRole`.
    """

    call: str

    def before(self, call: Any) -> None:
        """Nothing yet."""

    def after(self, call: Any) -> None:
        if call.name == self.call:
            raise KilledError


def _name(call: tuple[Any, ...]) -> str:
    return call[0].name if len(call) == 1 else " ".join(call)
