"""Roles: exactly what the configuration says."""

import pytest
from tests.fakes.aws import RefusalError
from tests.fakes.stage import S3_READ, make_stage

from irsa.errors import AwsError, RefusedError

OTHER = "arn:aws:iam::aws:policy/AdministratorAccess"
NAME = "prod-eu-shop-web"


def _with_roles(stage, **role):
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    roles = [{"serviceAccounts": ["shop/web"]} | role]
    stage.wish = make_stage(cluster=cluster, roles=roles).wish


@pytest.fixture(name="applied")
def _applied(stage):
    _with_roles(stage, policies=[S3_READ], inlinePolicy=_policy("sqs:*"), tags={"team": "shop"})
    stage.apply()
    return stage


def _policy(action):
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _calls(stage):
    changes = [change for change in stage.plan().changes if change.kind == "role"]
    return [step.operation for change in changes for step in change.steps[:1]]


@pytest.mark.parametrize(
    ("role", "operation"),
    [
        pytest.param({"policies": [OTHER]}, "AttachRolePolicy", id="another policy"),
        pytest.param({"policies": []}, "DetachRolePolicy", id="no policy"),
        pytest.param({"inlinePolicy": None}, "DeleteRolePolicy", id="no inline policy"),
        pytest.param({"maxSessionDuration": 7200}, "UpdateRole", id="duration"),
        pytest.param({"tags": {"team": "web"}}, "TagRole", id="tags"),
        pytest.param(
            {"permissionsBoundary": OTHER}, "PutRolePermissionsBoundary", id="permissions boundary"
        ),
        pytest.param(
            {"serviceAccounts": ["shop/web", "shop/worker"], "name": NAME},
            "UpdateAssumeRolePolicy",
            id="another ServiceAccount",
        ),
    ],
)
def test_a_change_is_one_call(applied, role, operation):
    """Only what differs is sent, and then nothing differs."""
    same = {"policies": [S3_READ], "inlinePolicy": _policy("sqs:*"), "tags": {"team": "shop"}}
    _with_roles(applied, **(same | role))
    assert _calls(applied)[0] == operation
    applied.apply()
    assert applied.plan().changes == ()


def test_what_somebody_attached_is_taken_off(applied):
    """And shown before."""
    applied.aws.roles[NAME]["attached"].append(OTHER)
    applied.aws.roles[NAME]["inline"]["theirs"] = _policy("*")
    (change,) = applied.plan().changes
    assert [one.before for one in change.fields] == [OTHER, _policy("*")]
    applied.apply()
    assert applied.aws.roles[NAME]["attached"] == [S3_READ]


def test_a_boundary_can_be_taken_off(stage):
    """By leaving it out."""
    _with_roles(stage, permissionsBoundary=OTHER)
    stage.apply()
    _with_roles(stage)
    assert _calls(stage) == ["DeleteRolePermissionsBoundary"]


def test_another_path_is_another_role(applied):
    """IAM cannot move a role: it is made anew, and that is said."""
    _with_roles(applied, path="/team/")
    change = applied.plan().changes[0]
    assert change.action == "recreate"
    assert change.fields[0].name == "path (a new role, with another id)"
    applied.apply()
    assert applied.aws.roles[NAME]["Path"] == "/team/"


def test_a_spelling_of_iam_is_no_difference(applied):
    """A list of one and the value itself are the same to IAM."""
    (statement,) = applied.aws.roles[NAME]["AssumeRolePolicyDocument"]["Statement"]
    statement["Action"] = [statement["Action"]]
    assert applied.plan().changes == ()


def test_trust_is_exact(applied):
    """Both conditions, on this issuer's keys."""
    (statement,) = applied.aws.roles[NAME]["AssumeRolePolicyDocument"]["Statement"]
    prefix = applied.wish.config.issuer_url.provider
    assert statement["Condition"] == {
        "StringEquals": {
            f"{prefix}:aud": "sts.amazonaws.com",
            f"{prefix}:sub": "system:serviceaccount:shop:web",
        }
    }


def test_a_trust_policy_that_is_too_long_is_refused_in_the_plan(stage):
    """By the quota of this very account."""
    stage.aws.trust_quota = 100
    with pytest.raises(RefusedError, match=r"has \d+ characters, account 111122223333 allows 100"):
        stage.plan()


def test_a_new_role_that_is_not_known_yet_is_waited_for(stage):
    """IAM is eventually consistent."""
    text = f"The role with name {NAME} cannot be found."
    stage.aws.failures["iam:AttachRolePolicy"] = [RefusalError("NoSuchEntity", text)] * 3
    stage.apply()
    assert stage.aws.roles[NAME]["attached"] == [S3_READ]
    assert "waiting: the new role is not known everywhere yet (NoSuchEntity)" in stage.said


def test_a_policy_that_does_not_exist_is_not_waited_for(stage):
    """That will not pass by itself."""
    text = f"Policy {S3_READ} does not exist or is not attachable."
    stage.aws.failures["iam:AttachRolePolicy"] = [RefusalError("NoSuchEntity", text)]
    with pytest.raises(AwsError, match="does not exist or is not attachable"):
        stage.apply()
    assert stage.said == []


def test_a_role_that_left_the_configuration_is_shown(applied):
    """And removed only with --prune."""
    cluster = {"name": "prod-eu", "uid": applied.wish.config.cluster.uid}
    applied.wish = make_stage(cluster=cluster, roles=[]).wish
    plan = applied.plan()
    assert plan.changes == ()
    assert len([note for note in plan.notes if "left over" in note]) == 2
    applied.apply(prune=True)
    assert applied.aws.roles == {}
    assert applied.plan().notes == ()


def test_a_role_that_left_the_configuration_goes_with_a_destroy(applied):
    """Nothing of ours is orphaned."""
    cluster = {"name": "prod-eu", "uid": applied.wish.config.cluster.uid}
    applied.wish = make_stage(cluster=cluster, roles=[]).wish
    applied.destroy()
    assert applied.aws.empty
