"""The issuer's change as lines of text and as JSON."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from irsa.apiserver.distributions import kubeadm
from irsa.apiserver.distributions.kubeadm import Advice
from irsa.apiserver.flags import STS_AUDIENCE, Issuance
from irsa.apiserver.situation import Situation
from irsa.apiserver.stages import Known, Refusal, Stage, stage_of


def stage_name(issuance: Issuance | None, new: str) -> str:
    """A stage as it is shown; `unknown` where the flags cannot be seen."""
    return stage_of(issuance, new).value if issuance else "unknown"


def status_data(situation: Situation, new: str) -> dict[str, Any]:
    """The situation for scripts."""
    advice = _advice(situation)
    return {
        "issuer": new,
        "servers": [
            {"url": server.url, **_known_data(known, new)}
            for server, known in zip(situation.fleet.servers, situation.known, strict=True)
        ],
        "differences": list(situation.fleet.differences),
        "here": situation.here.server.name if situation.here else None,
        "history": [_record_data(record) for record in situation.records],
        "kubeadm": _advice_data(advice) if advice else None,
    }


def status_lines(situation: Situation, new: str) -> list[str]:
    """A few lines a server; whole URLs, so that they can be copied."""
    lines = [f"new issuer: {new}"]
    for known in situation.known:
        readiness = "ready" if known.answers else "does not answer"
        lines.append(f"{known.name}: {stage_name(known.issuance, new)}, {readiness}")
        if known.issuance:
            lines += _labelled("issuers", known.issuance.issuers)
            lines += _labelled("audiences", known.issuance.effective_audiences)
    return lines


def document_lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Two discovery documents of the API servers side by side, one line each a member."""
    lines = ["the API servers' own discovery document:"]
    for name in dict.fromkeys((*old, *new)):
        before, after = _text(old.get(name)), _text(new.get(name))
        if before == after:
            lines.append(f"    {name}: {before}")
        else:
            lines += [f"  - {name}: {before}", f"  + {name}: {after}"]
    return lines


def warnings(situation: Situation) -> list[str]:
    """What is wrong beside the stages."""
    found = [f"it is not certain which servers there are: {d}" for d in situation.fleet.differences]
    for known in situation.known:
        if known.problem:
            found.append(f"{known.name}: {known.problem}")
        if _signs_otherwise(known):
            found.append(
                f"{known.name}: its discovery document names {known.document_issuer}, its first"
                f" --service-account-issuer is another: its process is not what is written"
            )
        if known.issuance and known.issuance.open_to_sts:
            found.append(
                f"{known.name}: {STS_AUDIENCE} is among --api-audiences, so that every token meant"
                " for AWS is good for this API server too; it is kept, take it out by hand"
            )
    return found


def last_records(situation: Situation, new: str) -> list[str]:
    """When each server reached its last stage."""
    latest = {one.server: one for one in situation.records if one.issuer == new}
    return [
        f"{one.server}: {one.stage} {one.event}, {one.time:%Y-%m-%d %H:%M:%S} UTC"
        for one in latest.values()
    ]


def remaining(situation: Situation, new: str, stage: Stage) -> list[str]:
    """The other servers that are not at a stage yet, and where they are."""
    here = situation.here.server.name if situation.here else None
    return [
        f"{known.name} ({stage_name(known.issuance, new)})"
        for known in situation.known
        if known.name != here and stage_name(known.issuance, new) != stage
    ]


def change_lines(before: Issuance, after: Issuance) -> list[str]:
    """The flags that go and come, as a diff."""
    old, new = before.render(), after.render()
    if set(old) == set(new):
        return [f"- {flag}" for flag in old] + [f"+ {flag}" for flag in new]
    kept = set(old) & set(new)
    lines = [f"- {flag}" for flag in old if flag not in kept]
    return lines + [f"{' ' if flag in kept else '+'} {flag}" for flag in new]


def kubeadm_lines(situation: Situation, wanted: Issuance | None = None) -> list[str]:
    """What to write down so that `kubeadm upgrade` keeps the flags; nothing where it does."""
    advice = _advice(situation, wanted)
    if advice is None:
        return []
    lines = [f"{advice.reason}.", f"Put this in {advice.place}:", "", advice.text.rstrip(), ""]
    return [*lines, advice.caution] if advice.caution else lines


def refusal_text(refusal: Refusal) -> str:
    """A refusal with its gate's name."""
    return f"{refusal.reason} (gate {refusal.gate})" if refusal.gate else refusal.reason


def _advice(situation: Situation, wanted: Issuance | None = None) -> Advice | None:
    running = [known.issuance for known in situation.known if known.issuance]
    if wanted is None and not running:
        return None
    return kubeadm.advise(situation.kubeadm_config, wanted or running[0])


def _known_data(known: Known, new: str) -> dict[str, Any]:
    issuance = known.issuance
    return {
        "name": known.name,
        "stage": stage_name(issuance, new),
        "answers": known.answers,
        "documentIssuer": known.document_issuer,
        "issuers": list(issuance.issuers) if issuance else None,
        "audiences": list(issuance.effective_audiences) if issuance else None,
        "audiencesPinned": issuance.audiences is not None if issuance else None,
        "openToSts": issuance.open_to_sts if issuance else None,
        "problem": known.problem,
    }


def _record_data(record: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(record)


def _advice_data(advice: Advice) -> dict[str, Any]:
    return {
        "reason": advice.reason,
        "place": advice.place,
        "text": advice.text,
        "caution": advice.caution,
    }


def _signs_otherwise(known: Known) -> bool:
    issuers = known.issuance.issuers if known.issuance else ()
    return bool(known.document_issuer and issuers and known.document_issuer != issuers[0])


def _labelled(label: str, values: Iterable[str]) -> list[str]:
    labels = itertools.chain([label], itertools.repeat(""))
    return [f"  {name:<10}{value}" for name, value in zip(labels, values, strict=False)]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
