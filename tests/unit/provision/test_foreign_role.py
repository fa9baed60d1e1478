"""Roles of somebody else: one statement of ours in them, or none; nothing else is touched."""

import copy
import json
import threading
from dataclasses import replace

import pytest
from tests.fakes.aws import FakeAws
from tests.fakes.killing import KilledError, Killer
from tests.fakes.stage import make_stage

from irsa.errors import RefusedError
from irsa.kube.objects import Ref
from irsa.provision.apply import run
from irsa.provision.resource import Plan

NAME = "theirs"
OTHERS = [
    {"Sid": "Ec2", "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}},
    {
        "Sid": "Irsa0000000000000000",
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/another.example.com"},
        "Condition": {"StringEquals": {"another.example.com:sub": "system:serviceaccount:a:b"}},
    },
]


def _take(aws, **more):
    aws.roles[NAME] = {
        "RoleName": NAME,
        "Path": "/",
        "Description": "made by hand",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": copy.deepcopy(OTHERS)},
        "Tags": [{"Key": "team", "Value": "platform"}],
        "attached": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "inline": {"own": {"Version": "2012-10-17", "Statement": []}},
    } | more


def _stage(management="trust-only", accounts=("shop/web",), **role):
    stage = make_stage(roles=[])
    _take(stage.aws)
    _configure(stage, {"serviceAccounts": list(accounts), "management": management} | role)
    return stage


def _configure(stage, *roles):
    cluster = {"name": "prod-eu", "uid": stage.wish.config.cluster.uid}
    stage.wish = make_stage(cluster=cluster, roles=[{"name": NAME} | one for one in roles]).wish


def _statements(stage):
    return stage.aws.roles[NAME]["AssumeRolePolicyDocument"]["Statement"]


def _ours(stage):
    return [one for one in _statements(stage) if one not in OTHERS]


def test_one_statement_is_added_and_everything_else_stays():
    """Statements, tags, policies and description of the owner are the same bytes."""
    stage = _stage()
    before = copy.deepcopy(stage.aws.roles[NAME])
    stage.apply()
    after = stage.aws.roles[NAME]
    added = after["AssumeRolePolicyDocument"]["Statement"].pop()
    assert after == before
    assert added["Condition"]["StringEquals"][f"{stage.wish.config.issuer_url.provider}:sub"] == (
        "system:serviceaccount:shop:web"
    )


def test_a_second_plan_is_empty():
    """The statement is known by its Sid."""
    stage = _stage()
    stage.apply()
    assert stage.plan().changes == ()


def test_a_destroy_removes_only_that_statement():
    """The role is as it was before."""
    stage = _stage()
    before = copy.deepcopy(stage.aws.roles[NAME])
    stage.apply()
    stage.destroy()
    assert stage.aws.roles[NAME] == before


def test_other_subjects_replace_the_statement():
    """One of ours, with the new ServiceAccounts; none of the old."""
    stage = _stage()
    stage.apply()
    _configure(stage, {"serviceAccounts": ["shop/worker"], "management": "trust-only"})
    stage.apply(prune=True)
    (ours,) = _ours(stage)
    assert "system:serviceaccount:shop:worker" in json.dumps(ours)
    assert _statements(stage)[:2] == OTHERS


def test_what_others_write_at_the_same_time_is_kept_and_ours_too():
    """Somebody overwrites our statement just after it was written: it is put in again."""
    stage = _stage()
    theirs = {"Sid": "New", "Effect": "Deny", "Principal": "*"}
    overwritten = iter([True])

    class Busy(FakeAws):
        def _iam_UpdateAssumeRolePolicy(self, RoleName, PolicyDocument):  # noqa: N802, N803 # AWS's names
            super()._iam_UpdateAssumeRolePolicy(RoleName, PolicyDocument)
            if next(overwritten, False):
                document = {"Version": "2012-10-17", "Statement": [*OTHERS, theirs]}
                self.roles[RoleName]["AssumeRolePolicyDocument"] = document

    stage.aws.__class__ = Busy
    stage.apply()
    assert _statements(stage)[:3] == [*OTHERS, theirs]
    assert len(_statements(stage)) == 4
    assert [one for one in stage.said if "changed by somebody else at the same time" in one]


def test_a_policy_that_never_stays_is_refused():
    """After a few tries, with the place to look."""
    stage = _stage()

    class Hostile(FakeAws):
        def _iam_UpdateAssumeRolePolicy(self, RoleName, PolicyDocument):  # noqa: N802, N803 # AWS's names
            changed = {"Sid": f"S{len(PolicyDocument) + len(self.calls)}"}
            document = {"Statement": [*OTHERS, changed]}
            self.roles[RoleName]["AssumeRolePolicyDocument"] = document

    stage.aws.__class__ = Hostile
    with pytest.raises(RefusedError, match="changes whenever irsa writes it"):
        stage.apply()


def test_what_changed_since_the_plan_is_kept():
    """The policy is read anew when it is written."""
    stage = _stage()
    plan = stage.plan()
    _statements(stage).append({"Sid": "Later", "Effect": "Allow", "Principal": "*"})
    list(run(plan, stage.world))
    assert [one["Sid"] for one in _statements(stage)][2] == "Later"
    assert len(_statements(stage)) == 4


def test_two_clusters_at_once_keep_both_statements():
    """Each read the policy without the other's statement; both are there in the end."""
    stages = [_stage(), _stage()]
    stages[1].wish = make_stage(
        cluster={"name": "prod-us", "uid": "0c0de000-0000-4000-8000-000000000000"},
        roles=[{"name": NAME, "serviceAccounts": ["shop/web"], "management": "trust-only"}],
    ).wish
    changes = [[one for one in stage.plan().changes if one.kind == "role"] for stage in stages]
    aws = stages[1].aws = stages[0].aws
    read, have_read, have_written = aws._iam_GetRole, *_meetings(2)

    def together(RoleName):  # noqa: N803 # AWS's name
        answer = copy.deepcopy(read(RoleName))
        have_read()
        return answer

    aws._iam_GetRole = together
    worlds = [replace(stage.world, sleep=lambda _: have_written()) for stage in stages]
    runs = [
        threading.Thread(target=lambda *of: list(run(*of)), args=(Plan(changes=tuple(one)), world))
        for one, world in zip(changes, worlds, strict=True)
    ]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert len(_statements(stages[0])) == 4


def _meetings(count):
    """So many places where two threads wait for each other, the first time that they come by."""
    return [_meeting() for _ in range(count)]


def _meeting():
    barrier, mine = threading.Barrier(2, timeout=10), threading.local()

    def meet():
        if not getattr(mine, "met", False):
            mine.met = True
            barrier.wait()

    return meet


@pytest.mark.parametrize(
    ("more", "said"),
    [
        pytest.param(
            {"Path": "/team/"}, "has the path /team/, the configuration says /", id="path"
        ),
        pytest.param(
            {"Tags": [{"Key": "irsa:cluster-uid", "Value": "other"}]},
            "belongs to another cluster",
            id="another cluster's",
        ),
    ],
)
def test_a_role_that_cannot_be_added_to_is_refused(more, said):
    """Before anything is sent."""
    stage = _stage()
    _take(stage.aws, **more)
    with pytest.raises(RefusedError, match=said):
        stage.apply()
    assert stage.aws.calls == []


def test_a_missing_role_is_refused():
    """`trust-only` makes none."""
    stage = _stage()
    del stage.aws.roles[NAME]
    with pytest.raises(RefusedError, match="does not exist; management: trust-only"):
        stage.plan()


def test_a_policy_that_would_be_too_long_is_refused():
    """With the owner's statements counted in."""
    stage = _stage()
    stage.aws.trust_quota = 400
    with pytest.raises(RefusedError, match=r"would have .* characters with our statement"):
        stage.plan()


def test_a_statement_left_over_is_shown_and_pruned():
    """Roles that only held a statement of ours are found too."""
    stage = _stage()
    stage.apply()
    _configure(stage)
    plan = stage.plan()
    assert [note for note in plan.notes if "role theirs of somebody else still lets" in note]
    stage.apply(prune=True)
    assert _statements(stage) == OTHERS


def test_a_policy_is_never_left_empty():
    """IAM would refuse it: the owner is told instead."""
    stage = _stage()
    stage.apply()
    del _statements(stage)[:2]
    plan = stage.destroy()
    assert [note for note in plan.notes if "its owner has to replace it" in note]
    assert len(_statements(stage)) == 1


def test_an_external_role_is_only_checked():
    """The statement for its owner is printed whole; nothing of the role is written."""
    stage = _stage("external")
    before = copy.deepcopy(stage.aws.roles[NAME])
    plan = stage.apply()
    (note,) = [one for one in plan.notes if one.startswith("role theirs does not let shop/web in")]
    statement = json.loads(note.partition("\n")[2])
    assert stage.aws.roles[NAME] == before
    stage.aws.roles[NAME]["AssumeRolePolicyDocument"]["Statement"].append(statement)
    assert stage.plan().notes == ()


def test_an_external_role_may_be_missing_or_hidden():
    """That is said; it is no failure."""
    stage = _stage("external")
    del stage.aws.roles[NAME]
    assert "role theirs does not exist" in stage.plan().notes[0]
    stage.aws.denied.add("iam:GetRole")
    assert "role theirs may not be read" in stage.plan().notes[0]


def test_a_destroy_names_the_statement_of_an_external_role():
    """Its owner takes it out."""
    stage = _stage()
    stage.apply()
    _configure(stage, {"serviceAccounts": ["shop/web"], "management": "external"})
    before = copy.deepcopy(stage.aws.roles[NAME])
    plan = stage.destroy()
    assert [note for note in plan.notes if "its owner has to take out the statement Irsa" in note]
    assert stage.aws.roles[NAME] == before


def test_pods_get_the_role_of_somebody_else():
    """The ServiceAccount is annotated as with any role."""
    stage = _stage(path="/")
    stage.apply()
    found = stage.kube.get(Ref("v1", "ServiceAccount", "web", "shop"))
    annotation = found["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    assert annotation == "arn:aws:iam::111122223333:role/theirs"


def _prepared(action):
    stage = _stage()
    if action == "destroy":
        stage.apply()
    return stage


def _killed(action, *, after_it):
    """A stage on which an action died at the write of the trust policy, before or after it."""
    rehearsal, recorder = _prepared(action), Killer()
    rehearsal.aws.observer = recorder
    getattr(rehearsal, action)()
    at = recorder.calls.index("iam:UpdateAssumeRolePolicy")
    stage = _prepared(action)
    stage.aws.observer = Killer(at=at, after_it=after_it)
    with pytest.raises(KilledError):
        getattr(stage, action)()
    stage.aws.observer = None
    return stage


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_killed_at_the_write_an_apply_converges(after_it):
    """One statement of ours, whether it was there already or not."""
    stage = _killed("apply", after_it=after_it)
    stage.apply()
    assert len(_ours(stage)) == 1
    assert stage.plan().changes == ()


@pytest.mark.parametrize("after_it", [False, True], ids=["before", "after"])
def test_killed_at_the_write_a_destroy_converges(after_it):
    """Nothing of ours, and all of theirs."""
    stage = _killed("destroy", after_it=after_it)
    stage.destroy()
    assert _statements(stage) == OTHERS
    assert stage.plan_removal().changes == ()
