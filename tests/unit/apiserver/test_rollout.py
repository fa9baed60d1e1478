"""One server edited, proved, put back, taken up."""

import itertools

import pytest

from irsa.apiserver import archive, flags, fleet, process, stages
from irsa.apiserver.history import Event
from irsa.apiserver.manifest import Manifest
from irsa.apiserver.node import BACKUPS
from irsa.apiserver.proof import Site
from irsa.apiserver.rollout import SHOWN_WITHIN, Edit, Rollout
from irsa.apiserver.servers import Server
from irsa.apiserver.stages import Gate, Stage
from irsa.errors import KubeError, RefusedError

NEW = "https://b.s3.eu-west-1.amazonaws.com"
HERE = Server(name="cp-1", url="https://10.0.0.11:6443")
OTHER = Server(name="cp-2", url="https://10.0.0.12:6443")


class KilledError(BaseException):
    """The process was killed."""


@pytest.fixture(name="rollout")
def _rollout(plane, node, lock, clock, steps):
    site = Site(kube=plane, node=node, server=HERE, lock=lock, others=(OTHER,))
    return Rollout(site, clock.pace(), steps)


@pytest.fixture(name="late")
def _late(plane, monkeypatch):
    """On the node itself: its process is seen at once, the kubelet renews the pod later."""
    monkeypatch.setattr(
        process, "running_flags", lambda *_, **__: flags.parse(plane.here.command, "the process")
    )
    plane.shows_after = 7
    return plane


def _accept(node):
    before = node.manifest().issuance
    wanted = stages.accept(before, NEW).wanted
    return Edit(issuer=NEW, stage=Stage.accept, before=before, wanted=wanted)


def _activate(node, **more):
    before = node.manifest().issuance
    wanted = stages.activate(before, NEW, fleet=[]).wanted
    return Edit(issuer=NEW, stage=Stage.activate, before=before, wanted=wanted, **more)


def _shown(plane):
    (here,) = (one for one in fleet.survey(plane).servers if one.url == HERE.url)
    return here.command


def _events(plane):
    return [record.event for record in archive.read(plane)]


def test_an_edit_is_proved_and_recorded(rollout, node, plane):
    """The new process runs with the flags, and history and back-up tell of it."""
    original = node.read()
    rollout.run(_accept(node))
    assert plane.here.issuance.issuers[-1] == NEW
    assert _events(plane) == [Event.begun, Event.done]
    kept = list((node.root / BACKUPS).iterdir())
    assert [path.read_bytes() for path in kept] == [original]
    assert kept[0].stat().st_mode & 0o777 == 0o600
    assert node.path.stat().st_mode & 0o777 == 0o600


def test_an_edit_ends_when_its_pod_shows_it(rollout, node, late):
    """Other nodes judge by the pod, which kubelet renews seconds after the process."""
    rollout.run(_accept(node))
    assert NEW in str(_shown(late))


def test_an_edit_that_was_put_back_ends_when_its_pod_shows_it(rollout, node, late):
    """No other node may take this one for one that accepts the new issuer."""

    def drops(command):
        late.shows_after = 0 if NEW in str(command) else 7
        return tuple(one for one in command if NEW not in str(command) or "admission" not in one)

    late.breaks = drops
    with pytest.raises(KubeError, match="runs with its former flags again"):
        rollout.run(_accept(node))
    assert _shown(late) == late.here.command


def test_a_pod_that_shows_nothing_new_holds_nothing_up(rollout, node, late, clock):
    """The process was proved: what its pod shows is for others, and they ask again."""
    late.shows_after = 10_000
    rollout.run(_accept(node))
    assert _events(late) == [Event.begun, Event.done]
    assert SHOWN_WITHIN <= clock.seconds < SHOWN_WITHIN + 10


def test_a_server_that_stays_down_is_put_back(rollout, node, plane):
    """A crash loop ends with the deadline, and with the former flags."""
    original = node.read()
    plane.breaks = lambda command: None if NEW in str(command) else command
    with pytest.raises(KubeError, match="runs with its former flags again"):
        rollout.run(_accept(node))
    assert (node.read(), node.unfinished()) == (original, None)
    assert _events(plane) == [Event.begun, Event.put_back]


def test_a_dropped_flag_is_put_back_at_once(rollout, node, plane, clock):
    """The deadline is not waited for where waiting is no use."""
    original = node.read()
    plane.breaks = lambda command: (
        tuple(one for one in command if "admission" not in one) if NEW in str(command) else command
    )
    with pytest.raises(KubeError, match="--enable-admission-plugins is gone"):
        rollout.run(_accept(node))
    assert node.read() == original
    assert clock.seconds < 10


def test_a_token_that_another_server_rejects_is_put_back(rollout, node):
    """The first token of the new issuer is shown to every server."""
    rollout.run(_accept(node))
    accepted = node.read()
    with pytest.raises(KubeError, match="cp-2 rejects a token of the new issuer"):
        rollout.run(_activate(node))
    assert node.read() == accepted


def test_an_overridden_gate_is_not_proved(rollout, node, plane):
    """Who passes the gate does not want the other servers asked."""
    rollout.run(_accept(node))
    rollout.run(_activate(node, overrides=(Gate.every_server_accepts,), reason="cp-2 is gone"))
    assert plane.here.issuance.issuers[0] == NEW
    assert archive.read(plane)[-1].reason == "cp-2 is gone"


def test_a_file_that_somebody_else_changed_is_left_alone(rollout, node, plane):
    """A back-up goes back only over what we wrote."""

    def interfere(command):
        if NEW in str(command) and b"# theirs" not in node.read():
            node.write(node.read() + b"# theirs\n")
        return None if NEW in str(command) else command

    plane.breaks = interfere
    with pytest.raises(KubeError, match="changed by somebody else meanwhile"):
        rollout.run(_accept(node))
    assert node.read().endswith(b"# theirs\n")


def test_a_server_that_does_not_come_back_is_told(rollout, node, plane):
    """Where even the former flags do not run, both causes are named."""
    plane.breaks = lambda command: None if NEW in str(command) or not plane.here.up else command
    with pytest.raises(KubeError, match=r"former manifest but does not run so yet.*\(first: "):
        rollout.run(_accept(node))


def test_a_decision_on_an_older_manifest_is_refused(rollout, node):
    """What was decided on has to be what is edited."""
    edit = _accept(node)
    rollout.run(edit)
    with pytest.raises(RefusedError, match="was changed while this was being decided"):
        rollout.run(edit)


@pytest.mark.parametrize("step", range(6))
def test_a_killed_run_is_taken_up(rollout, node, plane, clock, step):
    """Killed as any step begins, the next run brings it to its end."""
    begin, begun = rollout._step, itertools.count()

    def killed(text):
        if next(begun) == step:
            raise KilledError
        return begin(text)

    rollout._step = killed
    with pytest.raises(KilledError):
        rollout.run(_accept(node))
    clock.sleep(1)
    note = node.unfinished()
    if note:
        rollout.resume(note)
    edit = stages.accept(node.manifest().issuance, NEW)
    if edit.wanted:
        rollout.run(_accept(node))
    assert plane.here.issuance.issuers[-1] == NEW
    assert node.unfinished() is None
    assert _events(plane)[-1] is Event.done


def test_an_unfinished_edit_under_a_foreign_change_is_forgotten(rollout, node):
    """The note is about bytes that are no longer there."""
    rollout.run(_accept(node))
    note = _note(rollout, node)
    node.write(node.read() + b"# theirs\n")
    assert "changed by somebody else" in rollout.resume(note)
    assert node.unfinished() is None


def _note(rollout, node):
    edit = _activate(node)
    manifest = Manifest.parse(node.read(), "test")
    return rollout._begin(edit, manifest, manifest.with_issuance(edit.wanted))
