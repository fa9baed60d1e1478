"""
What is proved of a server after an edit: a new process, its complete flags, a fresh token.

Never here: waiting, editing, putting back.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from irsa.apiserver import flags, fleet, process
from irsa.apiserver.flags import Flag, Issuance
from irsa.apiserver.history import issuance_of
from irsa.apiserver.lock import Lock
from irsa.apiserver.node import Node, Unfinished
from irsa.apiserver.probe import Probe
from irsa.apiserver.servers import Server
from irsa.apiserver.stages import Gate, Stage
from irsa.errors import KubeError
from irsa.identity import tokens

if TYPE_CHECKING:
    from irsa.kube.client import Kube


class WrongError(KubeError):
    """The new process is up and is not what it should be: waiting longer is no use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where an edit happens: the cluster, the node's files, its server, and the others."""

    kube: "Kube"
    node: Node
    server: Server
    lock: Lock
    others: tuple[Server, ...] = ()


class Proof:
    """
    The checks of one server; each raises KubeError for "not yet" and WrongError for "never".

    Args:
        site: Where the server is, and who has to accept its tokens.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def started(self) -> float:
        """When the server's process started."""
        with Probe(self._site.kube, self._site.server) as probe:
            return probe.started()

    def command(self) -> tuple[str, ...]:
        """The complete flags of the running process, one `--name=value` each."""
        return tuple(f"--{flag.name}={flag.value}" for flag in running(self._site))

    def after(self, note: Unfinished) -> None:
        """Check that the edit has taken effect, and nothing else has changed."""
        wanted = issuance_of(note.flags_after)
        with Probe(self._site.kube, self._site.server) as probe:
            probe.require_ready()
            if probe.started() == note.started:
                raise KubeError("the former process still runs")
            self._check_flags(note, wanted)
            token = probe.mint()
            _check_issuer(token, wanted)
            _check_accepted(probe, token, "it rejects the token that it minted itself")
        if note.stage is Stage.activate and Gate.every_server_accepts not in note.overrides:
            self._check_others(token)

    def before(self, note: Unfinished) -> None:
        """Check that the server runs as it did before the edit."""
        former = issuance_of(note.flags_before)
        with Probe(self._site.kube, self._site.server) as probe:
            probe.require_ready()
            self._check_flags(note, former)
            _check_issuer(probe.mint(), former)

    def shown(self, wanted: Issuance) -> None:
        """
        Check that its pod, if it has one, shows the flags: those of other nodes judge by that.

        Raises:
            KubeError: It shows others, as for some seconds after a restart.
        """
        for server in fleet.survey(self._site.kube).servers:
            if server.url == self._site.server.url and server.command:
                given = flags.parse(server.command, f"the pod of {server.name}")
                if flags.issuance_of(given) != wanted:
                    raise KubeError(f"the pod of {server.name} does not show its new flags yet")

    def _check_flags(self, note: Unfinished, wanted: Issuance) -> None:
        now = running(self._site)
        if flags.issuance_of(now) != wanted:
            raise KubeError("it runs with other issuers or audiences than its manifest says")
        former = flags.parse((flags.PROGRAM, *note.command), "the note")
        changed = flags.differences(former, now)
        if changed:
            raise WrongError(f"its other flags changed: {'; '.join(changed)}")

    def _check_others(self, token: str) -> None:
        """Show the first tokens of the new issuer to every other server: the real proof."""
        for other in self._site.others:
            with Probe(self._site.kube, other) as probe:
                _check_accepted(probe, token, f"{other.name} rejects a token of the new issuer")


def running(site: Site) -> tuple[Flag, ...]:
    """
    The complete flags that a server runs with: its process's here, else what its pod shows.

    Raises:
        KubeError: Neither can be seen.
    """
    written = site.node.manifest().flags
    seen = process.running_flags(written, root=site.node.root)
    if seen:
        return seen
    for server in fleet.survey(site.kube).servers:
        if server.url == site.server.url and server.command:
            return flags.parse(server.command, f"the pod of {server.name}")
    raise KubeError(f"the flags that {site.server.name} runs with cannot be seen")


def _check_issuer(token: str, wanted: Issuance) -> None:
    issuer = tokens.inspect(token).issuer
    if issuer != wanted.issuers[0]:
        raise WrongError(f"a fresh token is of {issuer}, not of {wanted.issuers[0]}")


def _check_accepted(probe: Probe, token: str, otherwise: str) -> None:
    why = probe.rejects(token)
    if why:
        raise WrongError(f"{otherwise}: {why}")
