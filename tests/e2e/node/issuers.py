"""
The issuer of the living cluster is changed, by the kubelet's own hand, while tokens are used.

First with an API server that does not come up, then as it should be; at the end, one stage back.
Never here: the roles that need the new issuer.
"""

import os
import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.node import apiserver, callers
from tests.e2e.node.cluster import NAME, Cluster
from tests.e2e.node.waiting import Failed, say
from tests.e2e.node.writers import Writers

from irsa.apiserver import flags
from irsa.apiserver.node import BACKUPS, PENDING
from irsa.identity import tokens
from irsa.kube.client import Kube
from irsa.kube.objects import Ref
from irsa.local.demo.shell import Shell

_POD = Ref("v1", "Pod", f"{apiserver.NAME}-{NAME}", "kube-system")
_MIRROR = "kubernetes.io/config.mirror"
_AT_LEAST = 3
# Those that were created while there was no API server all start at once when it is back.
_EVERY = 4.0
# The kubelet gives a former process half a minute to end, before it starts the new one.
_GIVEN_UP_AFTER = "60"
_LOOK = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerChange:
    """
    The way from one issuer to another, and back.

    Args:
        cluster: The node.
        kube: The cluster.
        shell: Where irsa is run.
        old: What the API server signs with at first.
        new: What it is to sign with.
    """

    cluster: Cluster
    kube: Kube
    shell: Shell
    old: str
    new: str

    def there(self) -> None:
        """
        Accept the new issuer, then sign with it, while pods are created and tokens are used.

        Raises:
            Failed: A token was refused, or the node is not as it must be.
        """
        self.kube.create(callers.namespace())
        self.kube.create(callers.pod(callers.LASTING))
        self.cluster.wait("a pod calls the API server", lambda: self._lasting().is_accepted)
        self._crash()
        pods = Writers(
            kube=self.kube,
            pod=callers.pod,
            namespace=callers.NAMESPACE,
            name="caller",
            every=_EVERY,
        )
        pods.start()
        pods.wait_for(_AT_LEAST, self.cluster.wait)
        self._irsa("accept")
        self._judge(self.old, self.new)
        early = tuple(pods.created)
        pods.wait_until_done(self.cluster.wait, names=early)
        self._irsa("activate", "--ack-external-consumers")
        self._judge(self.new, self.old)
        pods.wait_for(len(pods.created) + _AT_LEAST, self.cluster.wait)
        pods.stop()
        self._judge_calls(pods, early=early)

    def back(self) -> None:
        """Sign with the old issuer again; the new one stays accepted while its tokens live."""
        self._irsa("rollback")
        self._judge(self.old, self.new)
        self._irsa("rollback", fails=True)
        self._judge(self.old, self.new)

    def _crash(self) -> None:
        """An API server that does not come up with the new issuer runs as before in the end."""
        before = apiserver.MANIFEST.read_bytes()
        with _killed_whenever_it_accepts(self.new) as killed:
            said = self._irsa("accept", "--timeout", _GIVEN_UP_AFTER, fails=True)
        if not killed:
            raise Failed("no API server was started with the new issuer")
        if "runs with its former flags again" not in said:
            raise Failed(f"irsa says of an API server that does not come up: {said}")
        if apiserver.MANIFEST.read_bytes() != before:
            raise Failed("the manifest is not what it was before an edit that failed")
        self._judge(self.old)
        say(f"an API server that was killed {len(killed)} times runs as before")

    def _judge(self, *issuers: str) -> None:
        """What signs and what is accepted, by a token, by the kubelet's pod, and by its files."""
        issuer = self.cluster.wait("a token is issued", self._issuer_of_a_fresh_token)
        if issuer != issuers[0]:
            raise Failed(f"a fresh token is of {issuer}")
        shown = self.cluster.wait("the kubelet shows the new pod", lambda: self._shows(issuers))
        say(f"the kubelet shows {shown}")
        files = [path.name for path in apiserver.MANIFESTS.iterdir()]
        if files != [apiserver.MANIFEST.name]:
            raise Failed(f"where the kubelet reads manifests lie {', '.join(files)}")
        if (Path("/") / BACKUPS / PENDING).exists():
            raise Failed("the note about an edit is left")
        static = [
            pod["metadata"]["name"]
            for pod in self.kube.list("v1", "Pod")
            if _MIRROR in pod["metadata"].get("annotations", {})
        ]
        if static != [_POD.name]:
            raise Failed(f"the kubelet runs these from files: {', '.join(static)}")

    def _issuer_of_a_fresh_token(self) -> str | None:
        return tokens.inspect(
            self.kube.create_token("default", "default", audiences=[]).token
        ).issuer

    def _shows(self, issuers: tuple[str, ...]) -> str | None:
        container = ((self.kube.get(_POD) or {}).get("spec") or {}).get("containers", [{}])[0]
        command = container.get("command")
        if not command or flags.issuance_of(flags.parse(command, "it")).issuers != issuers:
            return None
        return " then ".join(issuers)

    def _lasting(self) -> callers.Heard:
        return callers.listen(self.kube, callers.LASTING)

    def _judge_calls(self, pods: Writers, *, early: Collection[str]) -> None:
        """Nobody's token was ever refused, and the newest ones are of the new issuer."""
        pods.wait_until_done(self.cluster.wait)
        lasting = self._lasting()
        heard = {name: callers.listen(self.kube, name) for name in pods.created}
        everybody = heard | {callers.LASTING: lasting}
        if refused := [name for name, each in everybody.items() if each.is_refused]:
            raise Failed(f"their tokens were refused: {', '.join(refused)}")
        if not lasting.is_accepted or lasting.issuer != self.old:
            raise Failed("the token of the old issuer is not accepted any more")
        issuers = [each.issuer for each in heard.values()]
        if set(issuers[: len(early)]) != {self.old} or set(issuers[-_AT_LEAST:]) != {self.new}:
            raise Failed(f"the pods' tokens are of {', '.join(issuers)}")
        silences = ", ".join(f"{each:.0f}" for each in lasting.silences)
        say(f"{len(issuers)} pods called the API server, and none was refused")
        say(f"it was away for {silences} s")

    def _irsa(self, goal: str, *options: str, fails: bool = False) -> str:
        return self.shell.run(
            "irsa", "issuer", goal, "--yes", "--node", NAME, *options, fails=fails
        )


@contextmanager
def _killed_whenever_it_accepts(issuer: str) -> Iterator[list[int]]:
    """Every API server with this issuer is killed as soon as it is there: it crashes in a loop."""
    ending = threading.Event()
    killed: list[int] = []

    def hunt() -> None:
        while not ending.wait(_LOOK):
            for process in Path("/proc").glob("[0-9]*"):
                if _accepts(process, issuer):
                    killed.append(int(process.name))
                    with suppress(ProcessLookupError):
                        os.kill(killed[-1], signal.SIGKILL)

    hunter = threading.Thread(target=hunt, daemon=True)
    hunter.start()
    try:
        yield killed
    finally:
        ending.set()
        hunter.join()


def _accepts(process: Path, issuer: str) -> bool:
    try:
        program, *options = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    named = f"--{flags.ISSUER}={issuer}".encode()
    return program == apiserver.NAME.encode() and named in options
