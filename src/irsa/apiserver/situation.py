"""
All that is known now about an issuer's change, and the step that follows for this node's server.

Never here: taking the step.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from irsa.apiserver import archive, flags, fleet, process, stages
from irsa.apiserver.distributions import kubeadm
from irsa.apiserver.flags import Flag
from irsa.apiserver.history import Record, past_of
from irsa.apiserver.manifest import Manifest
from irsa.apiserver.node import Node
from irsa.apiserver.probe import look
from irsa.apiserver.servers import Fleet, Server, server_of
from irsa.apiserver.stages import Gate, Known, Refusal, Step
from irsa.errors import RefusedError
from irsa.kube.objects import Object, Ref

if TYPE_CHECKING:
    from irsa.kube.client import Kube

_AT_ONCE = 8


class Goal(StrEnum):
    """What was asked for."""

    accept = "accept"
    activate = "activate"
    rollback = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """
    The server of the node that we are on.

    Args:
        running: The complete flags of its process; empty where they cannot be seen.
    """

    node: Node
    manifest: Manifest
    server: Server
    running: tuple[Flag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Every server, the history, and what kubeadm would do."""

    fleet: Fleet
    known: tuple[Known, ...]
    records: tuple[Record, ...]
    kubeadm_config: Object | None
    here: Here | None = None

    def others(self) -> tuple[Server, ...]:
        """The servers beside the one here."""
        return tuple(one for one in self.fleet.servers if not self.here or one != self.here.server)


def gather(kube: "Kube", *, node: Node | None = None) -> Situation:
    """
    Ask every server and read what is kept.

    Raises:
        RefusedError: The node's server is not one of this cluster.
        InputError: The node's manifest is not understood.
        KubeError: The cluster cannot be read.
    """
    found = fleet.survey(kube)
    here = find_here(found, node) if node else None
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        known = tuple(pool.map(partial(look, kube), found.servers))
    return Situation(
        fleet=found,
        known=tuple(_by_process(one, here) for one in known),
        records=archive.read(kube),
        kubeadm_config=kube.get(Ref("v1", "ConfigMap", kubeadm.CONFIG_MAP[1], "kube-system")),
        here=here,
    )


def find_here(found: Fleet, node: Node) -> Here:
    """
    The server that a node's manifest describes, among those of the cluster.

    Raises:
        RefusedError: It is none of them.
        InputError: The manifest is not understood.
    """
    manifest = node.manifest()
    url = server_of(manifest.pod).url
    server = next((one for one in found.servers if one.url == url), None)
    if server is None:
        known = ", ".join(one.url for one in found.servers)
        raise RefusedError(
            f"{node.path} is the manifest of {url}, which is no API server of this cluster"
            f" ({known})",
            hint="check --root, --context and --kubeconfig: node and cluster must belong together",
        )
    running = process.running_flags(manifest.flags, root=node.root)
    shown = flags.parse(server.command, server.name) if server.command and not running else ()
    return Here(node=node, manifest=manifest, server=server, running=running or shown)


def next_step(goal: Goal, situation: Situation, new: str, *, here: Here) -> Step:
    """The step of the server here towards the goal, with everything that speaks against it."""
    issuance = here.manifest.issuance
    match goal:
        case Goal.accept:
            step = stages.accept(issuance, new)
        case Goal.activate:
            step = stages.activate(issuance, new, fleet=situation.known)
        case Goal.rollback:
            past = past_of(situation.records, here.server.name, new=new)
            step = stages.rollback(issuance, new, fleet=situation.known, past=past)
    if step.wanted is None:
        return step
    refusals = (*_uncertain(situation.fleet), *_not_as_written(here), *step.refusals)
    return replace(step, refusals=refusals)


def _uncertain(found: Fleet) -> Iterator[Refusal]:
    for difference in found.differences:
        yield Refusal(
            gate=Gate.servers_agree,
            reason=f"it is not certain which API servers there are: {difference}",
            hint="bring that server up, or remove what is left of it (kubectl delete node …)",
        )


def _not_as_written(here: Here) -> Iterator[Refusal]:
    hint = "let the kubelet restart the server first, and see that it comes up as it is written"
    if not here.running:
        reason = f"the flags that {here.server.name} runs with cannot be seen"
        yield Refusal(gate=None, reason=reason, hint="run this on the node itself, as root")
        return
    differences = list(flags.differences(here.manifest.flags, here.running))
    if flags.issuance_of(here.running) != here.manifest.issuance:
        differences.append("its issuers or audiences are others")
    for difference in differences:
        yield Refusal(
            gate=Gate.running_as_written,
            reason=f"{here.server.name} does not run as {here.node.path} says: {difference}",
            hint=hint,
        )


def _by_process(known: Known, here: Here | None) -> Known:
    if here is None or known.name != here.server.name or not here.running:
        return known
    return replace(known, issuance=flags.issuance_of(here.running))
