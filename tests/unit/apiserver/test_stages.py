"""The stages of a change of issuer: what is known gives the next step."""

import pytest

from irsa.apiserver import stages
from irsa.apiserver.flags import Issuance
from irsa.apiserver.stages import Gate, Known, Past, Stage

OLD = "https://kubernetes.default.svc.cluster.local"
NEW = "https://b.s3.eu-west-1.amazonaws.com"
ORIGINAL = Issuance(issuers=(OLD,))
ACCEPT = Issuance(issuers=(OLD, NEW), audiences=(OLD,))
ACTIVATE = Issuance(issuers=(NEW, OLD), audiences=(OLD,))
RETIRE = Issuance(issuers=(NEW,), audiences=(OLD,))
NEVER = Past(kept=True, activated=False, original=ORIGINAL)


def _known(issuance, name="cp-1", *, answers=True):
    return Known(name=name, issuance=issuance, answers=answers)


@pytest.mark.parametrize(
    ("issuance", "stage"),
    [(ORIGINAL, "original"), (ACCEPT, "accept"), (ACTIVATE, "activate"), (RETIRE, "retire")],
)
def test_the_stage_follows_from_the_order_of_issuers(issuance, stage):
    """Absent, later, first, alone: four stages."""
    assert stages.stage_of(issuance, NEW) == stage


def test_accept_adds_the_new_issuer_last_and_pins_the_audiences():
    """The old issuer goes on signing, and the audiences stay what they were in force."""
    assert stages.accept(ORIGINAL, NEW).wanted == ACCEPT


def test_accept_keeps_explicit_audiences():
    """Audiences that were given are kept as they are."""
    here = Issuance(issuers=(OLD,), audiences=("a", "sts.amazonaws.com"))
    step = stages.accept(here, NEW)
    assert step.wanted
    assert step.wanted.audiences == here.audiences


def test_accept_pins_audiences_that_somebody_left_open():
    """A server that accepts already but has no audiences pinned gets those in force."""
    step = stages.accept(Issuance(issuers=(OLD, NEW)), NEW)
    assert step.wanted == Issuance(issuers=(OLD, NEW), audiences=(OLD, NEW))


@pytest.mark.parametrize("here", [ACCEPT, ACTIVATE, RETIRE])
def test_accept_is_idempotent(here):
    """A server that accepts the issuer is left alone."""
    assert stages.accept(here, NEW).wanted is None


def test_activate_puts_the_new_issuer_first():
    """New tokens are of the new issuer; the old ones stay good."""
    step = stages.activate(ACCEPT, NEW, fleet=[_known(ACCEPT), _known(ACTIVATE, "cp-2")])
    assert (step.wanted, step.refusals) == (ACTIVATE, ())


@pytest.mark.parametrize("here", [ACTIVATE, RETIRE])
def test_activate_is_idempotent(here):
    """A server that signs with the issuer is left alone."""
    assert stages.activate(here, NEW, fleet=[]).wanted is None


def test_activate_without_accept_is_refused_for_good():
    """No gate passes a server from the original straight to activate."""
    step = stages.activate(ORIGINAL, NEW, fleet=[_known(ORIGINAL)])
    assert step.wanted is None
    assert [refusal.gate for refusal in step.refusals] == [None]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        pytest.param(_known(ORIGINAL, "cp-2"), "does not accept", id="original"),
        pytest.param(_known(None, "cp-2"), "shows no flags", id="unseen"),
        pytest.param(_known(ACCEPT, "cp-2", answers=False), "does not answer", id="down"),
    ],
)
def test_activate_is_refused_until_every_server_accepts(other, why):
    """A server that is down, unseen or behind is named."""
    step = stages.activate(ACCEPT, NEW, fleet=[_known(ACCEPT), other])
    assert [refusal.gate for refusal in step.refusals] == [Gate.every_server_accepts]
    assert step.refusals[0].reason.startswith(f"cp-2 {why}")


def test_rollback_from_activate_goes_forward_to_accept():
    """The new issuer stays accepted, since its tokens are alive."""
    step = stages.rollback(ACTIVATE, NEW, fleet=[], past=Past())
    assert (step.stage, step.wanted, step.refusals) == (Stage.accept, ACCEPT, ())


def test_rollback_from_accept_restores_the_original():
    """Where no token can be alive, the flags are again what they were, unpinned."""
    step = stages.rollback(ACCEPT, NEW, fleet=[_known(ACCEPT)], past=NEVER)
    assert (step.stage, step.wanted, step.refusals) == (Stage.original, ORIGINAL, ())


@pytest.mark.parametrize(
    ("past", "other"),
    [
        pytest.param(Past(kept=True, activated=True, original=ORIGINAL), ACCEPT, id="was-active"),
        pytest.param(Past(), ACCEPT, id="no-history"),
        pytest.param(NEVER, ACTIVATE, id="active-elsewhere"),
    ],
)
def test_rollback_is_refused_while_new_tokens_may_live(past, other):
    """The original flags alone would reject them."""
    step = stages.rollback(ACCEPT, NEW, fleet=[_known(other, "cp-2")], past=past)
    assert {refusal.gate for refusal in step.refusals} == {Gate.new_tokens}


def test_rollback_without_a_history_keeps_the_pin():
    """Unknown original audiences are not guessed."""
    step = stages.rollback(ACCEPT, NEW, fleet=[], past=Past())
    assert step.wanted == Issuance(issuers=(OLD,), audiences=(OLD,))


def test_rollback_from_the_original_is_nothing():
    """There is no way further back."""
    assert stages.rollback(ORIGINAL, NEW, fleet=[], past=NEVER).wanted is None


def test_rollback_from_retire_asks_the_history_for_the_old_issuer():
    """What was taken away can only come from the history."""
    step = stages.rollback(RETIRE, NEW, fleet=[], past=NEVER)
    assert (step.stage, step.wanted) == (Stage.accept, ACCEPT)
    assert stages.rollback(RETIRE, NEW, fleet=[], past=Past()).refusals
