"""OIDC providers, by IAM's rules."""

import json

import pytest
from tests.aws.local_account import ACCOUNT, allow, make_bucket, open_bucket, public_read, refused

from irsa.identity.issuer import DISCOVERY_KEY

THUMBPRINT = "a" * 40
PREFIX = f"arn:aws:iam::{ACCOUNT}:oidc-provider/"


def _create(iam, url, **more):
    parameters = {"Url": url, "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": [THUMBPRINT]}
    return iam.create_open_id_connect_provider(**(parameters | more))["OpenIDConnectProviderArn"]


def test_a_provider_is_named_by_its_url(iam, name):
    """ARN with the path; Get tells the URL without its scheme."""
    arn = _create(iam, f"https://{name}.example.com/a/B", Tags=[{"Key": "k", "Value": "v"}])
    assert arn == f"{PREFIX}{name}.example.com/a/B"
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["Url"] == f"{name}.example.com/a/B"
    assert found["ClientIDList"] == ["sts.amazonaws.com"]
    assert found["ThumbprintList"] == [THUMBPRINT]
    assert found["Tags"] == [{"Key": "k", "Value": "v"}]
    assert found["CreateDate"]
    listed = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert {"Arn": arn} in listed


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://x.example.com", "ValidationError"),
        ("x.example.com", "ValidationError"),
        ("https://", "ValidationError"),
        ("https://x.example.com:443", "InvalidInput"),
        ("https://u@x.example.com", "InvalidInput"),
        ("https://x.example.com/?a=b", "InvalidInput"),
        ("https://x.example.com/#a", "InvalidInput"),
        (f"https://x.example.com/{'p' * 240}", "ValidationError"),
    ],
    ids=["http", "no scheme", "no host", "port", "user", "query", "fragment", "long"],
)
def test_a_url_that_is_no_issuer_is_refused(iam, url, code):
    """No port, user, query or fragment; https; 255 characters."""
    with refused(code, status=400):
        _create(iam, url)


def test_a_slash_at_the_end_makes_another_provider(iam, name):
    """Strings are compared as they are."""
    first = _create(iam, f"https://{name}.example.com/p")
    assert _create(iam, f"https://{name}.example.com/p/") == f"{first}/"


def test_one_url_has_one_provider(iam, name):
    """The second is a conflict."""
    _create(iam, f"https://{name}.example.com")
    with refused("EntityAlreadyExists", status=409):
        _create(iam, f"https://{name}.example.com")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"ThumbprintList": [THUMBPRINT[:-1] + str(n) for n in range(6)]}, "InvalidInput"),
        ({"ThumbprintList": ["g" * 40]}, "InvalidInput"),
        ({"ThumbprintList": ["a" * 41]}, "ValidationError"),
        ({"ClientIDList": ["x" * 256]}, "ValidationError"),
        ({"ClientIDList": [str(n) for n in range(101)]}, "LimitExceeded"),
        ({"Tags": [{"Key": str(n), "Value": "x"} for n in range(51)]}, "ValidationError"),
        ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidInput"),
        ({"Tags": [{"Key": "aws:a", "Value": "1"}]}, "InvalidInput"),
    ],
    ids=["six", "no hex", "long", "client", "clients", "tags", "twice", "reserved"],
)
def test_lists_have_limits(iam, name, more, code):
    """Thumbprints, client ids and tags."""
    with refused(code):
        _create(iam, f"https://{name}.example.com", **more)


def test_without_a_thumbprint_the_issuer_must_answer(iam, s3, bucket):
    """IAM would fetch its certificate: an unreadable document is OpenIdIdpCommunicationError."""
    url = f"https://{bucket}.s3.eu-west-1.amazonaws.com"
    with refused("OpenIdIdpCommunicationError", status=400):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"])
    s3.put_object(Bucket=bucket, Key=DISCOVERY_KEY, Body=b"not json")
    open_bucket(s3, bucket, public_read(bucket, DISCOVERY_KEY))
    with refused("OpenIdIdpCommunicationError"):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"])
    assert _create(iam, url)


def test_an_issuer_with_dots_before_s3_cannot_be_reached(iam, s3, name):
    """Its certificate would not fit."""
    bucket = f"{name}.dots"
    make_bucket(s3, bucket)
    url = f"https://{bucket}.s3.eu-west-1.amazonaws.com"
    document = {
        "issuer": url,
        "jwks_uri": f"{url}/keys.json",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    s3.put_object(Bucket=bucket, Key=DISCOVERY_KEY, Body=json.dumps(document).encode())
    open_bucket(s3, bucket, public_read(bucket, DISCOVERY_KEY))
    with refused("OpenIdIdpCommunicationError"):
        iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"])
    by_path = f"https://s3.eu-west-1.amazonaws.com/{bucket}"
    assert iam.create_open_id_connect_provider(Url=by_path, ClientIDList=["a"])


def test_an_account_has_100_providers_at_most(iam, name):
    """The next one is LimitExceeded."""
    present = len(iam.list_open_id_connect_providers()["OpenIDConnectProviderList"])
    arns = [_create(iam, f"https://{name}-{n}.example.com") for n in range(100 - present)]
    with refused("LimitExceeded", status=409):
        _create(iam, f"https://{name}.example.com")
    for arn in arns:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_audiences_come_and_go(iam, name):
    """Both calls are idempotent."""
    arn = _create(iam, f"https://{name}.example.com")
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com", "b"]
    for _ in range(2):
        iam.remove_client_id_from_open_id_connect_provider(
            OpenIDConnectProviderArn=arn, ClientID="b"
        )
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com"]


def test_thumbprints_are_replaced_as_a_whole(iam, name):
    """And six are too many here too."""
    arn = _create(iam, f"https://{name}.example.com")
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40]
    )
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ThumbprintList"] == ["b" * 40]
    with refused("InvalidInput"):
        iam.update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40] * 6
        )


def test_a_provider_may_be_deleted_twice(iam, name):
    """Reading it afterwards is NoSuchEntity."""
    arn = _create(iam, f"https://{name}.example.com")
    for _ in range(2):
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity", status=404):
        iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    with refused("NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")


def test_tags_are_paged(iam, name):
    """Put, taken away, and listed page by page."""
    arn = _create(iam, f"https://{name}.example.com")
    tags = [{"Key": f"k{n}", "Value": str(n)} for n in range(5)]
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=tags)
    iam.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=["k0"])
    pager = iam.get_paginator("list_open_id_connect_provider_tags")
    pages = list(pager.paginate(OpenIDConnectProviderArn=arn, PaginationConfig={"PageSize": 3}))
    assert [len(page["Tags"]) for page in pages] == [3, 1]
    assert sorted(tag["Key"] for page in pages for tag in page["Tags"]) == ["k1", "k2", "k3", "k4"]


def test_tags_at_creation_need_a_permission_of_their_own(aws, user, name):
    """CreateOpenIDConnectProvider alone does not let tags through."""
    limited = aws.client("iam", keys=user(allow("iam:CreateOpenIDConnectProvider")))
    with refused("AccessDenied", saying="iam:TagOpenIDConnectProvider"):
        _create(limited, f"https://{name}.example.com", Tags=[{"Key": "k", "Value": "v"}])
    assert _create(limited, f"https://{name}.example.com")
