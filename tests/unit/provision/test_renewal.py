"""What was planned has been overtaken: it is read again, judged as always, and gone on with."""

import copy

import pytest
from tests.fakes.aws import Bucket
from tests.fakes.killing import DeadAfter, KilledError
from tests.fakes.late import make_late
from tests.fakes.stage import BUCKET, S3_READ, make_config, make_stage

from irsa.errors import AwsError, KubeError, RefusedError
from irsa.kube.objects import Ref
from irsa.provision.apply import Manner, run

WEB = "prod-eu-shop-web"
ACCOUNT = Ref("v1", "ServiceAccount", "web", "shop")
ANNOTATION = "eks.amazonaws.com/role-arn"
SQS = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
SHOWN = "waiting: IAM does not show role prod-eu-shop-web yet as it is (EntityAlreadyExists)"


@pytest.fixture(name="late")
def _late():
    stage = make_stage(injection={"engine": "none"})
    make_late(stage)
    return stage


def _half_made(stage):
    """An earlier run died right after it had made the role: nobody sees it yet."""
    stage.aws.observer = DeadAfter(call="iam:CreateRole")
    with pytest.raises(KilledError):
        stage.apply()
    stage.aws.observer = None


def test_what_an_earlier_run_made_is_gone_on_with(late):
    """It is waited for, that is said once, and the end is the same."""
    _half_made(late)
    late.apply()
    assert late.said.count(SHOWN) == 1
    assert late.aws.roles[WEB]["attached"] == [S3_READ]
    assert late.plan().changes == ()


def test_what_somebody_else_made_is_never_written_to(late):
    """A role that is not seen yet is theirs all the same."""
    theirs = {"RoleName": WEB, "Path": "/", "AssumeRolePolicyDocument": {}, "Tags": []}
    plan = late.plan()
    late.aws.roles[WEB] = theirs | {"attached": [SQS], "inline": {}}
    late.aws.states.append((late.clock.now(), *late.aws._now()))
    before = copy.deepcopy(late.aws.roles[WEB])
    with pytest.raises(RefusedError, match="role prod-eu-shop-web exists and is somebody else's"):
        late.run(plan)
    assert late.aws.roles[WEB] == before


def test_what_is_gone_already_is_made_again(late):
    """A role that is still seen, and was deleted: another run was taking everything down."""
    late.apply()
    plan = late.plan(config=_config(late, tags={"team": "shop"}))
    del late.aws.roles[WEB]
    late.run(plan)
    assert {"Key": "team", "Value": "shop"} in late.aws.roles[WEB]["Tags"]


def _config(stage, **role):
    roles = [{"serviceAccounts": ["shop/web"], **role}]
    return make_config(stage.kube.cluster_uid(), injection={"engine": "none"}, roles=roles)


def test_what_never_shows_ends_with_what_aws_said(late):
    """After a deadline, with a word on what else it may be."""
    _half_made(late)
    late.aws.seconds = 10_000.0
    with pytest.raises(AwsError, match=r"still does not explain .* EntityAlreadyExists") as no:
        late.apply()
    assert "upper and lower case" in no.value.hint
    assert late.clock.time < 200.0


def test_what_is_not_overtaken_is_refused_at_once(stage):
    """A missing permission is one, whatever is read."""
    stage.aws.denied.add("iam:CreateRole")
    with pytest.raises(AwsError, match="denied"):
        stage.apply()
    assert stage.clock.time == 0.0


def test_a_plan_in_a_file_is_gone_on_with_as_far_as_it_goes(late):
    """What is left of it was all in it."""
    plan = late.plan()
    _half_made(late)
    list(run(plan, late.world, Manner(exact=True)))
    assert late.plan().changes == ()


def test_a_plan_in_a_file_never_does_more_than_it_says(late):
    """A policy that somebody attached meanwhile was not in it."""
    plan = late.plan()
    _half_made(late)
    late.aws.roles[WEB]["attached"].append(SQS)
    late.aws.states.append((late.clock.now(), *late.aws._now()))
    with pytest.raises(RefusedError, match=r"out of date: create role .* is no longer"):
        list(run(plan, late.world, Manner(exact=True)))
    assert SQS in late.aws.roles[WEB]["attached"]


def test_two_applies_at_once_come_to_the_same_end(stage):
    """Whoever comes second finds everything made, and goes on."""
    plan = stage.plan()
    stage.apply()
    stage.run(plan)
    assert stage.plan().changes == ()


def test_two_destroys_at_once_come_to_the_same_end(stage):
    """The same, for what goes."""
    stage.apply()
    plan = stage.plan_removal()
    stage.destroy()
    stage.run(plan)
    assert stage.aws.empty


def test_a_bucket_that_was_made_meanwhile_is_judged_like_any(stage):
    """Ours by name and account alone is not ours."""
    plan = stage.plan()
    stage.aws.buckets[BUCKET] = Bucket()
    with pytest.raises(RefusedError, match="is somebody else's"):
        stage.run(plan)
    assert stage.aws.buckets[BUCKET] == Bucket()


def test_a_role_that_somebody_set_meanwhile_stays(stage):
    """The API server says conflict; what is there then says whose."""
    plan = stage.plan()
    other = {"namespace": "shop", "annotations": {ANNOTATION: "arn:aws:iam::1:role/theirs"}}
    stage.kube.put("v1", "ServiceAccount", "web", metadata=other)
    with pytest.raises(RefusedError, match="has the role arn:aws:iam::1:role/theirs already"):
        stage.run(plan)
    assert stage.kube.get(ACCOUNT)["metadata"]["annotations"] == other["annotations"]


def test_a_namespace_that_went_meanwhile_is_named(stage):
    """Rather than the request that failed."""
    plan = stage.plan()
    stage.kube.delete(Ref("v1", "Namespace", "shop"))
    with pytest.raises(RefusedError, match=r"namespace .shop. .* does not exist"):
        stage.run(plan)


def test_a_conflict_that_nothing_explains_is_told_as_it_is(stage):
    """It is read once more, not for ever."""
    plan = stage.plan()
    refused = KubeError("no", status=409, reason="Conflict")
    stage.kube.refuse = lambda verb, _: refused if verb == "patch" else None
    with pytest.raises(KubeError):
        stage.run(plan)
    assert stage.clock.time < 5.0
