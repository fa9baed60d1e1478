"""
A plan in a file: for which cluster and account it was made, and how it is known to be the same.

Never here: reading and writing the file, asking the world.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from irsa.errors import InputError, RefusedError, excerpt
from irsa.provision.resource import Plan

FORMAT = "irsa/plan/v1"
_AGAIN = "nothing was changed; make a new plan: irsa plan --out FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """
    What a plan holds for: it is worth nothing where one of these differs.

    Args:
        version: The version of irsa.
        cluster: The cluster's name.
        uid: The cluster's uid.
        account: The AWS account.
        partition: Its partition.
        region: The region.
        config: The digest of the configuration, as it was read.
        only: The parts that the plan is about.
        prune: Whether what the configuration no longer names goes too.
    """

    version: str
    cluster: str
    uid: str
    account: str
    partition: str
    region: str
    config: str
    only: tuple[str, ...] = ()
    prune: bool = False

    def to_json(self) -> dict[str, Any]:
        """The terms, as plain JSON values."""
        return {
            "version": self.version,
            "cluster": {"name": self.cluster, "uid": self.uid},
            "aws": {
                "account": self.account,
                "partition": self.partition,
                "region": self.region,
            },
            "config": self.config,
            "only": list(self.only),
            "prune": self.prune,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Terms":
        """The terms that `to_json` made plain."""
        return cls(
            version=value["version"],
            cluster=value["cluster"]["name"],
            uid=value["cluster"]["uid"],
            account=value["aws"]["account"],
            partition=value["aws"]["partition"],
            region=value["aws"]["region"],
            config=value["config"],
            only=tuple(value["only"]),
            prune=bool(value["prune"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A plan as it was read from a file: its terms, its digest, and its plain JSON values."""

    terms: Terms
    digest: str
    plan: Mapping[str, Any]


def digest_of(data: bytes) -> str:
    """The digest of some bytes, with its name."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def digest(terms: Terms, plan: Plan) -> str:
    """What a plan on these terms is known by: the same for the same calls and objects."""
    return _digest(terms.to_json(), plan.to_json())


def build(terms: Terms, plan: Plan, *, now: datetime) -> bytes:
    """The file: JSON for people and scripts, exactly what will be sent, and no secret."""
    document = {
        "format": FORMAT,
        "digest": digest(terms, plan),
        "createdAt": now.isoformat(timespec="seconds"),
        "terms": terms.to_json(),
        "plan": plan.to_json(),
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def is_one(data: bytes) -> bool:
    """Whether a file was made by `build`, of whatever version, or changed since."""
    try:
        found = json.loads(data)
    except ValueError:
        return False
    return isinstance(found, dict) and str(found.get("format")).startswith("irsa/plan/")


def parse(data: bytes, source: str) -> Saved:
    """
    Read what `build` made.

    Raises:
        InputError: It is no plan, or one that was changed since.
    """
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise InputError(f"{source} has the format {excerpt(str(document['format']))!r}")
        saved = Saved(
            terms=Terms.from_json(document["terms"]),
            digest=str(document["digest"]),
            plan=dict(document["plan"]),
        )
        found = _digest(document["terms"], document["plan"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{source} is not a plan of irsa", hint=_AGAIN) from error
    if found != saved.digest:
        raise InputError(
            f"{source} was changed since it was written: its digest is {found}, "
            f"it says {excerpt(saved.digest)}",
            hint=_AGAIN,
        )
    return saved


def require_terms(saved: Terms, now: Terms) -> None:
    """
    Make sure that a plan was made for this cluster and account, by this irsa, from this file.

    Raises:
        RefusedError: One of the terms differs.
    """
    differing = (
        ("for cluster {}", saved.uid, now.uid),
        ("for AWS account {}", saved.account, now.account),
        ("for partition {}", saved.partition, now.partition),
        ("for region {}", saved.region, now.region),
        ("by irsa {}", saved.version, now.version),
        ("from a configuration with the digest {}", saved.config, now.config),
    )
    for text, then, here in differing:
        if then != here:
            raise RefusedError(
                f"the plan was made {text.format(then)}, this is {here}", hint=_AGAIN
            )


def require_current(saved: Saved, plan: Plan) -> None:
    """
    Make sure that what would be done now is what the plan says.

    Raises:
        RefusedError: The world has changed since; the message says where.
    """
    then, now = saved.plan["changes"], plan.to_json()["changes"]
    if json.loads(json.dumps(now)) != then:
        raise RefusedError(
            f"the plan is out of date: {_difference(then, now)}",
            hint=_AGAIN,
        )
    if json.loads(json.dumps(plan.to_json()["checks"])) != saved.plan["checks"]:
        raise RefusedError("the plan is out of date: it waits for other things", hint=_AGAIN)


def _difference(then: list[Mapping[str, Any]], now: list[dict[str, Any]]) -> str:
    before, after = (
        {_title(one): one["steps"] for one in json.loads(json.dumps(changes))}
        for changes in (then, now)
    )
    for title, steps in before.items():
        if title not in after:
            return f"{title} is no longer to be done"
        if steps != after[title]:
            return f"{title} is no longer done as it says"
    added = [title for title in after if title not in before]
    return f"{added[0]} would be done as well" if added else "the order is another one"


def _title(change: Mapping[str, Any]) -> str:
    return f"{change['action']} {change['kind']} {change['name']}"


def _digest(terms: Any, plan: Any) -> str:
    bound = {"terms": terms, "plan": {key: plan[key] for key in ("changes", "checks")}}
    text = json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return digest_of(text.encode())
