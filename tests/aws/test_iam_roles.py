"""Roles, by IAM's rules."""

import json

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/x.example.com"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def _statement(**changes):
    base = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {"x.example.com:aud": "sts.amazonaws.com"}},
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [_statement()]})


def _create(iam, name, **more):
    parameters = {"RoleName": name, "AssumeRolePolicyDocument": TRUST}
    return iam.create_role(**(parameters | more))["Role"]


def test_a_role_is_told_with_everything_that_was_given(iam, name):
    """Path, description, tags, duration; the trust policy as a document."""
    arn = f"arn:aws:iam::{ACCOUNT}:role/a/b/{name}"
    tags = [{"Key": "irsa:cluster", "Value": "x"}]
    made = _create(
        iam, name, Path="/a/b/", Description="d", Tags=tags, MaxSessionDuration=7200,
        PermissionsBoundary=READ_ONLY,
    )  # fmt: skip
    found = iam.get_role(RoleName=name)["Role"]
    for role in (made, found):
        assert role["Arn"] == arn
        assert role["RoleId"].startswith("AROA")
        assert (role["Description"], role["Tags"], role["MaxSessionDuration"]) == ("d", tags, 7200)
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
        assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)


def test_a_session_lasts_an_hour_unless_said_otherwise(iam, name):
    """MaxSessionDuration is 3600 by default."""
    assert _create(iam, name)["MaxSessionDuration"] == 3600


def test_a_name_is_taken_in_every_case(iam, name):
    """Names are unique without regard to case, and found so."""
    _create(iam, name)
    with refused("EntityAlreadyExists", status=409):
        _create(iam, name.upper())
    assert iam.get_role(RoleName=name.upper())["Role"]["RoleName"] == name


@pytest.mark.parametrize(
    "more",
    [
        {"RoleName": "x" * 65}, {"RoleName": "a b"}, {"Path": "no-slash"}, {"Path": "/a"},
        {"Path": f"/{'a' * 512}/"}, {"MaxSessionDuration": 3599}, {"MaxSessionDuration": 43201},
        {"Description": "d" * 1001}, {"Tags": [{"Key": "k" * 129, "Value": "v"}]},
        {"Tags": [{"Key": "k", "Value": "v" * 257}]}, {"Tags": [{"Key": "k!", "Value": "v"}]},
        {"Tags": [{"Key": str(n), "Value": "v"} for n in range(51)]},
    ],
    ids=[
        "long", "space", "path", "open path", "long path", "short", "long session", "description",
        "key", "value", "character", "tags",
    ],
)  # fmt: skip
def test_parameters_have_limits(iam, name, more):
    """ValidationError, and nothing is made."""
    with refused("ValidationError", saying="failed to satisfy constraint", status=400):
        _create(iam, name, **more)
    with refused("NoSuchEntity"):
        iam.get_role(RoleName=name)


@pytest.mark.parametrize(
    "text",
    [
        "{", '"x"', "{}", '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny"}]}',
        json.dumps({"Version": "2011-01-01", "Statement": [_statement()]}),
        *(
            json.dumps({"Version": "2012-10-17", "Statement": [_statement(**changes)]})
            for changes in (
                {"Effect": "allow"}, {"Principal": None}, {"Principal": {"Federated": "x"}},
                {"Principal": {"Federated": PROVIDER.replace("aws", "aws-cn", 1)}},
                {"Principal": "nobody"}, {"Principal": {"AWS": "arn:aws:s3:::x"}},
                {"Action": "s3:GetObject"}, {"Action": None}, {"Resource": "*"},
                {"Condition": {"StringSame": {"a:b": "c"}}}, {"Condition": []},
                {"__doc_comment": "x"}, {"Sid": "a-b"},
            )
        ),
        json.dumps({"Version": "2012-10-17", "Statement": [_statement(Sid="A")] * 2}),
    ],
)  # fmt: skip
def test_a_malformed_trust_policy_is_refused(iam, name, text):
    """At creation and at every change."""
    with refused("MalformedPolicyDocument", status=400):
        _create(iam, name, AssumeRolePolicyDocument=text)
    _create(iam, name)
    with refused("MalformedPolicyDocument"):
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=text)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)


@pytest.mark.parametrize(
    ("padding", "code"), [(" ", None), ("x", "LimitExceeded")], ids=["white space", "letters"]
)
def test_a_trust_policy_has_2048_characters(iam, name, padding, code):
    """White space is not counted."""
    text = TRUST.replace('"Statement"', f'"Id": "{padding * 2000}", "Statement"')
    if code is None:
        _create(iam, name, AssumeRolePolicyDocument=text)
        return
    with refused(code, saying="ACLSizePerRole: 2048", status=409):
        _create(iam, name, AssumeRolePolicyDocument=text)


def test_the_quota_is_told(iam, name):
    """GetAccountSummary has it, and counts."""
    before = iam.get_account_summary()["SummaryMap"]
    _create(iam, name)
    after = iam.get_account_summary()["SummaryMap"]
    assert after["AssumeRolePolicySizeQuota"] == 2048
    assert after["Roles"] == before["Roles"] + 1
    assert after["RolesQuota"] == 1000
    assert {"Providers", "Users", "Policies"} <= set(after)


def test_a_role_is_changed_in_parts(iam, name):
    """UpdateRole leaves alone what it does not name."""
    _create(iam, name, Description="d", MaxSessionDuration=7200)
    iam.update_role(RoleName=name, MaxSessionDuration=3600)
    assert iam.get_role(RoleName=name)["Role"]["Description"] == "d"
    iam.update_role(RoleName=name, Description="e")
    found = iam.get_role(RoleName=name)["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("e", 3600)


def test_trust_is_replaced(iam, name):
    """As a whole."""
    _create(iam, name)
    text = json.dumps({"Version": "2012-10-17", "Statement": [_statement(Sid="New")]})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=text)
    assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == json.loads(text)


def test_tags_are_merged(iam, name):
    """Without regard to the case of their keys."""
    _create(iam, name, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.tag_role(RoleName=name, Tags=[{"Key": "A", "Value": "3"}])
    iam.untag_role(RoleName=name, TagKeys=["B"])
    assert iam.list_role_tags(RoleName=name)["Tags"] == [{"Key": "A", "Value": "3"}]
    many = [{"Key": f"k{n}", "Value": "v"} for n in range(50)]
    with refused("LimitExceeded", status=409):
        iam.tag_role(RoleName=name, Tags=many)


def test_roles_are_listed_by_path_and_page(iam, name):
    """Without their tags, as in AWS."""
    for number in range(3):
        _create(iam, f"{name}-{number}", Path=f"/{name}/", Tags=[{"Key": "a", "Value": "b"}])
    pager = iam.get_paginator("list_roles")
    pages = list(pager.paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2}))
    assert [len(page["Roles"]) for page in pages] == [2, 1]
    roles = [role for page in pages for role in page["Roles"]]
    assert [role["RoleName"] for role in roles] == [f"{name}-{number}" for number in range(3)]
    assert all("Tags" not in role for role in roles)
    assert roles[0]["AssumeRolePolicyDocument"] == json.loads(TRUST)


def test_a_role_with_policies_is_not_deleted(iam, name):
    """Attached and inline ones must go first."""
    _create(iam, name)
    iam.attach_role_policy(RoleName=name, PolicyArn=READ_ONLY)
    with refused("DeleteConflict", saying="detach", status=409):
        iam.delete_role(RoleName=name)
    iam.detach_role_policy(RoleName=name, PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    with refused("DeleteConflict", status=409):
        iam.delete_role(RoleName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="p")
    iam.delete_role(RoleName=name)
    for call in (iam.delete_role, iam.get_role):
        with refused("NoSuchEntity", status=404):
            call(RoleName=name)


def test_a_boundary_must_exist_and_can_go(iam, name):
    """Put, and taken away once."""
    _create(iam, name)
    missing = f"arn:aws:iam::{ACCOUNT}:policy/none"
    with refused("NoSuchEntity"):
        iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=missing)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=READ_ONLY)
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]
    with refused("NoSuchEntity"):
        iam.delete_role_permissions_boundary(RoleName=name)


def test_tags_at_creation_need_a_permission_of_their_own(aws, user, name):
    """CreateRole alone does not let tags through."""
    limited = aws.client("iam", keys=user(allow("iam:CreateRole")))
    with refused("AccessDenied", saying="iam:TagRole"):
        _create(limited, name, Tags=[{"Key": "k", "Value": "v"}])
    assert _create(limited, name)
