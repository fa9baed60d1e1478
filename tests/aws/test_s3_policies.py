"""Bucket policies: their form, who they let in, and what block-public-access makes of them."""

import json

import pytest
from tests.aws.local_account import (
    ACCOUNT,
    LocalAws,
    allow,
    open_bucket,
    policy,
    public_read,
    refused,
)

OFF = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
)


@pytest.fixture(name="control")
def _control(aws: LocalAws):
    """The account's own block; gone afterwards, since all tests share the account."""
    control = aws.client("s3control")
    yield control
    control.delete_public_access_block(AccountId=ACCOUNT)


def _get(aws: LocalAws, bucket: str, key: str = "") -> tuple[int, str]:
    with aws.web() as web:
        answer = web.get(f"https://{bucket}.s3.eu-west-1.amazonaws.com/{key}")
    return answer.status_code, answer.text


def test_nothing_is_public_by_default(aws, s3, bucket):
    """Anonymous reads are refused, with XML and a request id."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with aws.web() as web:
        answer = web.get(f"https://{bucket}.s3.eu-west-1.amazonaws.com/k")
    assert (answer.status_code, "<Code>AccessDenied</Code>" in answer.text) == (403, True)
    assert answer.headers["x-amz-request-id"] in answer.text


def test_a_public_policy_is_blocked_at_first(s3, bucket):
    """BlockPublicPolicy is on in a new bucket."""
    with refused("AccessDenied", saying="BlockPublicPolicy", status=403):
        s3.put_bucket_policy(Bucket=bucket, Policy=public_read(bucket, "k"))
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


def test_two_switches_open_what_the_policy_names(aws, s3, bucket):
    """Exactly these objects, by GET and HEAD, and nothing else."""
    for key in ("k", "hidden"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", ContentType="application/json")
    open_bucket(s3, bucket, public_read(bucket, "k"))
    with aws.web() as web:
        place = f"https://{bucket}.s3.eu-west-1.amazonaws.com"
        answer = web.get(f"{place}/k")
        assert (answer.status_code, answer.text) == (200, "{}")
        assert answer.headers["content-type"] == "application/json"
        assert web.head(f"{place}/k").status_code == 200
        assert web.get(f"{place}/hidden").status_code == 403
        assert web.get(f"{place}/none").status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("GET", "?list-type=2"), ("GET", "?versions"), ("GET", "?policy"),
        ("PUT", "k"), ("PUT", "new"), ("PUT", "?policy"), ("DELETE", "k"), ("DELETE", "?policy"),
        ("DELETE", ""), ("PUT", "?publicAccessBlock"), ("GET", "?acl"), ("GET", "k?tagging"),
    ],
)  # fmt: skip
def test_a_readable_object_opens_nothing_else(aws, s3, bucket, method, path):
    """No listing, no policy, no writing by strangers."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    open_bucket(s3, bucket, public_read(bucket, "*"))
    with aws.web() as web:
        answer = web.request(method, f"https://{bucket}.s3.eu-west-1.amazonaws.com/{path}")
    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_strangers_may_list_if_the_policy_says_so(aws, s3, bucket):
    """Then a missing object is 404 instead of 403."""
    arn = f"arn:aws:s3:::{bucket}"
    listing = allow("s3:ListBucket", arn, Principal="*")
    reading = allow("s3:GetObject", f"{arn}/*", Principal={"AWS": "*"})
    open_bucket(s3, bucket, policy(listing, reading))
    status, text = _get(aws, bucket, "none")
    assert (status, "NoSuchKey" in text) == (404, True)
    assert _get(aws, bucket, "?list-type=2")[0] == 200


def test_anonymous_deletion_of_many_is_refused_one_by_one(aws, s3, bucket):
    """DeleteObjects cannot be used to get around."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    open_bucket(s3, bucket, public_read(bucket, "*"))
    anonymous = aws.client("s3", keys=None)
    answer = anonymous.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"]
    assert s3.head_object(Bucket=bucket, Key="k")


def test_the_discovery_document_is_served(aws, s3, bucket):
    """Nothing takes `.well-known` over, at the root or under a prefix, by host or by path."""
    keys = (".well-known/openid-configuration", "p/.well-known/openid-configuration")
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    open_bucket(s3, bucket, public_read(bucket, *keys))
    with aws.web() as web:
        for key in keys:
            for place in (
                f"https://{bucket}.s3.eu-west-1.amazonaws.com",
                f"https://s3.eu-west-1.amazonaws.com/{bucket}",
                f"https://{bucket}.s3.dualstack.eu-west-1.amazonaws.com",
            ):
                assert web.get(f"{place}/{key}").text == key


def test_restricting_public_buckets_shuts_strangers_out(aws, s3, bucket):
    """The policy stays, and the account itself goes on."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    open_bucket(s3, bucket, public_read(bucket, "k"))
    assert _get(aws, bucket, "k")[0] == 200
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration=OFF | {"RestrictPublicBuckets": True}
    )
    assert _get(aws, bucket, "k")[0] == 403
    assert s3.get_object(Bucket=bucket, Key="k")
    assert s3.get_bucket_policy(Bucket=bucket)


def test_what_is_not_named_in_a_block_is_off(s3, bucket):
    """PutPublicAccessBlock replaces all four."""
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert found == OFF | {"BlockPublicAcls": True}


def test_a_deleted_block_is_gone(s3, bucket):
    """And then a public policy passes."""
    s3.delete_public_access_block(Bucket=bucket)
    with refused("NoSuchPublicAccessBlockConfiguration", status=404):
        s3.get_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public_read(bucket, "k"))


def test_the_accounts_block_counts_for_every_bucket(s3, bucket, control):
    """BlockPublicPolicy of the account refuses what the bucket would take."""
    control.put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=OFF | {"BlockPublicPolicy": True}
    )
    with refused("AccessDenied", saying="BlockPublicPolicy"):
        open_bucket(s3, bucket, public_read(bucket, "k"))


def test_the_accounts_block_shuts_strangers_out(aws, s3, bucket, control):
    """RestrictPublicBuckets of the account, on a bucket that was open."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    open_bucket(s3, bucket, public_read(bucket, "k"))
    control.put_public_access_block(
        AccountId=ACCOUNT, PublicAccessBlockConfiguration=OFF | {"RestrictPublicBuckets": True}
    )
    assert _get(aws, bucket, "k")[0] == 403


def test_the_accounts_block_is_read_back(control):
    """None at first, then what was put."""
    with refused("NoSuchPublicAccessBlockConfiguration", status=404):
        control.get_public_access_block(AccountId=ACCOUNT)
    block = OFF | {"IgnorePublicAcls": True}
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)
    found = control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"]
    assert found == block


def test_another_accounts_block_is_none_of_ours(aws):
    """The account in the host name must be the caller's."""
    with refused("AccessDenied", status=403):
        aws.client("s3control").get_public_access_block(AccountId="999999999999")


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": ["*"]}}, True),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}, False),
        ({"Principal": {"Service": "cloudfront.amazonaws.com"}}, False),
        (
            {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
            False,
        ),
        ({"Principal": "*", "Condition": {"StringLike": {"aws:PrincipalArn": "arn:*"}}}, True),
        ({"Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
        ({"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}}, True),
        ({"Principal": "*", "Effect": "Deny"}, False),
    ],
    ids=[
        "star", "aws star", "account", "service", "organization", "wild", "tls", "all", "deny",
    ],
)  # fmt: skip
def test_what_public_means(s3, bucket, statement, public):
    """GetBucketPolicyStatus tells, by AWS's rules."""
    s3.delete_public_access_block(Bucket=bucket)
    text = policy(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k") | statement)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is public


def test_a_policy_comes_back_as_it_was_put(s3, bucket):
    """Byte for byte; and deleting it twice is fine."""
    s3.delete_public_access_block(Bucket=bucket)
    text = json.dumps(json.loads(public_read(bucket, "k")), indent=2)
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    s3.delete_bucket_policy(Bucket=bucket)
    s3.delete_bucket_policy(Bucket=bucket)
    with refused("NoSuchBucketPolicy", status=404):
        s3.get_bucket_policy(Bucket=bucket)


def _statement(**changes):
    base = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::BUCKET/k",
    }
    return {key: value for key, value in (base | changes).items() if value is not None}


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", '{"Version":"2012-10-17"}', '{"Statement":[]}',
        '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
        *(
            json.dumps({"Version": "2012-10-17", "Statement": [_statement(**changes)]})
            for changes in (
                {"Effect": "Maybe"}, {"Effect": None}, {"Principal": None}, {"Action": None},
                {"Resource": None}, {"Action": "iam:GetRole"}, {"Comment": "x"},
                {"Resource": "arn:aws:s3:::other/k"}, {"Resource": "*"},
                {"Resource": "arn:aws:s3:::BUCKET"}, {"Action": "s3:ListBucket"},
                {"Principal": {"AWS": "nobody"}}, {"Principal": {"Stranger": "*"}},
                {"Condition": {"StringIs": {"aws:userid": "x"}}}, {"NotAction": "s3:*"},
            )
        ),
        json.dumps({"Version": "2020-01-01", "Statement": [_statement()]}),
        json.dumps({"Id": "x", "Other": 1, "Statement": [_statement()]}),
    ],
)  # fmt: skip
def test_a_malformed_policy_is_refused(s3, bucket, text):
    """MalformedPolicy, and nothing is kept."""
    with refused("MalformedPolicy"):
        s3.put_bucket_policy(Bucket=bucket, Policy=text.replace("BUCKET", bucket))
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)


def test_the_sound_form_of_that_table_is_taken(s3, bucket):
    """So that the refusals above are about what they change."""
    text = json.dumps({"Version": "2012-10-17", "Id": "x", "Statement": [_statement()]})
    s3.put_bucket_policy(Bucket=bucket, Policy=text.replace("BUCKET", bucket))


def test_a_large_policy_is_refused(s3, bucket):
    """Over 20 KB."""
    statement = _statement(Resource=[f"arn:aws:s3:::{bucket}/{'x' * 100}{n}" for n in range(200)])
    with refused("PolicyTooLarge"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))


def test_a_deny_of_the_bucket_beats_the_administrator(s3, bucket):
    """An explicit deny wins over everything."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    text = policy(
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k", Principal="*") | {"Effect": "Deny"}
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    with refused("AccessDenied", saying="explicit deny in a resource-based policy"):
        s3.get_object(Bucket=bucket, Key="k")


def test_a_deny_of_plain_http_does_no_harm(aws, s3, bucket):
    """Conditions are looked at: everything here comes over TLS."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    arn = f"arn:aws:s3:::{bucket}"
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    reading = allow("s3:GetObject", f"{arn}/k", Principal="*")
    open_bucket(s3, bucket, policy(deny, reading))
    assert _get(aws, bucket, "k") == (200, "1")


def test_a_bucket_may_let_a_user_in(aws, user, iam, s3, bucket):
    """In one account an allow of either side is enough."""
    keys = user(user=f"{bucket}-friend")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    reader = aws.client("s3", keys=keys)
    with refused("AccessDenied"):
        reader.get_object(Bucket=bucket, Key="k")
    arn = iam.get_user(UserName=f"{bucket}-friend")["User"]["Arn"]
    statement = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/k", Principal={"AWS": arn})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
