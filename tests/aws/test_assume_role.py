"""AssumeRole: whom the trust policy names, what callers need themselves, and what they get."""

import json
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from tests.aws.local_account import ACCOUNT, allow, policy, refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ASSUME = allow("sts:AssumeRole")
PACKED = "PackedPolicyTooLarge"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
NOT_AUTHORIZED = "is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::"


def _trust(*principals, effect="Allow", **more):
    """A trust policy: one statement for each principal."""
    statements = [
        {"Effect": effect, "Principal": one, "Action": "sts:AssumeRole", **more}
        for one in principals
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(name="role")
def _role(iam, name):
    """A function that makes a role, or gives it another trust policy, and returns its ARN."""

    def make(trust=None, role=f"{name}-role", **more):
        document = trust or _trust({"AWS": ROOT})
        try:
            made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document, **more)
        except iam.exceptions.EntityAlreadyExistsException:
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=document)
            made = iam.get_role(RoleName=role)
        return made["Role"]["Arn"]

    return make


@pytest.fixture(name="assume")
def _assume(aws):
    """A function that assumes a role with somebody's keys."""

    def call(keys, role, **parameters):
        defaults = {"RoleArn": role, "RoleSessionName": "a-session"}
        return aws.client("sts", keys=keys).assume_role(**(defaults | parameters))

    return call


def _keys(answer):
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def _user_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:user/{name}-user"


# Whom the trust policy names


def test_whoever_is_named_needs_nothing_else(role, user, assume, name):
    """A user of the account by their ARN: the session is the role's."""
    keys = user()
    arn = role(_trust({"AWS": _user_arn(name)}))
    answer = assume(keys, arn)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-role/a-session"
    assert answer["AssumedRoleUser"]["Arn"] == session
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":a-session")


@pytest.mark.parametrize("principal", [ROOT, ACCOUNT], ids=["root", "number"])
def test_trust_in_the_account_leaves_it_to_policies(role, user, assume, name, principal):
    """Its users need one of their own, on this role."""
    arn = role(_trust({"AWS": principal}))
    with refused("AccessDenied", saying="no identity-based policy allows the sts:AssumeRole"):
        assume(user(user=f"{name}-none"), arn)
    assert assume(user(allow("sts:AssumeRole", arn), user=f"{name}-allowed"), arn)


def test_an_own_policy_alone_is_not_enough(role, user, assume, iam, name):
    """The role must trust: not even an administrator gets in."""
    iam.create_user(UserName=f"{name}-other")
    arn = role(_trust({"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}-other"}))
    with refused("AccessDenied", saying=NOT_AUTHORIZED, status=403):
        assume(user(allow("*")), arn)


def test_a_policy_on_another_role_is_not_enough(role, user, assume):
    """The action is allowed on what it is allowed on."""
    arn = role()
    with refused("AccessDenied", saying="no identity-based policy"):
        assume(user(allow("sts:AssumeRole", f"{arn}-2")), arn)


@pytest.mark.parametrize("where", ["trust", "identity"])
def test_a_denial_wins(role, user, assume, where):
    """In the trust policy, or in the caller's own."""
    deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}
    trust = json.loads(_trust({"AWS": "*"}))
    if where == "trust":
        trust["Statement"] += json.loads(_trust({"AWS": "*"}, effect="Deny"))["Statement"]
    arn = role(json.dumps(trust))
    keys = user(ASSUME, *([deny] if where == "identity" else []))
    with refused("AccessDenied", saying="explicit deny"):
        assume(keys, arn)


def test_a_denial_of_all_but_some_spares_who_is_named_in_every_way(role, user, assume, iam, name):
    """`NotPrincipal`: the user and the account, else everybody of the account is denied."""
    iam.create_user(UserName=f"{name}-other")
    keys, other = user(ASSUME), f"arn:aws:iam::{ACCOUNT}:user/{name}-other"

    def trust(*spared):
        denial = {"Effect": "Deny", "NotPrincipal": {"AWS": spared}, "Action": "sts:AssumeRole"}
        statements = [*json.loads(_trust({"AWS": ROOT}))["Statement"], denial]
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    assert assume(keys, role(trust(_user_arn(name), ROOT)))
    for spared in ([other, ROOT], [_user_arn(name)], [other]):
        with refused("AccessDenied", saying="explicit deny"):
            assume(keys, role(trust(*spared)))


def test_everybody_means_everybody_of_the_account_too(role, user, assume):
    """A star needs no policy of their own."""
    assert assume(user(), role(_trust({"AWS": "*"})))


@pytest.mark.parametrize(
    "principal",
    [
        {"Federated": "arn:aws:iam::111122223333:oidc-provider/x"},
        {"Service": "ec2.amazonaws.com"},
        {"AWS": "arn:aws:iam::999988887777:root"},
    ],
    ids=["federated", "service", "another account"],
)
def test_others_are_not_meant(role, user, assume, principal):
    """Trust in a provider, a service or another account lets no user in."""
    with refused("AccessDenied", saying=NOT_AUTHORIZED):
        assume(user(allow("*")), role(_trust(principal)))


def test_trust_for_web_identities_is_no_trust_for_users(role, user, assume):
    """The action counts."""
    trust = json.loads(_trust({"AWS": "*"}))
    trust["Statement"][0]["Action"] = "sts:AssumeRoleWithWebIdentity"
    with refused("AccessDenied", saying=NOT_AUTHORIZED):
        assume(user(allow("*")), role(json.dumps(trust)))


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::111122223333:role/none",
        "arn:aws:iam::111122223333:role/elsewhere/NAME-role",
        "arn:aws:iam::999988887777:role/NAME-role",
        "arn:aws-cn:iam::111122223333:role/NAME-role",
    ],
    ids=["none", "path", "account", "partition"],
)
def test_a_role_that_is_not_there_is_not_told_apart(role, user, assume, name, arn):
    """The same answer as for one that does not trust."""
    role(_trust({"AWS": "*"}))
    with refused("AccessDenied", saying="is not authorized to perform: sts:AssumeRole"):
        assume(user(allow("*")), arn.replace("NAME", name))


def test_what_is_no_arn_is_said_so(user, assume):
    """ValidationError."""
    with refused("ValidationError", saying="Request ARN is invalid"):
        assume(user(ASSUME), "role-without-an-arn-x")


def test_strangers_have_no_keys(aws, role):
    """An unsigned call is not even looked at."""
    with refused("MissingAuthenticationToken"):
        aws.client("sts", keys=None).assume_role(
            RoleArn=role(_trust({"AWS": "*"})), RoleSessionName="a-session"
        )


@pytest.mark.parametrize("kind", ["user", "role", "assumed-role"])
def test_whom_a_policy_names_has_to_be_there(role, iam, *, s3, bucket, name, kind):
    """In this account, for roles and for buckets; other accounts cannot be looked into."""
    service = "sts" if kind == "assumed-role" else "iam"
    arn = f"arn:aws:{service}::{ACCOUNT}:{kind}/{name}-gone"
    missing = arn + ("/a-session" if kind == "assumed-role" else "")
    with refused(
        "MalformedPolicyDocument", saying=f'Invalid principal in policy: "AWS":"{missing}'
    ):
        role(_trust({"AWS": missing}))
    statement = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k", Principal={"AWS": missing})
    with refused("MalformedPolicy", saying="Invalid principal in policy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    role(_trust({"AWS": missing.replace(ACCOUNT, "999988887777")}))
    if kind == "user":
        iam.create_user(UserName=f"{name}-gone")
    else:
        role(role=f"{name}-gone")
    assert role(_trust({"AWS": missing}))


@pytest.mark.parametrize("partition", ["aws-cn", "aws-nowhere"])
def test_whom_a_policy_names_is_of_this_partition(role, partition):
    """No user of another one can come here."""
    with refused("MalformedPolicyDocument", saying="Invalid principal in policy"):
        role(_trust({"AWS": f"arn:{partition}:iam::999988887777:root"}))


# What a request carries


@pytest.mark.parametrize(
    ("condition", "given", "fits"),
    [
        ({"sts:ExternalId": "their-number"}, {"ExternalId": "their-number"}, True),
        ({"sts:ExternalId": "their-number"}, {"ExternalId": "another"}, False),
        ({"sts:ExternalId": "their-number"}, {}, False),
        ({"sts:RoleSessionName": "a-session"}, {}, True),
        ({"sts:RoleSessionName": "a-session"}, {"RoleSessionName": "another"}, False),
        ({"aws:PrincipalArn": "USER"}, {}, True),
        ({"aws:PrincipalArn": "USER-2"}, {}, False),
    ],
)
@pytest.mark.parametrize("where", ["trust", "identity"])
def test_conditions_count_on_both_sides(role, user, assume, *, name, condition, given, fits, where):
    """Of the trust policy, and of the caller's own."""
    filled = {key: text.replace("USER", _user_arn(name)) for key, text in condition.items()}
    held = {"Condition": {"StringEquals": filled}}
    keys = user(ASSUME | (held if where == "identity" else {}))
    arn = role(_trust({"AWS": ROOT}, **(held if where == "trust" else {})))
    if fits:
        assert assume(keys, arn, **given)
        return
    with refused("AccessDenied", saying="sts:AssumeRole"):
        assume(keys, arn, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"RoleSessionName": "x"},
        {"RoleSessionName": "x" * 65},
        {"RoleSessionName": "with space"},
        {"RoleSessionName": None},
        {"RoleArn": "short"},
        {"ExternalId": "1"},
        {"ExternalId": "with space"},
        {"DurationSeconds": 899},
        {"DurationSeconds": 43201},
    ],
    ids=lambda given: str(given)[:30],
)
def test_parameters_have_limits(aws, role, user, given):
    """Names, lengths, ranges."""
    arn = role(_trust({"AWS": "*"}))
    parameters = {"RoleArn": arn, "RoleSessionName": "a-session"} | given
    known = {key: value for key, value in parameters.items() if value is not None}
    with refused("ValidationError"):
        aws.client("sts", keys=user()).assume_role(**known)


@pytest.mark.parametrize(
    "given",
    [
        {"SerialNumber": "arn:aws:iam::111122223333:mfa/x", "TokenCode": "123456"},
        {"SourceIdentity": "somebody"},
        {"Tags": [{"Key": "a", "Value": "b"}]},
        {"TransitiveTagKeys": ["a"]},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_is_not_offered_is_refused(role, user, assume, given):
    """Not ignored: a test would pass that should not."""
    with refused("NotImplemented"):
        assume(user(), role(_trust({"AWS": "*"})), **given)


# How long it lasts


def test_a_session_lasts_as_long_as_the_role_lets_it(aws, role, user, assume):
    """An hour unless said otherwise."""
    arn = role(_trust({"AWS": "*"}), MaxSessionDuration=7200)
    keys = user()
    answers = (assume(keys, arn), assume(keys, arn, DurationSeconds=7200))
    ends = [one["Credentials"]["Expiration"] - datetime.now(UTC) for one in answers]
    assert [round(end.total_seconds() / 600) for end in ends] == [6, 12]
    with refused("ValidationError", saying="exceeds the MaxSessionDuration set for this role"):
        assume(keys, arn, DurationSeconds=7201)
    with aws.clock.moved(seconds=7201), refused("ExpiredToken"):
        aws.client("sts", keys=_keys(answers[1])).get_caller_identity()


def test_a_chained_session_lasts_an_hour_at_most(role, user, assume):
    """Whatever the role lets others have."""
    arn = role(_trust({"AWS": "*"}), MaxSessionDuration=7200)
    first = _keys(assume(user(), arn, DurationSeconds=7200))
    with refused("ValidationError", saying="1 hour session limit for roles assumed by role chain"):
        assume(first, arn, DurationSeconds=3601)
    assert assume(first, arn, DurationSeconds=3600)


# Sessions that assume roles


@pytest.fixture(name="first")
def _first(role, user, assume, name):
    """A function that begins a session of a first role."""
    arn = role(_trust({"AWS": "*"}), role=f"{name}-first")

    keys = user()

    def begin(**limits):
        return _keys(assume(keys, arn, **limits))

    begin.role = arn
    begin.session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}-first/a-session"
    return begin


def test_a_role_that_is_named_may_assume_another(first, role, assume):
    """Its sessions need nothing else; those of other roles do."""
    arn = role(_trust({"AWS": first.role}))
    second = _keys(assume(first(), arn))
    with refused("AccessDenied", saying=NOT_AUTHORIZED):
        assume(second, arn)


def test_a_session_of_the_account_needs_a_policy_of_its_role(first, role, assume, iam, name):
    """Trust in the account leaves it to policies, of roles too."""
    arn = role()
    with refused("AccessDenied", saying="no identity-based policy allows the sts:AssumeRole"):
        assume(first(), arn)
    iam.put_role_policy(RoleName=f"{name}-first", PolicyName="p", PolicyDocument=policy(ASSUME))
    assert assume(first(), arn)


def test_a_denied_role_has_denied_sessions(first, role, assume):
    """By whatever name they are let in."""
    statements = [
        {"Effect": effect, "Principal": {"AWS": one}, "Action": "sts:AssumeRole"}
        for effect, one in (("Allow", first.session), ("Deny", first.role))
    ]
    session = first()
    assert assume(session, role(policy(statements[0])))
    with refused("AccessDenied", saying="explicit deny in a resource-based policy"):
        assume(session, role(policy(*statements)))


def test_a_session_has_no_provider(aws, first, iam, name):
    """That is a key of web identities."""
    none = allow("s3:ListAllMyBuckets", Condition={"Null": {"aws:FederatedProvider": "true"}})
    iam.put_role_policy(RoleName=f"{name}-first", PolicyName="p", PolicyDocument=policy(none))
    assert aws.client("s3", keys=first()).list_buckets()


def test_a_session_is_no_more_than_its_own_policies_let_it(first, role, assume):
    """Named as a role, it stays within them; named as a session, or by all, it does as AWS says."""
    limits = {"Policy": policy(allow("s3:*"))}
    for principal in ({"AWS": first.role}, {"AWS": "*"}):
        with refused("AccessDenied", saying="no session policy allows the sts:AssumeRole"):
            assume(first(**limits), role(_trust(principal)))
    assert assume(first(**limits), role(_trust({"AWS": first.session})))


def test_a_boundary_holds_for_who_is_named_as_a_role(first, role, assume, iam, name):
    """And not for a session that is named itself."""
    iam.put_role_permissions_boundary(RoleName=f"{name}-first", PermissionsBoundary=READ_ONLY)
    with refused("AccessDenied", saying="no permissions boundary allows the sts:AssumeRole"):
        assume(first(), role(_trust({"AWS": first.role})))
    assert assume(first(), role(_trust({"AWS": first.session})))


def test_a_session_is_the_role_and_no_more(aws, role, user, assume, *, iam, name, bucket):
    """It has the role's policies, within the session's own, and nothing of the caller's."""
    arn = role(_trust({"AWS": "*"}))
    reading = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    iam.put_role_policy(RoleName=f"{name}-role", PolicyName="p", PolicyDocument=policy(reading))
    keys = user(allow("s3:*"))
    whole = aws.client("s3", keys=_keys(assume(keys, arn)))
    assert whole.list_objects_v2(Bucket=bucket)
    with refused("AccessDenied"):
        whole.get_bucket_versioning(Bucket=bucket)
    limits = {"Policy": policy(allow("s3:GetObject"))}
    limited = aws.client("s3", keys=_keys(assume(keys, arn, **limits)))
    with refused("AccessDenied", saying="no session policy"):
        limited.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": policy(allow("s3:Get*", "arn:aws:s3:::b/" + "k" * 2048))}, PACKED),
        ({"PolicyArns": [{"arn": READ_ONLY + "x"}]}, "NoSuchEntity"),
    ],
    ids=["malformed", "packed", "unknown"],
)
def test_a_sessions_own_policy_has_limits_here_too(role, user, assume, limits, code):
    """The same as for web identities."""
    with refused(code):
        assume(user(), role(_trust({"AWS": "*"})), **limits)


def test_a_buckets_policy_that_names_the_account_leaves_it_to_policies(aws, s3, user, bucket, name):
    """As with roles: the account is not its users."""
    statement = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k", Principal={"AWS": ROOT})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with refused("AccessDenied", saying="no identity-based policy"):
        aws.client("s3", keys=user(user=f"{name}-none")).get_object(Bucket=bucket, Key="k")
    allowed = aws.client("s3", keys=user(allow("s3:GetObject"), user=f"{name}-allowed"))
    assert allowed.get_object(Bucket=bucket, Key="k")


def test_the_log_tells_who_assumed_what(aws, role, user, assume, name):
    """And no key of the session."""
    arn = role(_trust({"AWS": "*"}))
    answer = assume(user(), arn)
    entry = next(one for one in reversed(aws.calls()) if one["operation"] == "AssumeRole")
    assert (entry["caller"], entry["resource"]) == (_user_arn(name), arn)
    assert entry["session"] == answer["AssumedRoleUser"]["Arn"]
    assert answer["Credentials"]["SecretAccessKey"] not in json.dumps(entry)


def test_the_aws_cli_assumes_roles_by_its_profiles(aws, role, user, tmp_path):
    """`role_arn` with `source_profile` and `external_id`."""
    held = {"Condition": {"StringEquals": {"sts:ExternalId": "their-number"}}}
    arn, (key, secret) = role(_trust({"AWS": ROOT}, **held)), user(ASSUME)
    (tmp_path / "config").write_text(
        f"[profile base]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
        f"[profile deploy]\nsource_profile = base\nrole_arn = {arn}\nexternal_id = their-number\n"
        f"[profile without]\nsource_profile = base\nrole_arn = {arn}\n"
    )
    env = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "HTTPS_PROXY": aws.proxy,
        "AWS_CA_BUNDLE": aws.ca,
        "AWS_DEFAULT_REGION": "eu-west-1",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }

    def identity(profile):
        return subprocess.run(
            [sys.executable, "-m", "awscli", "sts", "get-caller-identity", "--profile", profile],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    assert ":assumed-role/" in json.loads(identity("deploy").stdout)["Arn"]
    assert "AccessDenied" in identity("without").stderr
