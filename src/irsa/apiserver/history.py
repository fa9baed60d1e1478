"""
The history of an issuer's change: who reached which stage when, as values.

An edit is recorded before it is made and again when it is proved, so that a run that was killed in
between still leaves its trace.
Never here: where the history is kept.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum

import msgspec

from irsa.apiserver.flags import Issuance
from irsa.apiserver.stages import Past, Stage, stage_of
from irsa.errors import KubeError, excerpt


class Event(StrEnum):
    """What happened to one server."""

    begun = "begun"
    done = "done"
    put_back = "put-back"


class Flags(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Issuers and audiences, as they are kept."""

    issuers: tuple[str, ...]
    audiences: tuple[str, ...] | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line of the history."""

    time: datetime
    server: str
    event: Event
    stage: Stage
    issuer: str
    before: Flags
    after: Flags
    version: str
    overrides: tuple[str, ...] = ()
    reason: str | None = None


def flags_of(issuance: Issuance) -> Flags:
    """Issuers and audiences in the form that is kept."""
    return Flags(issuers=issuance.issuers, audiences=issuance.audiences)


def issuance_of(kept: Flags) -> Issuance:
    """Issuers and audiences that were kept."""
    return Issuance(issuers=kept.issuers, audiences=kept.audiences)


def past_of(records: Sequence[Record], server: str, *, new: str) -> Past:
    """What the history tells for one server and one new issuer."""
    about = [record for record in records if record.issuer == new]
    firsts = (one.before for one in about if one.server == server and _was_original(one, new))
    first = next(firsts, None)
    return Past(
        kept=bool(about),
        activated=any(one.after.issuers[:1] == (new,) for one in about),
        original=issuance_of(first) if first else None,
    )


def decode(text: str, source: str) -> tuple[Record, ...]:
    """
    Read a history.

    Raises:
        KubeError: It is not what this tool wrote.
    """
    try:
        return msgspec.json.decode(text, type=tuple[Record, ...])
    except msgspec.DecodeError as error:
        raise KubeError(
            f"{source} cannot be read: {excerpt(str(error))}",
            hint="a newer irsa may have written it; otherwise move the ConfigMap away",
        ) from error


def encode(records: Iterable[Record]) -> str:
    """Write a history, one record a line."""
    lines = (msgspec.json.encode(record).decode() for record in records)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _was_original(record: Record, new: str) -> bool:
    return stage_of(Issuance(issuers=record.before.issuers), new) is Stage.original
