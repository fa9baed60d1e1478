"""
What accept, activate and rollback have in common: guards, gates, question, edit, report.

Never here: options, and how things look.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from irsa.apiserver import fleet, published
from irsa.apiserver.flags import Issuance
from irsa.apiserver.history import flags_of
from irsa.apiserver.lock import Lock
from irsa.apiserver.node import Node, Unfinished
from irsa.apiserver.probe import Probe
from irsa.apiserver.proof import Site
from irsa.apiserver.rollout import Edit, Pace, Rollout
from irsa.apiserver.servers import Server, server_of
from irsa.apiserver.situation import Goal, Here, Situation, gather, next_step
from irsa.apiserver.stages import Gate, Refusal, Stage, Step
from irsa.cli import present, session, trail
from irsa.cli.render import console
from irsa.cli.render import issuer as render
from irsa.config import Config
from irsa.errors import InputError, KubeError, RefusedError
from irsa.identity.issuer import IssuerUrl
from irsa.kube.client import Kube
from irsa.provision.audit import Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """The cluster, the issuer it is to get, and the configuration (its file) where there is one."""

    kube: Kube
    issuer: IssuerUrl
    config: Config | None
    file: Path

    @classmethod
    def open(
        cls, path: Path, issuer: str | None, *, kubeconfig: str | None, context: str | None
    ) -> "Cluster":
        """
        Read what is given; nothing is asked yet.

        Raises:
            InputError: There is neither a configuration nor an issuer, or one cannot be used.
        """
        wanted = None if issuer is None else IssuerUrl.parse(issuer)
        config = session.load(path) if wanted is None or path.exists() else None
        named = config.cluster.context if config else None
        kube = Kube.open(kubeconfig=kubeconfig, context=context or named)
        if config is not None:
            wanted = wanted or config.issuer_url
        assert wanted is not None  # noqa: S101 # one of the two is there
        return cls(kube=kube, issuer=wanted, config=config, file=path)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kube.close()

    def guard(self) -> None:
        """
        Make sure that it is the configuration's cluster.

        Raises:
            RefusedError: It is another one.
            KubeError: It cannot be reached.
        """
        if self.config:
            session.check_cluster(self.config, self.kube)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked for on the command line."""

    goal: Goal
    root: Path
    node: str | None
    timeout: float
    yes: bool
    overrides: tuple[Gate, ...] = ()
    reason: str | None = None
    audit_log: Path | None = None

    def overriding(self, gates: Sequence[str], reason: str | None) -> "Request":
        """
        The same request, passing some gates.

        Raises:
            InputError: There is no such gate, or no reason is given.
        """
        unknown = [gate for gate in gates if gate not in set(Gate)]
        if unknown:
            raise InputError(f"there is no gate {unknown[0]!r}", hint=f"gates: {', '.join(Gate)}")
        if gates and not reason:
            raise InputError("--override needs a reason", hint="say why with --reason TEXT")
        return replace(self, overrides=tuple(Gate(gate) for gate in gates), reason=reason)


def change(cluster: Cluster, request: Request, *, acknowledged: bool = True) -> None:
    """
    Take the step towards the goal on this node's server, or say why not.

    Raises:
        RefusedError: A gate or a guard says no.
        InputError: The manifest is not understood; it was left alone.
        KubeError: The cluster cannot be reached, or the server was put back to what it was.
    """
    present.require_changeable(cluster.config, cluster.issuer)
    node = Node(request.root)
    pace = Pace(timeout=request.timeout)
    lock = Lock(cluster.kube)
    try:
        note = _take_up(cluster, request, node=node, lock=lock, pace=pace)
        if note and request.goal is Goal.rollback and _is_rollback_done(note, node):
            # One stage back was asked for, and that was it.
            console.result(f"{note.server}: {note.stage}")
            return
        cluster.guard()
        lock.acquire(pace.now())
        with console.step("ask every API server"):
            found = gather(cluster.kube, node=node)
        _change(cluster, request, found=found, lock=lock, acknowledged=acknowledged)
    finally:
        lock.release(pace.now())


def _recorded(
    cluster: Cluster, request: Request, command: str, **fields: Any
) -> AbstractContextManager[Trail]:
    """The record of one edit in the audit log; without it nothing is edited."""
    return trail.opened(
        trail.path(request.audit_log, cluster.config, cluster.file),
        f"issuer {command}",
        cluster.config,
        overrides=dict.fromkeys(map(str, request.overrides), request.reason or ""),
        issuer=str(cluster.issuer),
        **fields,
    )


def _flags(issuance: Issuance) -> dict[str, Any]:
    return {"issuers": issuance.issuers, "audiences": issuance.audiences}


def _take_up(
    cluster: Cluster, request: Request, *, node: Node, lock: Lock, pace: Pace
) -> Unfinished | None:
    """Bring an edit to its end that an earlier run left unfinished, even if no server answers."""
    note = node.unfinished()
    if note is None:
        return None
    console.note(f"an earlier run left its edit of {note.server} to {note.stage} unfinished")
    try:
        cluster.guard()
        lock.acquire(pace.now())
    except KubeError as error:
        console.note(f"going on without the cluster's answer: {error.message}")
    site = Site(
        kube=cluster.kube,
        node=node,
        server=Server(name=note.server, url=server_of(node.manifest().pod).url),
        lock=lock,
        others=tuple(Server(name=name, url=url) for name, url in note.others.items()),
    )
    told = {"server": note.server, "stage": str(note.stage), "file": str(node.path)}
    with _recorded(cluster, request, "resume", **told):
        console.note(Rollout(site, pace, console.step).resume(note))
    return note


def _is_rollback_done(note: Unfinished, node: Node) -> bool:
    backwards = note.stage is Stage.original or note.flags_before.issuers[:1] == (note.issuer,)
    return backwards and flags_of(node.manifest().issuance) == note.flags_after


def _change(
    cluster: Cluster, request: Request, *, found: Situation, lock: Lock, acknowledged: bool
) -> None:
    here = _here(found, request)
    step = next_step(request.goal, found, str(cluster.issuer), here=here)
    if step.wanted is not None:
        _pass_gates(request, [*step.refusals, *_unpublished(cluster, request, found=found)])
        if request.goal is Goal.activate:
            _ask_for_consumers(cluster, here, acknowledged=acknowledged)
        for line in render.change_lines(here.manifest.issuance, step.wanted):
            console.note(f"  {line}")
        console.confirm(f"write these flags into {here.node.path}?", yes=request.yes)
        lock.acquire(Pace().now())
        _roll(cluster, request, found=found, step=step, lock=lock)
    elif step.refusals:
        _pass_gates(request, step.refusals)
    _report(cluster, request, found=found, step=step)


def _here(found: Situation, request: Request) -> Here:
    here = found.here
    if here is None:
        raise InputError(f"there is no API server manifest below {request.root}")
    if request.node not in {None, here.server.name}:
        raise RefusedError(
            f"this node is {here.server.name}, not {request.node}",
            hint=f"run it on {request.node} itself, or name that node's root with --root",
        )
    return here


def _unpublished(cluster: Cluster, request: Request, *, found: Situation) -> Sequence[Refusal]:
    if request.goal is not Goal.activate:
        return ()
    answering = {known.name for known in found.known if known.answers}
    servers = [server for server in found.fleet.servers if server.name in answering]
    with console.step(f"read the documents of {cluster.issuer}"), session.open_web() as web:
        kids = fleet.signing_kids(cluster.kube, servers)
        return published.missing(web, cluster.issuer, kids=kids)


def _pass_gates(request: Request, refusals: Sequence[Refusal]) -> None:
    closed = [refusal for refusal in refusals if refusal.gate not in request.overrides]
    if closed:
        passable = [refusal.gate for refusal in closed if refusal.gate]
        also = f"; or pass it: --override {passable[0]} --reason TEXT" if passable else ""
        raise RefusedError(
            "; ".join(render.refusal_text(refusal) for refusal in closed),
            hint=closed[0].hint + also,
        )
    for refusal in refusals:
        console.warning(f"overridden: {render.refusal_text(refusal)}")


def _ask_for_consumers(cluster: Cluster, here: Here, *, acknowledged: bool) -> None:
    with Probe(cluster.kube, here.server) as probe:
        old = probe.document() or {}
    for line in render.document_lines(old, {**old, "issuer": str(cluster.issuer)}):
        console.result(line)
    if not acknowledged:
        raise RefusedError(
            "whoever verifies this cluster's tokens by that document from outside (Vault, other"
            " clouds, other clusters) has to trust the new issuer first, and cannot be seen from"
            " inside",
            hint="tell them, then repeat this with --ack-external-consumers",
        )


def _roll(cluster: Cluster, request: Request, *, found: Situation, step: Step, lock: Lock) -> None:
    here = _here(found, request)
    if step.wanted is None:
        return
    site = Site(
        kube=cluster.kube, node=here.node, server=here.server, lock=lock, others=found.others()
    )
    edit = Edit(
        issuer=str(cluster.issuer),
        stage=step.stage,
        before=here.manifest.issuance,
        wanted=step.wanted,
        overrides=request.overrides,
        reason=request.reason,
    )
    told = {"server": here.server.name, "stage": str(step.stage), "file": str(here.node.path)}
    flags = {"before": _flags(edit.before), "after": _flags(edit.wanted)}
    with _recorded(cluster, request, str(request.goal), **told, **flags):
        Rollout(site, Pace(timeout=request.timeout), console.step).run(edit)


def _report(cluster: Cluster, request: Request, *, found: Situation, step: Step) -> None:
    here = _here(found, request)
    done = "" if step.wanted else " already: nothing to do"
    console.result(f"{here.server.name}: {step.stage}{done}")
    left = render.remaining(found, str(cluster.issuer), step.stage)
    if left:
        console.note(f"still to be done: {', '.join(left)}")
    elif request.goal is Goal.accept:
        console.note("every API server accepts it; `irsa issuer activate` is next")
    for line in render.kubeadm_lines(found, step.wanted or here.manifest.issuance):
        console.note(line)
