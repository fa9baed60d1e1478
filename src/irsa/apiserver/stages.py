"""
The stages of a change of issuer: what is known of every server and a goal give the next step.

`accept` (old, new), then `activate` (new, old); `rollback` walks back edit by edit. `retire` (new
alone) is a stage that is recognised, and a goal for later.
Never here: asking or editing a server.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from irsa.apiserver.flags import Issuance


class Stage(StrEnum):
    """How far one server is."""

    original = "original"
    accept = "accept"
    activate = "activate"
    retire = "retire"


class Gate(StrEnum):
    """What may refuse a step; the names are those that `--override` takes."""

    servers_agree = "servers-agree"
    every_server_accepts = "every-server-accepts"
    running_as_written = "running-as-written"
    new_tokens = "new-tokens"
    documents = "documents"
    keys = "keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """
    What is known of one server now.

    Args:
        issuance: By the flags it runs with; None where they cannot be seen.
        answers: Whether it said that it is ready.
        document_issuer: The issuer in its own discovery document; None where it has none.
        problem: Why something of this could not be learnt.
    """

    name: str
    issuance: Issuance | None
    answers: bool
    document_issuer: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """
    What the history tells.

    Args:
        kept: Whether there is a history at all.
        activated: Whether a server may ever have signed with the new issuer.
        original: Issuers and audiences of this server before the first edit.
    """

    kept: bool = False
    activated: bool = False
    original: Issuance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a step must not be taken; without a gate it cannot be overridden."""

    gate: Gate | None
    reason: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """
    The next edit of one server.

    Args:
        stage: Where the server is afterwards.
        wanted: Its issuers and audiences then; None where nothing is to be done.
        refusals: Why not.
    """

    stage: Stage
    wanted: Issuance | None = None
    refusals: tuple[Refusal, ...] = ()


def stage_of(issuance: Issuance, new: str) -> Stage:
    """How far a server with these issuers is on the way to the new one."""
    if new not in issuance.issuers:
        return Stage.original
    if issuance.issuers[0] != new:
        return Stage.accept
    return Stage.activate if len(issuance.issuers) > 1 else Stage.retire


def accept(here: Issuance, new: str) -> Step:
    """The step to a server that accepts the new issuer and goes on signing with the old one."""
    stage = stage_of(here, new)
    if stage in {Stage.activate, Stage.retire}:
        return Step(stage=stage)
    issuers = here.issuers if stage is Stage.accept else (*here.issuers, new)
    wanted = Issuance(issuers=issuers, audiences=here.effective_audiences)
    return Step(stage=Stage.accept, wanted=None if wanted == here else wanted)


def activate(here: Issuance, new: str, *, fleet: Iterable[Known]) -> Step:
    """The step to a server that signs with the new issuer, once every server accepts it."""
    stage = stage_of(here, new)
    if stage in {Stage.activate, Stage.retire}:
        return Step(stage=stage)
    if stage is Stage.original:
        return Step(stage=stage, refusals=(_accept_first(new),))
    others = tuple(issuer for issuer in here.issuers if issuer != new)
    return Step(
        stage=Stage.activate,
        wanted=Issuance(issuers=(new, *others), audiences=here.effective_audiences),
        refusals=tuple(_not_accepting(fleet, new)),
    )


def rollback(here: Issuance, new: str, *, fleet: Iterable[Known], past: Past) -> Step:
    """The step back: from activate to accept; from accept to the original if that is safe."""
    match stage_of(here, new):
        case Stage.original:
            return Step(stage=Stage.original)
        case Stage.retire:
            return _from_retire(new, here, past)
        case Stage.activate:
            issuers = (*here.issuers[1:], new)
            return Step(stage=Stage.accept, wanted=replace(here, issuers=issuers))
        case Stage.accept:
            return _from_accept(new, here, past, fleet=fleet)


def _from_retire(new: str, here: Issuance, past: Past) -> Step:
    if past.original is None:
        hint = "add the old issuer by hand as a second --service-account-issuer"
        reason = "the history does not tell which issuer there was before"
        refusal = Refusal(gate=None, reason=reason, hint=hint)
        return Step(stage=Stage.retire, refusals=(refusal,))
    issuers = (*past.original.issuers, new)
    return Step(stage=Stage.accept, wanted=replace(here, issuers=issuers))


def _from_accept(new: str, here: Issuance, past: Past, *, fleet: Iterable[Known]) -> Step:
    issuers = tuple(issuer for issuer in here.issuers if issuer != new)
    original = past.original
    audiences = original.audiences if original else here.audiences
    return Step(
        stage=Stage.original,
        wanted=Issuance(issuers=issuers, audiences=audiences),
        refusals=tuple(_living_tokens(new, past, fleet)),
    )


def _accept_first(new: str) -> Refusal:
    return Refusal(
        gate=None,
        reason=f"this server does not accept {new} yet",
        hint="irsa issuer accept, on every control-plane node, comes first",
    )


def _not_accepting(fleet: Iterable[Known], new: str) -> Iterator[Refusal]:
    for server in fleet:
        why = _why_not(server, new)
        if why:
            yield Refusal(
                gate=Gate.every_server_accepts,
                reason=f"{server.name} {why}",
                hint=f"irsa issuer accept on {server.name} first, with the server up",
            )


def _why_not(server: Known, new: str) -> str | None:
    if not server.answers:
        return f"does not answer ({server.problem or 'not ready'}): it may come back with old flags"
    if server.issuance is None:
        return "shows no flags: it is not known whether it accepts the new issuer"
    if new not in server.issuance.issuers:
        return f"does not accept {new}: its tokens would be rejected there"
    return None


def _living_tokens(new: str, past: Past, fleet: Iterable[Known]) -> Iterator[Refusal]:
    reasons = [
        f"{server.name} signs with {new}"
        for server in fleet
        if server.issuance is not None and server.issuance.issuers[:1] == (new,)
    ]
    if not past.kept:
        reasons.append(f"there is no history that says {new} was never active")
    elif past.activated:
        reasons.append(f"{new} was active, and tokens of it may be alive")
    for reason in reasons:
        hint = "accepting one issuer more harms nothing; stay here, or wait until no token is alive"
        yield Refusal(gate=Gate.new_tokens, reason=reason, hint=hint)
