"""
The edit of one server, proved by its new process; otherwise the back-up goes back.

Every step leaves a note on the node before it is taken, so that a run that was killed anywhere can
be taken up again: `resume` does so.
Never here: which issuers are wanted, and whether the edit is allowed.
"""

import contextlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime

from irsa import __version__
from irsa.apiserver import archive
from irsa.apiserver.flags import Issuance
from irsa.apiserver.history import Event, Flags, Record, flags_of, issuance_of
from irsa.apiserver.manifest import Manifest
from irsa.apiserver.node import Unfinished, digest
from irsa.apiserver.proof import Proof, Site, WrongError
from irsa.apiserver.stages import Stage
from irsa.errors import InputError, KubeError, RefusedError

SHOWN_WITHIN = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait for a server, how often to look, and by which clock."""

    timeout: float = 240.0
    interval: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is to be made of one server, and which gates were passed on the way, and why."""

    issuer: str
    stage: Stage
    before: Issuance
    wanted: Issuance
    overrides: tuple[str, ...] = ()
    reason: str | None = None


class Rollout:
    """
    One server's edit.

    Args:
        site: Where.
        pace: How patiently.
        step: Told of each part as it begins; shows progress.
    """

    def __init__(
        self, site: Site, pace: Pace, step: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        self._site = site
        self._pace = pace
        self._proof = Proof(site)
        self._step = step

    def run(self, edit: Edit) -> None:
        """
        Edit the manifest and prove the new process.

        Raises:
            RefusedError: The manifest is no longer what the edit was decided on.
            InputError: The manifest is not understood; it was left alone.
            KubeError: It could not be proved; the back-up is in place again, or the message says
                why not.
        """
        site = self._site
        manifest = site.node.manifest()
        if manifest.issuance != edit.before:
            raise RefusedError(f"{site.node.path} was changed while this was being decided")
        data = manifest.with_issuance(edit.wanted)
        note = self._begin(edit, manifest, data)
        if site.node.digest() != note.before:
            site.node.finish()
            raise RefusedError(f"{site.node.path} was changed while it was being edited")
        with self._step(f"write {site.node.path}"):
            site.node.write(data)
        self._settle(note)

    def resume(self, note: Unfinished) -> str:
        """
        Take up what an earlier run left unfinished, and say what became of it.

        Raises:
            KubeError: As `run`.
        """
        site = self._site
        present = site.node.digest()
        if present == note.written:
            self._settle(note)
            return f"the edit to {note.stage} that was left unfinished is proved"
        if present == note.before:
            self._prove_before(note)
            site.node.finish()
            return "an edit that was left unfinished had not been made, or was undone already"
        site.node.finish()
        return "the manifest was changed by somebody else after an unfinished edit; left as it is"

    def _begin(self, edit: Edit, manifest: Manifest, data: bytes) -> Unfinished:
        site = self._site
        with self._step(f"keep a back-up of {site.node.path}"):
            note = Unfinished(
                server=site.server.name,
                others={other.name: other.url for other in site.others},
                backup=site.node.back_up(manifest.data, self._pace.now()),
                before=digest(manifest.data),
                written=digest(data),
                started=self._proof.started(),
                command=self._proof.command(),
                issuer=edit.issuer,
                stage=edit.stage,
                flags_before=flags_of(manifest.issuance),
                flags_after=flags_of(edit.wanted),
                overrides=edit.overrides,
                reason=edit.reason,
            )
        with self._step("record it in the cluster's history"):
            self._record(note, Event.begun)
        site.node.begin(note)
        return note

    def _settle(self, note: Unfinished) -> None:
        try:
            with self._step(f"wait for the new process of {self._site.server.name}"):
                self._until(lambda: self._proof.after(note))
        except KubeError as error:
            self._put_back(note, error)
        with self._step("record the proof in the cluster's history"):
            self._record(note, Event.done)
        self._site.node.finish()
        self._await_pod(note.flags_after)

    def _put_back(self, note: Unfinished, cause: KubeError) -> None:
        site, name = self._site, self._site.server.name
        if site.node.digest() != note.written:
            raise KubeError(
                f"{name} could not be proved: {cause.message};"
                f" {site.node.path} was changed by somebody else meanwhile and is left as it is",
                hint=f"the back-up is {note.backup} in {site.node.root / 'etc/kubernetes'}",
            ) from cause
        with self._step(f"put the back-up of {site.node.path} back"):
            site.node.write(site.node.backup(note.backup))
        self._prove_before(note, cause)
        self._record(note, Event.put_back)
        site.node.finish()
        self._await_pod(note.flags_before)
        raise KubeError(
            f"{name} runs with its former flags again, since with the new ones: {cause.message}",
            hint="look into the API server's log on that node; then run the same command again",
        ) from cause

    def _prove_before(self, note: Unfinished, cause: KubeError | None = None) -> None:
        name = self._site.server.name
        try:
            with self._step(f"wait for {name} with its former flags"):
                self._until(lambda: self._proof.before(note))
        except KubeError as error:
            before = f" (first: {cause.message})" if cause else ""
            raise KubeError(
                f"{name} has its former manifest but does not run so yet: {error.message}{before}",
                hint="look into the kubelet's and the API server's log on that node",
            ) from error

    def _await_pod(self, expected: Flags) -> None:
        """Let nobody judge by what the kubelet has not renewed yet; it is no part of the proof."""
        wanted = issuance_of(expected)
        shown = self._step(f"wait until the kubelet shows the flags of {self._site.server.name}")
        with contextlib.suppress(KubeError, InputError), shown:
            self._until(lambda: self._proof.shown(wanted), seconds=SHOWN_WITHIN)

    def _until(self, check: Callable[[], None], *, seconds: float | None = None) -> None:
        timeout = self._pace.timeout if seconds is None else seconds
        deadline = self._pace.monotonic() + timeout
        while True:
            try:
                return check()
            except WrongError:
                raise
            except KubeError as error:
                if self._pace.monotonic() > deadline:
                    message = f"not within {timeout:g} s: {error.message}"
                    raise KubeError(message, hint=error.hint) from error
            self._keep_lock()
            self._pace.sleep(self._pace.interval)

    def _keep_lock(self) -> None:
        try:
            self._site.lock.renew(self._pace.now())
        except RefusedError:
            # This server's edit has to be brought to its end all the same.
            return

    def _record(self, note: Unfinished, event: Event) -> None:
        record = Record(
            time=self._pace.now(),
            server=self._site.server.name,
            event=event,
            stage=note.stage,
            issuer=note.issuer,
            before=note.flags_before,
            after=note.flags_after,
            version=__version__,
            overrides=note.overrides,
            reason=note.reason,
        )
        archive.append(self._site.kube, record)
