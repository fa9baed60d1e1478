"""What callers may do: their own policies, at the time of the call."""

import json

import pytest
from tests.aws.local_account import allow, policy, public_read, refused

from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture(name="session")
def _session(aws, cluster):
    """An S3 client with a session of the cluster's role."""
    return aws.client("s3", keys=cluster.session())


@pytest.fixture(name="grant")
def _grant(iam, cluster):
    """A function that gives the role a policy."""

    def give(*statements, name="p"):
        iam.put_role_policy(
            RoleName=f"{cluster.name}-role", PolicyName=name, PolicyDocument=policy(*statements)
        )

    return give


def test_a_role_without_policies_may_do_nothing(aws, cluster, session):
    """Its session exists, and that is all."""
    with refused("AccessDenied", saying="no identity-based policy allows the s3:PutObject"):
        session.put_object(Bucket=cluster.name, Key="k")
    with refused("AccessDenied", saying="s3:ListAllMyBuckets"):
        session.list_buckets()
    client = aws.client("iam", keys=cluster.session())
    with refused("AccessDenied", saying="iam:ListRoles"):
        client.list_roles()


def test_policies_count_at_the_time_of_the_call(iam, cluster, session, grant):
    """Given and taken away while the session lives."""
    grant(allow("s3:PutObject", f"arn:aws:s3:::{cluster.name}/out/*"))
    session.put_object(Bucket=cluster.name, Key="out/k", Body=b"1")
    with refused("AccessDenied"):
        session.put_object(Bucket=cluster.name, Key="elsewhere")
    with refused("AccessDenied", saying="s3:GetObject"):
        session.get_object(Bucket=cluster.name, Key="out/k")
    iam.delete_role_policy(RoleName=f"{cluster.name}-role", PolicyName="p")
    with refused("AccessDenied"):
        session.put_object(Bucket=cluster.name, Key="out/k")


def test_policies_of_aws_itself_count(iam, cluster, session):
    """AmazonS3ReadOnlyAccess reads and does not write."""
    iam.attach_role_policy(RoleName=f"{cluster.name}-role", PolicyArn=READ_ONLY)
    assert session.list_objects_v2(Bucket=cluster.name)["KeyCount"] == 2
    with refused("AccessDenied"):
        session.put_object(Bucket=cluster.name, Key="k")


def test_an_explicit_deny_wins(cluster, session, grant):
    """Over an allow of the same role."""
    grant(allow("s3:*"), name="a")
    grant(allow("s3:PutObject") | {"Effect": "Deny"}, name="b")
    assert session.list_objects_v2(Bucket=cluster.name)
    with refused("AccessDenied", saying="explicit deny in an identity-based policy"):
        session.put_object(Bucket=cluster.name, Key="k")


def test_a_boundary_limits(iam, cluster, session, grant):
    """Both must allow."""
    grant(allow("s3:*"))
    role = f"{cluster.name}-role"
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=READ_ONLY)
    assert session.list_objects_v2(Bucket=cluster.name)
    with refused("AccessDenied", saying="no permissions boundary allows"):
        session.put_object(Bucket=cluster.name, Key="k")
    iam.delete_role_permissions_boundary(RoleName=role)
    session.put_object(Bucket=cluster.name, Key="k")


def test_a_boundary_gives_nothing(iam, cluster, session):
    """It is a limit only."""
    iam.put_role_permissions_boundary(
        RoleName=f"{cluster.name}-role", PermissionsBoundary=READ_ONLY
    )
    with refused("AccessDenied", saying="no identity-based policy"):
        session.list_objects_v2(Bucket=cluster.name)


def test_a_variable_stands_for_the_session(iam, cluster, session, grant):
    """`${aws:userid}` in a resource keeps sessions apart."""
    resource = f"arn:aws:s3:::{cluster.name}/home/${{aws:userid}}/*"
    grant(allow("s3:PutObject", resource))
    role_id = iam.get_role(RoleName=f"{cluster.name}-role")["Role"]["RoleId"]
    session.put_object(Bucket=cluster.name, Key=f"home/{role_id}:web-session/k")
    for other in (f"{role_id}:other", "*", "${aws:userid}"):
        with refused("AccessDenied"):
            session.put_object(Bucket=cluster.name, Key=f"home/{other}/k")


def test_the_tokens_subject_stays_with_the_session(cluster, session, grant):
    """As a condition key and as a variable, by the issuer's name."""
    prefix = cluster.issuer.provider
    grant(allow("s3:PutObject", f"arn:aws:s3:::{cluster.name}/${{{prefix}:sub}}/*"))
    session.put_object(Bucket=cluster.name, Key="system:serviceaccount:shop:web/k")
    with refused("AccessDenied"):
        session.put_object(Bucket=cluster.name, Key="system:serviceaccount:shop:other/k")


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"StringLike": {"aws:userid": "*:web-session"}}, True),
        ({"StringLike": {"aws:userid": "*:other"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/thing-*"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other-*"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"StringLike": {"s3:prefix": "mine/*"}}, True),
        ({"StringLike": {"s3:prefix": "theirs/*"}}, False),
    ],
)
def test_conditions_count(cluster, session, grant, condition, fits):
    """The keys that a request carries."""
    grant(allow("s3:ListBucket", Condition=condition))
    if fits:
        assert session.list_objects_v2(Bucket=cluster.name, Prefix="mine/x")
        return
    with refused("AccessDenied"):
        session.list_objects_v2(Bucket=cluster.name, Prefix="mine/x")


def test_a_version_is_read_by_its_own_permission(s3, cluster, session, grant):
    """GetObject is not GetObjectVersion."""
    s3.put_bucket_versioning(Bucket=cluster.name, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=cluster.name, Key="k", Body=b"1")["VersionId"]
    grant(allow("s3:GetObject"))
    assert session.get_object(Bucket=cluster.name, Key="k")
    with refused("AccessDenied", saying="s3:GetObjectVersion"):
        session.get_object(Bucket=cluster.name, Key="k", VersionId=version)


def test_a_session_expires(aws, cluster, grant):
    """Then its token is refused, everywhere."""
    keys = cluster.session(DurationSeconds=900)
    grant(allow("s3:*"))
    s3, sts = aws.client("s3", keys=keys), aws.client("sts", keys=keys)
    assert s3.list_objects_v2(Bucket=cluster.name)
    with aws.clock.moved(seconds=901):
        with refused("ExpiredToken", status=403):
            sts.get_caller_identity()
        with refused("ExpiredToken"):
            s3.list_objects_v2(Bucket=cluster.name)


def test_a_session_needs_its_token(aws, cluster):
    """Neither without it nor with another one."""
    key, secret, _ = cluster.session()
    other = cluster.session()[2]
    for keys in ((key, secret), (key, secret, other)):
        with refused("InvalidClientTokenId"):
            aws.client("sts", keys=keys).get_caller_identity()


def test_a_session_ends_with_its_role(aws, iam, cluster):
    """And does not come back with a new role of the same name."""
    keys = cluster.session()
    role = iam.get_role(RoleName=f"{cluster.name}-role")["Role"]
    iam.delete_role(RoleName=role["RoleName"])
    iam.create_role(
        RoleName=role["RoleName"],
        AssumeRolePolicyDocument=policy(
            {
                "Effect": "Allow",
                "Principal": {"Federated": cluster.provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
            }
        ),
    )
    with refused("InvalidClientTokenId"):
        aws.client("sts", keys=keys).get_caller_identity()


@pytest.mark.parametrize(
    ("missing", "call"),
    [
        ("iam:GetRole", lambda aws, keys: aws.client("iam", keys=keys).get_role(RoleName="x")),
        ("iam:CreateRole", lambda aws, keys: aws.client("iam", keys=keys).create_role(
            RoleName="x", AssumeRolePolicyDocument="{}")),
        ("iam:GetAccountSummary", lambda aws, keys: aws.client("iam", keys=keys)
            .get_account_summary()),
        ("iam:GetOpenIDConnectProvider", lambda aws, keys: aws.client("iam", keys=keys)
            .get_open_id_connect_provider(OpenIDConnectProviderArn="arn:aws:iam::1:oidc-provider/x")),
        ("s3:GetAccountPublicAccessBlock", lambda aws, keys: aws.client("s3control", keys=keys)
            .get_public_access_block(AccountId="111122223333")),
        ("s3:CreateBucket", lambda aws, keys: aws.client("s3", keys=keys).create_bucket(
            Bucket="not-made", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_one_permission_taken_away_is_one_refusal(aws, user, missing, call):
    """A user with everything but one action."""
    keys = user({"Effect": "Allow", "NotAction": missing, "Resource": "*"})
    with refused("AccessDenied", saying=missing, status=403):
        call(aws, keys)


@pytest.mark.parametrize(
    ("action", "call"),
    [
        ("s3:ListBucket", "head_bucket"),
        ("s3:GetBucketPolicy", "get_bucket_policy"),
        ("s3:GetBucketPolicyStatus", "get_bucket_policy_status"),
        ("s3:GetBucketTagging", "get_bucket_tagging"),
        ("s3:GetBucketVersioning", "get_bucket_versioning"),
        ("s3:GetBucketPublicAccessBlock", "get_public_access_block"),
        ("s3:GetBucketOwnershipControls", "get_bucket_ownership_controls"),
        ("s3:GetEncryptionConfiguration", "get_bucket_encryption"),
        ("s3:GetBucketLocation", "get_bucket_location"),
        ("s3:ListBucketVersions", "list_object_versions"),
        ("s3:PutBucketPublicAccessBlock", "delete_public_access_block"),
        ("s3:DeleteBucketPolicy", "delete_bucket_policy"),
        ("s3:PutBucketTagging", "delete_bucket_tagging"),
        ("s3:DeleteBucket", "delete_bucket"),
    ],
)
def test_every_call_on_a_bucket_asks_for_its_own_permission(aws, user, bucket, action, call):
    """As in the service authorization reference."""
    keys = user({"Effect": "Allow", "NotAction": action, "Resource": "*"})
    code = "403" if call == "head_bucket" else "AccessDenied"
    with refused(code, saying="" if code == "403" else action):
        getattr(aws.client("s3", keys=keys), call)(Bucket=bucket)


@pytest.mark.parametrize(
    "limits",
    [
        {"Policy": policy(allow("s3:PutObject", "arn:aws:s3:::*/in/*"))},
        {"PolicyArns": [{"arn": READ_ONLY}]},
        {
            "Policy": policy(
                allow("s3:*"),
                {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::*/out/k"},
            )
        },
    ],
    ids=["inline", "managed", "deny"],
)
def test_a_sessions_own_policy_limits_it(aws, cluster, grant, limits):
    """What the role may do, and the session's policies allow, too."""
    grant(allow("s3:PutObject"))
    limited = aws.client("s3", keys=cluster.session(**limits))
    with refused("AccessDenied", saying="session policy"):
        limited.put_object(Bucket=cluster.name, Key="out/k", Body=b"1")
    with refused("AccessDenied", saying="s3:GetObject"):
        limited.get_object(Bucket=cluster.name, Key="out/k")
    aws.client("s3", keys=cluster.session()).put_object(Bucket=cluster.name, Key="out/k")


def test_a_sessions_own_policy_lets_through_what_it_allows(aws, cluster, grant):
    """Several policies of a session are one."""
    grant(allow("s3:*"))
    write = policy(allow("s3:PutObject"))
    keys = cluster.session(Policy=write, PolicyArns=[{"arn": READ_ONLY}])
    limited = aws.client("s3", keys=keys)
    limited.put_object(Bucket=cluster.name, Key="out/k", Body=b"1")
    assert limited.get_object(Bucket=cluster.name, Key="out/k")["ContentLength"] == 1


def test_a_buckets_policy_does_not_reach_over_a_sessions_own(aws, s3, cluster):
    """What the bucket allows the role, a limited session may not."""
    objects = f"arn:aws:s3:::{cluster.name}/*"
    statement = allow("s3:GetObject", objects, Principal={"AWS": cluster.role})
    documents = public_read(cluster.name, DISCOVERY_KEY, JWKS_KEY)
    both = policy(statement, *json.loads(documents)["Statement"])
    s3.put_bucket_policy(Bucket=cluster.name, Policy=both)
    s3.put_object(Bucket=cluster.name, Key="out/k", Body=b"1")
    whole = aws.client("s3", keys=cluster.session())
    assert whole.get_object(Bucket=cluster.name, Key="out/k")
    limited = aws.client("s3", keys=cluster.session(Policy=policy(allow("s3:PutObject"))))
    with refused("AccessDenied", saying="s3:GetObject"):
        limited.get_object(Bucket=cluster.name, Key="out/k")


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": "x" * 2049}, "ValidationError"),
        ({"PolicyArns": [{"arn": READ_ONLY + "x"}]}, "NoSuchEntity"),
        ({"PolicyArns": [{"arn": READ_ONLY}] * 11}, "ValidationError"),
        (
            {
                "Policy": policy(allow("s3:GetObject", [f"arn:aws:s3:::b/{'k' * 1900}"])),
                "PolicyArns": [{"arn": READ_ONLY}],
            },
            "PackedPolicyTooLarge",
        ),
    ],
    ids=["malformed", "long", "unknown", "many", "packed"],
)
def test_a_sessions_own_policy_has_limits(cluster, limits, code):
    """In form, size and number."""
    with refused(code):
        cluster.assume(**limits)
