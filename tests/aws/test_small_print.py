"""What clients rarely send, and AWS refuses all the same."""

import json

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.aws.local_account import ADMIN, REGION, allow, policy, refused

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class _Signer(S3SigV4Auth):
    """Signs a request that says of its body whatever its headers say."""

    def __init__(self, declared: str) -> None:
        super().__init__(Credentials(*ADMIN), "s3", REGION)
        self._declared = declared

    def payload(self, _request):
        return self._declared


@pytest.fixture(name="send")
def _send(aws, bucket):
    """A function that sends a signed request to the bucket; status and AWS's code."""

    def send(method, place, body=b"", *, declared="UNSIGNED-PAYLOAD", **headers):
        url = f"https://{bucket}.s3.{REGION}.amazonaws.com/{place}"
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        request = AWSRequest(method, url, headers=named, data=body)
        _Signer(declared).add_auth(request)
        with aws.web() as web:
            answer = web.request(method, url, headers=dict(request.headers.items()), content=body)
        return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]

    return send


TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"


@pytest.mark.parametrize(
    ("body", "declared", "length", "expected"),
    [
        (b"2\r\nok\r\n0\r\n\r\n", TRAILER, "2", (200, "")),
        (b"2\r\nok\r\n0\r\n\r\n", TRAILER, "3", (400, "IncompleteBody")),
        (b"2\r\nok\r\n", TRAILER, "2", (400, "IncompleteBody")),
        (b"x\r\nok\r\n0\r\n\r\n", TRAILER, "2", (400, "IncompleteBody")),
        (b"-2\r\nok\r\n0\r\n\r\n", TRAILER, "2", (400, "IncompleteBody")),
        (b"ok", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "2", (501, "NotImplemented")),
    ],
    ids=["good", "length", "cut", "no number", "negative", "signed chunks"],
)
def test_the_framing_of_a_body_must_be_right(send, body, declared, length, expected):
    """Chunks of S3's own, with the length that they have together."""
    sent = send("PUT", "k", body, declared=declared, x_amz_decoded_content_length=length)
    assert sent == expected


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("?versioning", b"not XML"), ("?versioning", b"<Other/>"), ("?tagging", b"<Tagging"),
        ("?publicAccessBlock", b"<Other/>"),
    ],
    ids=["no xml", "other root", "cut", "other root of a block"],
)  # fmt: skip
def test_a_document_must_be_what_it_is_sent_as(send, place, body):
    """MalformedXML."""
    assert send("PUT", place, body) == (400, "MalformedXML")


def test_an_empty_deletion_is_refused(send):
    """DeleteObjects names at least one."""
    body = b"<Delete></Delete>"
    sent = send("POST", "?delete", body, x_amz_checksum_crc32="AAAAAA==")
    assert sent == (400, "BadDigest")
    assert send("POST", "?delete", body, content_md5="ZHTN+JwYHrrnDHrzAhHF9g==")[0] == 400


def test_versioning_is_on_or_suspended(send):
    """Nothing else."""
    body = b"<VersioningConfiguration/>"
    assert send("PUT", "?versioning", body) == (400, "IllegalVersioningConfigurationException")


def test_a_list_of_grants_is_refused(send):
    """ACLs are off, also as a document."""
    body = b"<AccessControlPolicy/>"
    assert send("PUT", "?acl", body) == (400, "AccessControlListNotSupported")
    assert send("PUT", "k?acl", body) == (400, "AccessControlListNotSupported")


@pytest.mark.parametrize(
    "more",
    [
        {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32},
        {"ObjectLockMode": "GOVERNANCE"}, {"ServerSideEncryption": "aws:kms"},
    ],
    ids=["customer's key", "lock", "kms"],
)  # fmt: skip
def test_what_objects_cannot_have_here_is_refused(s3, bucket, more):
    """Never taken and forgotten."""
    with refused("NotImplemented"):
        s3.put_object(Bucket=bucket, Key="k", Body=b"1", **more)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("{bucket}/none", "NoSuchKey"), ("{bucket}/k?versionId=1", "NotImplemented"),
        ("{bucket}-none/k", "NoSuchBucket"),
    ],
    ids=["missing", "version", "bucket"],
)  # fmt: skip
def test_only_what_exists_is_copied(s3, bucket, source, code):
    """And only as it is now."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    with refused(code):
        s3.copy_object(Bucket=bucket, Key="to", CopySource=source.format(bucket=bucket))


DOUBLED = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*",'
    '"Resource":"*"}}'
)
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (DOUBLED, "given twice"),
        (json.dumps({"Statement": ["x"]}), "not an object"),
        (policy(STATEMENT | {"Action": [1]}), "not text"),
        (policy(STATEMENT | {"Condition": {"Bool": "x"}}), "names no key"),
        (policy(STATEMENT | {"Condition": {"Bool": {}}}), "names no key"),
        (policy(STATEMENT | {"Condition": {"Bool": {"a": [["b"]]}}}), "a value of Bool"),
        (policy(STATEMENT | {"Condition": {"Bool": {"a": None}}}), "a value of Bool"),
        (policy(STATEMENT | {"Condition": []}), "Condition is not an object"),
    ],
    ids=[
        "twice", "statement", "action", "condition", "no key", "nested", "null", "list",
    ],
)  # fmt: skip
def test_a_policy_must_be_read_in_one_way_only(iam, name, text, words):
    """MalformedPolicyDocument, with what is wrong."""
    with refused("MalformedPolicyDocument", saying=words):
        iam.create_policy(PolicyName=name, PolicyDocument=text)


def test_a_buckets_policy_is_about_s3(s3, bucket):
    """Other services' actions have no place there."""
    statement = allow("iam:GetRole", f"arn:aws:s3:::{bucket}", Principal="*")
    with refused("MalformedPolicy", saying="invalid action"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement))


def test_a_policys_version_must_exist(iam):
    """NoSuchEntity."""
    with refused("NoSuchEntity", saying="version v99"):
        iam.get_policy_version(PolicyArn=READ_ONLY, VersionId="v99")


def test_policies_of_aws_stay(iam):
    """They belong to nobody's account."""
    arn = "arn:aws:iam::aws:policy/AmazonGlacierReadOnlyAccess"
    with refused("NoSuchEntity"):
        iam.delete_policy(PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)


def test_a_role_has_no_user_of_its_own(aws, iam, cluster):
    """A call about oneself is for users."""
    iam.put_role_policy(
        RoleName=f"{cluster.name}-role",
        PolicyName="p",
        PolicyDocument=policy(allow("iam:*")),
    )
    with refused("ValidationError", saying="Must specify userName"):
        aws.client("iam", keys=cluster.session()).get_user()


def test_a_user_with_a_managed_policy_is_not_deleted(iam, user, name):
    """It is detached first."""
    key, _ = user()
    who = {"UserName": f"{name}-user"}
    iam.delete_access_key(**who, AccessKeyId=key)
    iam.attach_user_policy(**who, PolicyArn=READ_ONLY)
    with refused("DeleteConflict", saying="detach"):
        iam.delete_user(**who)
    iam.detach_user_policy(**who, PolicyArn=READ_ONLY)
    iam.delete_user(**who)


@pytest.mark.parametrize(
    "more",
    [{"Tags": [{"Key": "a", "Value": "b"}]}, {"PermissionsBoundary": READ_ONLY}],
    ids=["tags", "boundary"],
)
def test_what_users_cannot_have_here_is_refused(iam, name, more):
    """Never taken and forgotten."""
    with refused("NotImplemented"):
        iam.create_user(UserName=name, **more)


def test_values_are_those_of_the_model(iam, user, name):
    """A status that there is not."""
    key, _ = user()
    with refused("ValidationError", saying="Member must satisfy enum value set"):
        iam.update_access_key(UserName=f"{name}-user", AccessKeyId=key, Status="Off")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [({"Marker": "x"}, "ValidationError"), ({"MaxItems": "x"}, "MalformedInput")],
    ids=["marker", "number"],
)
def test_a_page_must_be_one(iam, parameters, code):
    """Markers are those that were given out; numbers are numbers."""
    with refused(code):
        iam.list_roles(**parameters)


def test_a_boundary_that_comes_with_a_role_must_exist(iam, name):
    """NoSuchEntity."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
    with refused("NoSuchEntity"):
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=policy(trust),
            PermissionsBoundary="arn:aws:iam::111122223333:policy/none",
        )
