"""
The API server's flags as values: parsed, compared, and those of the issuer rendered.

The rules are those of kube-apiserver: `--service-account-issuer` is repeated and its first value
signs; `--api-audiences` is a comma list, may be repeated, and defaults to all issuers.
Never here: where the flags are written down.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO

from irsa.errors import InputError, excerpt

PROGRAM = "kube-apiserver"
ISSUER = "service-account-issuer"
AUDIENCES = "api-audiences"
STS_AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """
    One flag of a command line.

    Args:
        name: Without dashes; underscores read as dashes, as kube-apiserver does.
        value: Its value; `true` where none is given.
        first: The index of its first element in the command.
        width: How many elements it takes: 2 for `--flag value`, else 1.
    """

    name: str
    value: str
    first: int
    width: int = 1

    @property
    def last(self) -> int:
        """The index of its last element, the one that holds the value."""
        return self.first + self.width - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuance:
    """
    What decides about tokens: the issuers in order, and the audiences.

    Args:
        issuers: The first signs, all are accepted.
        audiences: As given; None where the flag is absent.
    """

    issuers: tuple[str, ...]
    audiences: tuple[str, ...] | None = None

    @property
    def effective_audiences(self) -> tuple[str, ...]:
        """The audiences in force: all issuers, where the flag is absent."""
        return self.issuers if self.audiences is None else self.audiences

    @property
    def open_to_sts(self) -> bool:
        """Whether tokens meant for AWS are good for this API server too: a hole."""
        return STS_AUDIENCE in self.effective_audiences

    def render(self) -> tuple[str, ...]:
        """The flags, one an element."""
        issuers = tuple(f"--{ISSUER}={issuer}" for issuer in self.issuers)
        if self.audiences is None:
            return issuers
        return (*issuers, f"--{AUDIENCES}={join_list(self.audiences)}")


def parse(command: Sequence[str], source: str) -> tuple[Flag, ...]:
    """
    The flags of a command line that starts with kube-apiserver itself.

    Raises:
        InputError: It starts something else, such as a shell.
    """
    if not command or command[0].rpartition("/")[2] != PROGRAM:
        started = excerpt(command[0]) if command else "nothing"
        raise InputError(
            f"{source} does not start {PROGRAM} itself but {started!r}",
            hint=f"the command has to begin with {PROGRAM}; a shell in between is not understood",
        )
    return tuple(_flags(command))


def issuance_of(flags: Iterable[Flag]) -> Issuance:
    """The issuers and audiences among some flags."""
    given = list(flags)
    audiences = [flag.value for flag in given if flag.name == AUDIENCES]
    return Issuance(
        issuers=tuple(flag.value for flag in given if flag.name == ISSUER),
        audiences=tuple(one for text in audiences for one in split_list(text))
        if audiences
        else None,
    )


def differences(before: Iterable[Flag], after: Iterable[Flag]) -> tuple[str, ...]:
    """
    How two command lines differ, but for issuer and audiences: a sentence for each flag.

    The order counts between values of one flag, not between flags.
    """
    old, new = _values(before), _values(after)
    names = sorted((old.keys() | new.keys()) - {ISSUER, AUDIENCES})
    return tuple(_difference(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n))


def join_list(values: Iterable[str]) -> str:
    """Values as one comma list, quoted where a value needs it."""
    stream = StringIO()
    csv.writer(stream, lineterminator="").writerow(values)
    return stream.getvalue()


def split_list(text: str) -> tuple[str, ...]:
    """The values of a comma list, read as kube-apiserver reads it."""
    return tuple(next(csv.reader([text]), ()))


def _flags(command: Sequence[str]) -> Iterable[Flag]:
    index = 1
    while index < len(command) and command[index] != "--":
        flag = _flag(command, index)
        if flag is not None:
            yield flag
        index += flag.width if flag else 1


def _flag(command: Sequence[str], index: int) -> Flag | None:
    part = command[index]
    if not part.startswith("-"):
        return None
    name, equals, value = part.lstrip("-").partition("=")
    name = name.replace("_", "-")
    if equals:
        return Flag(name=name, value=value, first=index)
    follower = command[index + 1] if index + 1 < len(command) else "-"
    if follower.startswith("-"):
        return Flag(name=name, value="true", first=index)
    return Flag(name=name, value=follower, first=index, width=2)


def _values(flags: Iterable[Flag]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for flag in flags:
        found[flag.name] = (*found.get(flag.name, ()), flag.value)
    return found


def _difference(name: str, old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> str:
    if new is None:
        return f"--{name} is gone (it was {_shown(old)})"
    if old is None:
        return f"--{name} is new ({_shown(new)})"
    return f"--{name} is {_shown(new)}, it was {_shown(old)}"


def _shown(values: tuple[str, ...] | None) -> str:
    return excerpt(" and ".join(repr(value) for value in values or ()))
