"""
Which parts of the whole a run is about: two teams may each have their own half.

Never here: what a part consists of; that is in `desired`.
"""

from collections.abc import Iterable
from enum import StrEnum

from irsa.errors import InputError


class Part(StrEnum):
    """One part of what is made, by the name that `--only` takes."""

    issuer = "issuer"
    provider = "provider"
    roles = "roles"
    service_accounts = "service-accounts"
    injection = "injection"


AWS = frozenset({Part.issuer, Part.provider, Part.roles})
CLUSTER = frozenset({Part.service_accounts, Part.injection})
ALL = AWS | CLUSTER

_SHORTHANDS = {"aws": AWS, "cluster": CLUSTER}

Scope = frozenset[Part]


def parse(names: Iterable[str]) -> Scope:
    """
    The parts that are named, one by one or joined with commas; all of them if none is.

    Raises:
        InputError: There is no such part.
    """
    given = [name.strip() for text in names for name in text.split(",")]
    return frozenset(part for name in given for part in _parts(name)) if given else ALL


def spell(scope: Scope) -> list[str]:
    """The names of the parts, in the order in which they are made."""
    return [str(part) for part in Part if part in scope]


def _parts(name: str) -> Scope:
    if name in _SHORTHANDS:
        return _SHORTHANDS[name]
    try:
        return frozenset({Part(name)})
    except ValueError as error:
        known = ", ".join([*map(str, Part), *_SHORTHANDS])
        raise InputError(f"--only {name!r} is no part", hint=f"the parts are: {known}") from error
