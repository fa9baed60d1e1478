"""Calls in, one policy out."""

import pytest

from irsa.aws.call import Call
from irsa.provision.permissions import Place, further, policy, undoing

PLACE = Place(
    partition="aws-cn", account="111122223333", paths={"web": frozenset({"/team/", "/old/"})}
)
ROLES = "arn:aws-cn:iam::111122223333:role"


def _call(name, **params):
    service, _, operation = name.partition(":")
    return Call(service=service, operation=operation, params=params)


def _allowed(*calls):
    """Every action with its resources and its condition."""
    return {
        action: (one["Resource"], one.get("Condition"))
        for one in policy(calls, PLACE)["Statement"]
        for action in one["Action"]
    }


@pytest.mark.parametrize(
    ("call", "action", "resource"),
    [
        (_call("s3:HeadBucket", Bucket="b"), "s3:ListBucket", "arn:aws-cn:s3:::b"),
        (_call("s3:GetObject", Bucket="b", Key="k"), "s3:GetObject", "arn:aws-cn:s3:::b/k"),
        (
            _call("s3:DeleteObject", Bucket="b", Key="k", VersionId="1"),
            "s3:DeleteObjectVersion",
            "arn:aws-cn:s3:::b/k",
        ),
        (
            _call("s3control:GetPublicAccessBlock", AccountId="1"),
            "s3:GetAccountPublicAccessBlock",
            "*",
        ),
        (_call("iam:ListRoles"), "iam:ListRoles", "*"),
        (
            _call("iam:CreateRole", RoleName="new", Path="/a/"),
            "iam:CreateRole",
            f"{ROLES}/a/new",
        ),
        (
            _call("iam:CreateOpenIDConnectProvider", Url="https://x.example/p"),
            "iam:CreateOpenIDConnectProvider",
            "arn:aws-cn:iam::111122223333:oidc-provider/x.example/p",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Call) else "",
)
def test_a_call_needs_its_permission_on_its_thing(call, action, resource):
    """By the name that IAM gives it, which is not always the API's."""
    assert _allowed(call) == {action: ([resource], None)}


@pytest.mark.parametrize(
    ("call", "action"),
    [
        (_call("iam:CreateRole", RoleName="n", Path="/", Tags=[]), "iam:TagRole"),
        (
            _call("iam:CreateOpenIDConnectProvider", Url="https://x.example", Tags=[]),
            "iam:TagOpenIDConnectProvider",
        ),
        (_call("s3:CreateBucket", Bucket="b", Tags=[]), "s3:TagResource"),
        (
            _call("s3:CreateBucket", Bucket="b", CreateBucketConfiguration={"Tags": []}),
            "s3:TagResource",
        ),
        (
            _call("s3:CreateBucket", Bucket="b", ObjectOwnership="BucketOwnerEnforced"),
            "s3:PutBucketOwnershipControls",
        ),
    ],
)
def test_what_comes_with_a_creation_needs_a_permission_of_its_own(call, action):
    """Tags and the ownership of objects."""
    assert set(_allowed(call)) == {call.name, action}


def test_a_role_is_named_with_every_path_that_it_has_or_had():
    """A replacement removes one and makes another; one that is not there yet has none."""
    assert _allowed(_call("iam:DeleteRole", RoleName="web"))["iam:DeleteRole"] == (
        [f"{ROLES}/old/web", f"{ROLES}/team/web"],
        None,
    )
    assert f"{ROLES}/web" in _allowed(_call("iam:GetRole", RoleName="web"))["iam:GetRole"][0]


def test_only_the_policies_that_are_named_can_be_attached():
    """Else whoever may attach could make himself an administrator."""
    calls = [_call("iam:AttachRolePolicy", RoleName="web", PolicyArn=one) for one in ("b", "a")]
    _, condition = _allowed(*calls)["iam:AttachRolePolicy"]
    assert condition == {"ArnEquals": {"iam:PolicyARN": ["a", "b"]}}


def test_a_role_with_a_boundary_can_only_be_made_with_it():
    """Here the condition is on the boundary."""
    call = _call("iam:CreateRole", RoleName="n", Path="/", PermissionsBoundary="b", Tags=[])
    allowed = _allowed(call)
    assert allowed["iam:CreateRole"][1] == {"ArnEquals": {"iam:PermissionsBoundary": ["b"]}}
    assert allowed["iam:TagRole"][1] is None


def test_asking_who_one_is_needs_nothing():
    """Everybody may."""
    assert policy([_call("sts:GetCallerIdentity")], PLACE)["Statement"] == []


def test_the_order_of_calls_does_not_matter():
    """The same calls give the same policy, once."""
    calls = [
        _call("s3:PutObject", Bucket="b", Key="k"),
        _call("s3:GetObject", Bucket="b", Key="k"),
        _call("iam:GetRole", RoleName="web"),
    ]
    assert policy(calls, PLACE) == policy([*reversed(calls), *calls], PLACE)
    assert policy(calls, PLACE)["Statement"][1]["Action"] == ["s3:GetObject", "s3:PutObject"]


def test_what_a_first_answer_leads_to_is_read_too():
    """An apply that was interrupted must be able to go on."""
    calls = [_call("iam:GetRole", RoleName="web"), _call("s3:HeadBucket", Bucket="b")]
    names = [call.name for call in further(calls, frozenset({"web"}))]
    assert names == ["iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy"]
    assert "s3:GetBucketPolicy" in [call.name for call in further(calls, frozenset({"b"}))]
    assert further(calls, frozenset({"other"})) == []


@pytest.mark.parametrize(
    ("delete", "spared"), [(True, "DeleteBucketPolicy"), (False, "DeleteBucket")]
)
def test_what_is_made_can_be_removed(delete, spared):
    """The bucket itself only if it will be; else it loses its policy."""
    made = [
        _call("s3:CreateBucket", Bucket="b"),
        _call("s3:PutBucketPolicy", Bucket="b"),
        _call("s3:PutObject", Bucket="b", Key="k"),
        _call("iam:TagRole", RoleName="web"),
    ]
    found = undoing(made, delete_bucket=delete)
    kept = {"DeleteBucket", "DeleteBucketPolicy"} - {spared}
    assert {call.operation for call in found} == {"DeleteObject", *kept}
    assert "s3:DeleteObjectVersion" in _allowed(*found)
