"""`irsa destroy`."""

import pytest
from tests.fakes.killing import DeadAfter, KilledError
from tests.fakes.late import make_late
from tests.fakes.stage import BUCKET, command_line, make_stage

SURE = ("--yes", "--confirm-name", "prod-eu")
ROLE = "arn:aws:iam::111122223333:role/prod-eu-shop-web"


@pytest.fixture(name="stage")
def _stage():
    stage = make_stage()
    stage.apply()
    return stage


@pytest.fixture(name="irsa")
def _irsa(stage, tmp_path, monkeypatch):
    return command_line(stage, tmp_path, monkeypatch)


def _run_pod(stage, phase="Running"):
    env = [{"name": "AWS_ROLE_ARN", "value": ROLE}]
    stage.kube.put(
        "v1",
        "Pod",
        "web-1",
        metadata={"namespace": "shop"},
        spec={"containers": [{"name": "web", "env": env}]},
        status={"phase": phase},
    )


def test_it_removes_everything_but_the_bucket(irsa, stage, capsys):
    """The bucket is kept, empty and private; that is said."""
    assert irsa("destroy", *SURE) == 0
    bucket = stage.aws.buckets[BUCKET]
    assert (bucket.versions, bucket.policy) == ([], None)
    assert (stage.aws.roles, stage.aws.providers) == ({}, {})
    assert "is kept, emptied and private" in " ".join(capsys.readouterr().err.split())


def test_the_bucket_goes_too_if_asked(irsa, stage):
    """With --delete-bucket nothing at all is left."""
    assert irsa("destroy", *SURE, "--delete-bucket") == 0
    assert stage.aws.empty


def test_a_second_destroy_says_that_nothing_is_left(irsa, capsys):
    """It is idempotent."""
    irsa("destroy", *SURE)
    capsys.readouterr()
    assert irsa("destroy", *SURE) == 0
    assert capsys.readouterr().out == "nothing of this cluster is left\n"


def test_a_later_apply_makes_it_all_again(irsa, stage):
    """Also in the bucket that was kept."""
    irsa("destroy", *SURE)
    assert irsa("apply", "--yes") == 0
    assert stage.plan().changes == ()


def test_yes_alone_is_not_enough(irsa, stage, capsys):
    """The cluster's name is asked for, or given."""
    before = len(stage.aws.calls)
    assert irsa("destroy", "--yes") == 65
    assert "--confirm-name" in capsys.readouterr().err
    assert len(stage.aws.calls) == before


def test_another_name_is_refused(irsa, stage):
    """Whoever types another name means another cluster."""
    before = len(stage.aws.calls)
    assert irsa("destroy", "--yes", "--confirm-name", "prod-us") == 3
    assert len(stage.aws.calls) == before


def test_pods_in_use_are_a_gate(irsa, stage, capsys):
    """A running pod with one of the roles stops it; the override with a reason does not."""
    _run_pod(stage)
    assert irsa("destroy", *SURE) == 3
    assert "shop/web-1" in capsys.readouterr().err
    assert len(stage.aws.roles) == 2
    override = ("--override", "pods-in-use", "--reason", "test cluster")
    assert irsa("destroy", *SURE, *override) == 0
    assert not stage.aws.roles


def test_finished_pods_are_no_obstacle(irsa, stage):
    """A Job that is done needs no role any more."""
    _run_pod(stage, phase="Succeeded")
    assert irsa("destroy", *SURE) == 0


def test_the_issuer_in_use_is_a_gate(irsa, stage, capsys):
    """An API server that signs with the issuer stops it."""
    stage.kube.sign_with(str(stage.wish.config.issuer_url))
    assert irsa("destroy", *SURE) == 3
    assert "still signs tokens with" in capsys.readouterr().err
    assert len(stage.aws.providers) == 1
    assert irsa("destroy", *SURE, "--override", "issuer-in-use", "--reason", "gone soon") == 0


def test_nothing_trusts_the_issuer_when_it_goes(irsa, stage):
    """Roles first, then the provider, then the documents."""
    stage.aws.calls.clear()
    irsa("destroy", *SURE, "--delete-bucket")
    names = list(dict.fromkeys(call.operation for call in stage.aws.calls))
    order = ["DeleteRole", "DeleteOpenIDConnectProvider", "DeleteObject", "DeleteBucket"]
    assert [name for name in names if name in order] == order


@pytest.fixture(name="late")
def _late():
    stage = make_stage()
    make_late(stage)
    return stage


@pytest.fixture(name="hasty")
def _hasty(late, tmp_path, monkeypatch):
    return command_line(late, tmp_path, monkeypatch)


@pytest.mark.parametrize("call", ["iam:CreateOpenIDConnectProvider", "iam:CreateRole"])
def test_what_a_killed_apply_made_is_found_however_late_it_shows(hasty, late, capsys, call):
    """Nothing is orphaned by who takes it all down at once."""
    late.aws.observer = DeadAfter(call=call)
    with pytest.raises(KilledError):
        hasty("apply", "--yes")
    late.aws.observer = None
    assert hasty("destroy", *SURE, "--delete-bucket") == 0
    assert late.aws.empty
    assert "waiting: an earlier run did not finish" in capsys.readouterr().err


def test_what_a_killed_destroy_removed_is_made_anew_however_late_it_shows(
    late, tmp_path, monkeypatch
):
    """An apply that follows at once does not take for made what is gone."""
    bare = [{"serviceAccounts": ["shop/web"]}]
    hasty = command_line(late, tmp_path, monkeypatch, roles=bare)
    assert hasty("apply", "--yes") == 0
    late.aws.observer = DeadAfter(call="iam:DeleteRole")
    with pytest.raises(KilledError):
        hasty("destroy", *SURE)
    late.aws.observer = None
    assert hasty("apply", "--yes") == 0
    assert len(late.aws.roles) == 1


def test_nobody_waits_after_a_run_that_ended_well(hasty, capsys):
    """It has waited itself."""
    assert hasty("apply", "--yes") == 0
    assert hasty("destroy", *SURE) == 0
    assert "did not finish" not in capsys.readouterr().err
