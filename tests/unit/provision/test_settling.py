"""What was written to IAM shows late: it is waited for, and nothing is read twice without need."""

import pytest
from tests.fakes.late import make_late
from tests.fakes.stage import make_config, make_stage

from irsa.errors import AwsError

WEB, WORKER = "prod-eu-shop-web", "prod-eu-shop-worker"
WORKING = {"serviceAccounts": ["shop/worker"], "path": "/team/"}


@pytest.fixture(name="late")
def _late():
    stage = make_stage(injection={"engine": "none"})
    make_late(stage)
    return stage


def _config(stage, **sections):
    return make_config(stage.kube.cluster_uid(), injection={"engine": "none"}, **sections)


def test_a_plan_after_an_apply_is_empty_however_late_iam_is(late):
    """The apply ends when everything shows, and says what it waits for."""
    late.apply()
    assert late.plan().changes == ()
    assert any("waiting: IAM does not show it yet: change role" in one for one in late.said)


def test_a_second_destroy_finds_nothing_however_late_iam_is(late):
    """The same, for what went."""
    late.apply()
    late.destroy()
    assert late.plan_removal().changes == ()


def test_what_was_pruned_is_gone_however_late_iam_is(late):
    """Roles that are found by a list, too."""
    late.apply()
    fewer = _config(late, roles=[])
    late.apply(config=fewer, prune=True)
    assert late.plan(config=fewer).notes == ()


def test_what_shows_at_once_is_read_once(late):
    """One round of reads, no pause, no word."""
    late.aws.seconds = 0.0
    late.apply()
    for read in (f"iam:GetRole {WEB}", f"iam:GetRole {WORKER}", "iam:GetOpenIDConnectProvider"):
        assert late.aws.reads.count(read) == 1
    assert (late.clock.time, late.said) == (0.0, [])


def test_only_what_was_written_is_read_again(late):
    """A role that stays as it is costs nothing."""
    late.apply()
    late.apply(config=_config(late, roles=[{"serviceAccounts": ["shop/web"]}, WORKING]))
    assert late.aws.reads
    assert all(read.endswith(WEB) for read in late.aws.reads)


def test_nothing_is_read_again_where_nothing_was_written(late):
    """A second apply costs what a plan costs."""
    late.apply()
    plan = late.plan()
    late.aws.reads.clear()
    late.run(plan)
    assert late.aws.reads == []


def test_what_never_shows_is_named_in_the_end(late):
    """With a deadline, and what to look for."""
    late.aws.seconds = 10_000.0
    bare = _config(late, roles=[{"serviceAccounts": ["shop/web"]}])
    with pytest.raises(AwsError, match="IAM does not show what was written after 120 s: create"):
        late.apply(config=bare)
    assert late.clock.time < 200.0
