"""Killed at any call, before or after it took effect, and run again: it converges."""

from collections.abc import Callable

import pytest
from tests.fakes.killing import KilledError, Killer
from tests.fakes.stage import Stage, make_stage

Prepare = Callable[[], Stage]


def _applied() -> Stage:
    stage = make_stage()
    stage.apply()
    return stage


def _moved() -> Stage:
    """A role that has to be made anew, and one whose policies differ."""
    stage = _applied()
    stage.wish = make_stage(
        roles=[
            {"serviceAccounts": ["shop/web"], "path": "/elsewhere/"},
            {"serviceAccounts": ["shop/worker", "shop/other"], "maxSessionDuration": 7200},
        ],
        cluster={"name": "prod-eu", "uid": stage.wish.config.cluster.uid},
    ).wish
    return stage


def _observe(stage: Stage, killer: Killer) -> None:
    stage.aws.observer = stage.kube._observer = killer


def _record(prepare: Prepare, action: str) -> list[str]:
    stage, killer = prepare(), Killer()
    _observe(stage, killer)
    getattr(stage, action)()
    return killer.calls


def _kill(prepare: Prepare, action: str, *, at: int, after_it: bool) -> Stage:
    stage = prepare()
    _observe(stage, Killer(at=at, after_it=after_it))
    with pytest.raises(KilledError):
        getattr(stage, action)()
    _observe(stage, Killer())
    getattr(stage, action)()
    return stage


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("prepare", [make_stage, _moved], ids=["new", "changed"])
def test_an_apply_converges(prepare, after_it):
    """Whatever call it dies at, a second run completes it and a third has nothing to do."""
    calls = _record(prepare, "apply")
    assert len(calls) > 5
    for at in range(len(calls)):
        stage = _kill(prepare, "apply", at=at, after_it=after_it)
        assert stage.plan().changes == (), f"killed at {calls[at]}"


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_a_destroy_converges(after_it):
    """Whatever call it dies at, a second run leaves nothing."""
    calls = _record(_applied, "destroy")
    assert len(calls) > 20
    for at in range(len(calls)):
        stage = _kill(_applied, "destroy", at=at, after_it=after_it)
        assert stage.aws.empty, f"killed at {calls[at]}"
        assert stage.plan_removal().changes == ()


def test_nothing_is_orphaned():
    """A destroy after a killed apply leaves nothing, whatever call the apply died at."""
    for at in range(len(_record(make_stage, "apply"))):
        stage = make_stage()
        _observe(stage, Killer(at=at, after_it=True))
        with pytest.raises(KilledError):
            stage.apply()
        _observe(stage, Killer())
        stage.destroy()
        assert stage.aws.empty
