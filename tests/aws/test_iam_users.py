"""Users: callers with limited permissions."""

from tests.aws.local_account import ACCOUNT, allow, refused


def test_a_user_signs_with_its_key(aws, user, name):
    """And is known by its own ARN."""
    identity = aws.client("sts", keys=user()).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}-user"
    assert identity["Account"] == ACCOUNT


def test_a_key_can_be_switched_off_and_deleted(aws, iam, user, name):
    """Then it signs nothing."""
    keys = user()
    place = {"UserName": f"{name}-user", "AccessKeyId": keys[0]}
    sts = aws.client("sts", keys=keys)
    iam.update_access_key(**place, Status="Inactive")
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()
    iam.update_access_key(**place, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(**place)
    with refused("InvalidClientTokenId"):
        sts.get_caller_identity()
    with refused("NoSuchEntity", status=404):
        iam.delete_access_key(**place)


def test_two_keys_are_the_limit(iam, user, name):
    """The third is LimitExceeded."""
    user()
    iam.create_access_key(UserName=f"{name}-user")
    with refused("LimitExceeded", status=409):
        iam.create_access_key(UserName=f"{name}-user")
    assert len(iam.list_access_keys(UserName=f"{name}-user")["AccessKeyMetadata"]) == 2


def test_a_user_with_something_left_is_not_deleted(iam, user, name):
    """Keys and policies go first."""
    key, _ = user(allow("s3:*"))
    who = {"UserName": f"{name}-user"}
    with refused("DeleteConflict", saying="access keys", status=409):
        iam.delete_user(**who)
    iam.delete_access_key(**who, AccessKeyId=key)
    with refused("DeleteConflict", saying="policies"):
        iam.delete_user(**who)
    iam.delete_user_policy(**who, PolicyName="p")
    iam.delete_user(**who)
    with refused("NoSuchEntity", status=404):
        iam.get_user(**who)


def test_a_user_may_be_left_unnamed_for_oneself(aws, user, name):
    """GetUser without a name is about who calls."""
    keys = user(allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"))
    found = aws.client("iam", keys=keys).get_user()["User"]
    assert found["UserName"] == f"{name}-user"


def test_a_user_cannot_help_itself(aws, user, name):
    """Policies are changed by who may."""
    client = aws.client("iam", keys=user(allow("s3:*")))
    with refused("AccessDenied", saying="iam:AttachUserPolicy"):
        client.attach_user_policy(
            UserName=f"{name}-user", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
        )


def test_a_managed_policy_counts_for_a_user(aws, iam, user, name, bucket):
    """Attached, and detached again."""
    place = {
        "UserName": f"{name}-user",
        "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    }
    s3 = aws.client("s3", keys=user())
    iam.attach_user_policy(**place)
    assert s3.list_objects_v2(Bucket=bucket)
    iam.detach_user_policy(**place)
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)


def test_users_are_listed(iam, user, name):
    """By path, with one of a name only."""
    user()
    with refused("EntityAlreadyExists", status=409):
        iam.create_user(UserName=f"{name}-USER")
    assert f"{name}-user" in [one["UserName"] for one in iam.list_users()["Users"]]
