"""Every request that is not anonymous must be signed, by a key that exists, now."""

import urllib.parse
from types import SimpleNamespace

import httpx
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from tests.aws.local_account import ADMIN, LocalAws, refused

STS = "https://sts.eu-west-1.amazonaws.com/"
FORM = "Action=GetCallerIdentity&Version=2011-06-15"


def _signed(
    method: str = "POST",
    url: str = STS,
    data: str = FORM,
    *,
    keys: tuple[str, ...] = ADMIN,
    service: str = "sts",
    region: str = "eu-west-1",
    headers: dict[str, str] | None = None,
) -> dict[str, str]:
    form = {"Content-Type": "application/x-www-form-urlencoded"} if method == "POST" else {}
    request = AWSRequest(method, url, headers=form | (headers or {}), data=data)
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    kind(Credentials(*keys), service, region).add_auth(request)
    return dict(request.headers.items())


def _post(aws: LocalAws, headers: dict[str, str], data: str = FORM) -> httpx.Response:
    with aws.web() as web:
        return web.post(STS, headers=headers, content=data)


def _code(answer: httpx.Response) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_a_good_signature_is_taken(aws):
    """The helper of this file signs well."""
    answer = _post(aws, _signed())
    assert (answer.status_code, "user/administrator" in answer.text) == (200, True)


def test_a_changed_body_is_noticed(aws):
    """SignatureDoesNotMatch."""
    answer = _post(aws, _signed(), FORM + "&X=1")
    assert (answer.status_code, _code(answer)) == (403, "SignatureDoesNotMatch")


def test_a_changed_header_is_noticed(aws):
    """Of those that were signed."""
    headers = _signed() | {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert _code(_post(aws, headers)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("service", "code"),
    [("sts", "SignatureDoesNotMatch"), ("iam", "SignatureDoesNotMatch")],
)
def test_a_wrong_secret_is_noticed(aws, service, code):
    """For every service."""
    client = aws.client(service, keys=(ADMIN[0], "wrong"))
    with refused(code, status=403):
        client.get_caller_identity() if service == "sts" else client.list_roles()


def test_a_wrong_secret_is_noticed_by_s3(aws, bucket):
    """Reading and writing."""
    with refused("SignatureDoesNotMatch", status=403):
        aws.client("s3", keys=(ADMIN[0], "wrong")).list_objects_v2(Bucket=bucket)


def test_an_unknown_key_is_refused(aws):
    """In the words of each service."""
    keys = ("AKIANOBODYNOBODY0000", "x")
    with refused("InvalidClientTokenId", status=403):
        aws.client("sts", keys=keys).get_caller_identity()
    with refused("InvalidClientTokenId", status=403):
        aws.client("iam", keys=keys).list_roles()
    with refused("InvalidAccessKeyId", status=403):
        aws.client("s3", keys=keys).list_buckets()


def test_a_token_with_a_long_lived_key_is_refused(aws):
    """A session token belongs to its own key."""
    with refused("InvalidClientTokenId"):
        aws.client("sts", keys=(*ADMIN, "a-token")).get_caller_identity()


@pytest.mark.parametrize("minutes", [-6, 6], ids=["behind", "ahead"])
def test_a_clock_that_is_off_is_noticed(aws, minutes):
    """More than five minutes, either way."""
    with aws.clock.moved(minutes=minutes):
        with refused("SignatureDoesNotMatch", saying="Signature expired"):
            aws.client("sts").get_caller_identity()
        with refused("RequestTimeTooSkewed", status=403):
            aws.client("s3").list_buckets()


@pytest.mark.parametrize("minutes", [-4, 4], ids=["behind", "ahead"])
def test_a_clock_that_is_a_little_off_is_fine(aws, minutes):
    """Up to five minutes."""
    with aws.clock.moved(minutes=minutes):
        assert aws.client("sts").get_caller_identity()


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256 Signature=abc",
        "AWS4-HMAC-SHA256 Credential=AKIAX/x, SignedHeaders=host, Signature=0",
        "Basic YTpi",
    ],
    ids=["parts", "credential", "basic"],
)
def test_half_a_signature_is_refused(aws, header):
    """IncompleteSignature."""
    answer = _post(aws, _signed() | {"Authorization": header})
    assert (answer.status_code, _code(answer)) == (400, "IncompleteSignature")


def test_no_signature_is_refused(aws):
    """Except where a service considers strangers."""
    answer = _post(aws, {"Content-Type": "application/x-www-form-urlencoded"})
    assert (answer.status_code, _code(answer)) == (403, "MissingAuthenticationToken")
    with aws.web() as web:
        text = "Action=ListRoles&Version=2010-05-08"
        answer = web.post("https://iam.amazonaws.com/", content=text)
    assert _code(answer) == "MissingAuthenticationToken"


@pytest.mark.parametrize(
    ("service", "region"), [("sts", "us-west-2"), ("iam", "eu-west-1")], ids=["region", "service"]
)
def test_a_signature_is_for_one_region_and_service(aws, service, region):
    """Another scope does not fit."""
    headers = _signed(service=service, region=region)
    assert _code(_post(aws, headers)) == "SignatureDoesNotMatch"


def test_s3_names_the_region_that_it_wants(aws, bucket):
    """AuthorizationHeaderMalformed, with the region in it."""
    url = f"https://{bucket}.s3.eu-west-1.amazonaws.com/"
    headers = _signed("GET", url, "", service="s3", region="us-west-2")
    with aws.web() as web:
        answer = web.get(url, headers=headers)
    assert _code(answer) == "AuthorizationHeaderMalformed"
    assert "<Region>eu-west-1</Region>" in answer.text


def test_aws_headers_must_be_signed(aws, bucket):
    """A header added on the way is noticed."""
    url = f"https://{bucket}.s3.eu-west-1.amazonaws.com/k"
    headers = _signed("PUT", url, "x", service="s3") | {"x-amz-tagging": "a=b"}
    with aws.web() as web:
        answer = web.put(url, headers=headers, content="x")
    assert (answer.status_code, "not signed" in answer.text) == (403, True)


def test_a_body_must_fit_its_signed_hash(aws, bucket):
    """XAmzContentSHA256Mismatch."""
    url = f"https://{bucket}.s3.eu-west-1.amazonaws.com/k"
    with aws.web() as web:
        answer = web.put(url, headers=_signed("PUT", url, "x", service="s3"), content="y")
    assert _code(answer) == "XAmzContentSHA256Mismatch"


def _presigned(s3, bucket, seconds=60):
    parameters = {"Bucket": bucket, "Key": "k"}
    return s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)


@pytest.fixture(name="presigning")
def _presigning(aws):
    return aws.client("s3", signature_version="s3v4")


def test_a_presigned_url_works_until_it_expires(aws, presigning, s3, bucket):
    """Then it is refused."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    url = _presigned(presigning, bucket)
    with aws.web() as web:
        assert web.get(url).text == "1"
        with aws.clock.moved(seconds=61):
            answer = web.get(url)
    assert (answer.status_code, "Request has expired" in answer.text) == (403, True)


def test_a_presigned_url_cannot_be_changed(aws, presigning, s3, bucket):
    """Neither its key nor its expiry."""
    s3.put_object(Bucket=bucket, Key="other", Body=b"1")
    url = _presigned(presigning, bucket)
    with aws.web() as web:
        for changed in (url.replace("/k?", "/other?"), url.replace("Expires=60", "Expires=600")):
            assert changed != url
            assert _code(web.get(changed)) == "SignatureDoesNotMatch"


def test_a_presigned_url_lives_a_week_at_most(aws, presigning, bucket):
    """AWS takes no longer one."""
    url = _presigned(presigning, bucket, seconds=60).replace("Expires=60", "Expires=604801")
    with aws.web() as web:
        assert _code(web.get(url)) == "AuthorizationQueryParametersError"


class _OldScope(SigV4Auth):
    """Signs well, but with the key of a day long gone."""

    old = SimpleNamespace(context={"timestamp": "20200101T000000Z"})

    def scope(self, _request):
        return super().scope(self.old)

    def credential_scope(self, _request):
        return super().credential_scope(self.old)

    def signature(self, string_to_sign, _request):
        return super().signature(string_to_sign, self.old)


def test_the_date_of_the_scope_is_the_date_of_the_request(aws):
    """A signing key that leaked once does not sign for ever."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", STS, headers=form, data=FORM)
    _OldScope(Credentials(*ADMIN), "sts", "eu-west-1").add_auth(request)
    headers = dict(request.headers.items())
    assert "/20200101/" in headers["Authorization"]
    assert _code(_post(aws, headers)) == "SignatureDoesNotMatch"


def test_a_signed_get_of_the_query_protocol_works(aws):
    """As in a URL that is signed by hand."""
    url = (
        f"{STS}?{urllib.parse.urlencode({'Action': 'GetCallerIdentity', 'Version': '2011-06-15'})}"
    )
    with aws.web() as web:
        answer = web.get(url, headers=_signed("GET", url, ""))
    assert answer.status_code == 200


def test_a_body_may_come_in_chunks(aws, presigning, s3, bucket):
    """HTTP's own chunks, of a length that nobody said."""
    parameters = {"Bucket": bucket, "Key": "k"}
    url = presigning.generate_presigned_url("put_object", Params=parameters, ExpiresIn=60)
    with aws.web() as web:
        answer = web.put(url, content=(part for part in (b"one ", b"two ", b"three")))
    assert answer.status_code == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one two three"


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_keys_are_good_in_their_own_partition_only(aws, region):
    """Another partition's hosts do not know them, however well they sign."""
    with refused("InvalidClientTokenId"):
        aws.client("sts", region=region).get_caller_identity()
