"""Inline and managed policies, by IAM's rules."""

import json

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused
from tests.aws.test_iam_roles import READ_ONLY, TRUST

SOUND = policy(allow("s3:GetObject", "arn:aws:s3:::b/*"))


@pytest.fixture(name="role")
def _role(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return name


def test_an_inline_policy_comes_back(iam, role):
    """As a document; listed by name; replaced by the same name."""
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=SOUND)
    found = iam.get_role_policy(RoleName=role, PolicyName="p")
    assert found["PolicyDocument"] == json.loads(SOUND)
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["p"]
    iam.delete_role_policy(RoleName=role, PolicyName="p")
    with refused("NoSuchEntity", status=404):
        iam.get_role_policy(RoleName=role, PolicyName="p")
    with refused("NoSuchEntity", status=404):
        iam.delete_role_policy(RoleName=role, PolicyName="p")


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", policy(), policy({"Effect": "Allow", "Action": "s3:*"}),
        policy({"Effect": "Allow", "Resource": "*"}), policy(allow("GetObject")),
        policy(allow("s3:*", Principal="*")), policy(allow("s3:*", "bucket/*")),
        policy(allow("s3:*", "arn:aws:s3")), policy(allow("s3:*", Effect="Perhaps")),
        policy(allow("s3:*", Condition={"Like": {"a": "b"}})), policy(allow("s3:*", Extra=1)),
        policy(allow("s3:*", NotResource="*")), policy(allow([])), policy(allow("s3:*", [])),
        policy(allow("s3:*", Sid="A"), allow("s3:*", Sid="A")),
        SOUND.replace("2012-10-17", "2020-10-17"),
    ],
)  # fmt: skip
def test_a_malformed_policy_is_refused(iam, role, text):
    """Inline and managed."""
    with refused("MalformedPolicyDocument", status=400):
        iam.put_role_policy(RoleName=role, PolicyName="p", PolicyDocument=text)
    with refused("MalformedPolicyDocument"):
        iam.create_policy(PolicyName=role, PolicyDocument=text)


def test_inline_policies_have_a_quota_together(iam, role):
    """10,240 characters a role, white space aside."""
    long = policy(allow("s3:GetObject", [f"arn:aws:s3:::b/{'x' * 100}{n:04}" for n in range(70)]))
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=long)
    iam.put_role_policy(RoleName=role, PolicyName="a", PolicyDocument=long)
    with refused("LimitExceeded", saying="10240", status=409):
        iam.put_role_policy(RoleName=role, PolicyName="b", PolicyDocument=long)


def test_a_managed_policy_has_a_quota(iam, name):
    """6,144 characters."""
    long = policy(allow("s3:GetObject", [f"arn:aws:s3:::b/{'x' * 100}{n:04}" for n in range(70)]))
    with refused("LimitExceeded", saying="PolicySize: 6144", status=409):
        iam.create_policy(PolicyName=name, PolicyDocument=long)


def test_policies_are_attached_and_detached(iam, role):
    """Attaching twice is fine, detaching twice is not."""
    for _ in range(2):
        iam.attach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
    found = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert found == [{"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY)
    with refused("NoSuchEntity", status=404):
        iam.detach_role_policy(RoleName=role, PolicyArn=READ_ONLY)


def test_only_what_exists_is_attached(iam, role):
    """A misspelt ARN is NoSuchEntity."""
    with refused("NoSuchEntity", status=404):
        iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AmazonS3Reader")


def test_ten_policies_are_attached_at_most(iam, role):
    """The eleventh is LimitExceeded."""
    for number in range(11):
        name = f"{role}-{number}"
        arn = iam.create_policy(PolicyName=name, PolicyDocument=SOUND)["Policy"]["Arn"]
        if number == 10:
            with refused("LimitExceeded", saying="PoliciesPerRole: 10", status=409):
                iam.attach_role_policy(RoleName=role, PolicyArn=arn)
            return
        iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def test_a_managed_policy_is_told(iam, role):
    """With its document, its tags, and what it is attached to."""
    tags = [{"Key": "a", "Value": "b"}]
    made = iam.create_policy(PolicyName=role, PolicyDocument=SOUND, Path="/p/", Tags=tags)["Policy"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:policy/p/{role}"
    iam.attach_role_policy(RoleName=role, PolicyArn=made["Arn"])
    found = iam.get_policy(PolicyArn=made["Arn"])["Policy"]
    assert (found["AttachmentCount"], found["Tags"]) == (1, tags)
    version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId="v1")["PolicyVersion"]
    assert (version["Document"], version["IsDefaultVersion"]) == (json.loads(SOUND), True)
    entities = iam.list_entities_for_policy(PolicyArn=made["Arn"])
    assert [one["RoleName"] for one in entities["PolicyRoles"]] == [role]
    local = iam.list_policies(Scope="Local", PathPrefix="/p/")["Policies"]
    assert made["Arn"] in [one["Arn"] for one in local]


def test_a_policy_in_use_is_not_deleted(iam, role):
    """Attached, or as somebody's boundary."""
    arn = iam.create_policy(PolicyName=role, PolicyDocument=SOUND)["Policy"]["Arn"]
    with refused("EntityAlreadyExists", status=409):
        iam.create_policy(PolicyName=role.upper(), PolicyDocument=SOUND)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=arn)
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    with refused("DeleteConflict", status=409):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_role_permissions_boundary(RoleName=role)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", status=404):
        iam.get_policy(PolicyArn=arn)
