import pytest
from hypothesis import given
from hypothesis import strategies as st

from irsa.errors import InputError
from irsa.identity.issuer import MAX_LENGTH, IssuerUrl, check_bucket_name

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOSTS = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(LABELS, min_size=1, max_size=4),
    st.from_regex(r"[a-z]{2,6}", fullmatch=True),
)
SEGMENTS = st.from_regex(r"[A-Za-z0-9._~-]{1,12}", fullmatch=True).filter(
    lambda segment: segment not in {".", ".."}
)
PATHS = st.lists(SEGMENTS, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts))


@given(host=HOSTS, path=PATHS)
def test_parse_and_text_are_inverse(host: str, path: str) -> None:
    """What was parsed is written as it was read."""
    issuer = IssuerUrl.parse(f"https://{host}{path}")
    assert (issuer.host, issuer.path) == (host, path)
    assert IssuerUrl.parse(str(issuer)) == issuer


@given(text=st.text(max_size=80).map(lambda tail: f"https://{tail}"))
def test_whatever_is_taken_is_written_unchanged(text: str) -> None:
    """No text is mended on the way in: it is taken as it is, or refused."""
    try:
        issuer = IssuerUrl.parse(text)
    except InputError:
        return
    assert str(issuer) == text


REFUSED = {
    "empty": ("", "begin with https"),
    "http": ("http://a.example", "begin with https"),
    "upper-case-scheme": ("HTTPS://a.example", "begin with https"),
    "leading-space": (" https://a.example", "begin with https"),
    "no-host": ("https://", "not a public host name"),
    "port": ("https://a.example:8443", "names a port"),
    "default-port": ("https://a.example:443/x", "names a port"),
    "query": ("https://a.example/x?y=1", "has a query"),
    "empty-query": ("https://a.example/x?", "has a query"),
    "fragment": ("https://a.example/x#y", "has a fragment"),
    "user": ("https://me@a.example", "names a user"),
    "user-and-password": ("https://me:pw@a.example", "names a user"),
    "slash": ("https://a.example/", "ends with a slash"),
    "slash-after-path": ("https://a.example/x/", "ends with a slash"),
    "empty-segment": ("https://a.example/x//y", "empty segment"),
    "dot-segment": ("https://a.example/./y", "segment '.'"),
    "parent-segment": ("https://a.example/../y", "segment '..'"),
    "percent": ("https://a.example/%7Ex", "segment '%7Ex'"),
    "colon-in-path": ("https://a.example/a:sub", "segment 'a:sub'"),
    "wildcard-in-path": ("https://a.example/*", "segment '*'"),
    "space-in-path": ("https://a.example/a b", "segment 'a b'"),
    "line-end": ("https://a.example/a\n", "segment 'a\\n'"),
    "upper-case-host": ("https://A.example/x", "upper case"),
    "single-label": ("https://localhost", "not a public host name"),
    "trailing-dot": ("https://a.example./x", "not a public host name"),
    "underscore": ("https://a_b.example", "not a public host name"),
    "hyphen-first": ("https://-a.example", "not a public host name"),
    "long-label": (f"https://{'a' * 64}.example", "not a public host name"),
    "umlaut": ("https://bücher.example", "not a public host name"),
    "ipv4": ("https://192.0.2.1/x", "IP address"),
    "ipv4-port": ("https://192.0.2.1:443", "names a port"),
    "ipv6": ("https://[2001:db8::1]/x", "IP address"),
    "numeric-top": ("https://a.1", "not a public host name"),
    "too-long": (f"https://a.example/{'x' * 250}", "IAM takes 255 at most"),
    "dotted-bucket": ("https://a.b.s3.eu-west-1.amazonaws.com", "dots of the bucket 'a.b'"),
    "dotted-bucket-china": ("https://a.b.s3.cn-north-1.amazonaws.com.cn", "dots of the bucket"),
    "dotted-bucket-old": ("https://a.b.s3.amazonaws.com", "dots of the bucket"),
    "dotted-bucket-dash": ("https://a.b.s3-us-west-2.amazonaws.com", "dots of the bucket"),
    "dotted-bucket-dual": ("https://a.b.s3.dualstack.eu-west-1.amazonaws.com", "dots of the"),
    "no-bucket": ("https://s3.eu-west-1.amazonaws.com", "names no bucket"),
    "website-dash": ("https://b.s3-website-eu-west-1.amazonaws.com", "no HTTPS"),
    "website-dot": ("https://b.s3-website.eu-central-1.amazonaws.com", "no HTTPS"),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_what_iam_or_s3_refuse_is_refused_with_its_reason(text: str, why: str) -> None:
    """Every refusal names the value and says what to do."""
    with pytest.raises(InputError) as caught:
        IssuerUrl.parse(text)
    assert why in caught.value.message
    assert text[:60].strip("\n") in caught.value.message
    assert caught.value.hint


def test_the_longest_url_is_taken() -> None:
    """255 characters is IAM's limit, and within it."""
    text = "https://a.example/" + "x" * (MAX_LENGTH - len("https://a.example/"))
    assert str(IssuerUrl.parse(text)) == text


def test_the_urls_of_the_documents() -> None:
    """Documents lie below the issuer, path included."""
    issuer = IssuerUrl.parse("https://oidc.example/clusters/a")
    assert issuer.provider == "oidc.example/clusters/a"
    assert issuer.discovery_url == f"{issuer}/.well-known/openid-configuration"
    assert issuer.jwks_url == f"{issuer}/keys.json"


BUCKETS = {
    "virtual-hosted": ("b-1", "eu-west-1", "", "https://b-1.s3.eu-west-1.amazonaws.com"),
    "regional-in-virginia": ("bbb", "us-east-1", "", "https://bbb.s3.us-east-1.amazonaws.com"),
    "prefix": ("bbb", "eu-west-1", "x/y", "https://bbb.s3.eu-west-1.amazonaws.com/x/y"),
    "dots": ("a.b.c", "eu-west-1", "", "https://s3.eu-west-1.amazonaws.com/a.b.c"),
    "dots-prefix": ("a.b", "eu-west-1", "p", "https://s3.eu-west-1.amazonaws.com/a.b/p"),
    "china": ("bbb", "cn-north-1", "", "https://bbb.s3.cn-north-1.amazonaws.com.cn"),
    "gov": ("bbb", "us-gov-west-1", "", "https://bbb.s3.us-gov-west-1.amazonaws.com"),
    "europe": ("bbb", "eusc-de-east-1", "", "https://bbb.s3.eusc-de-east-1.amazonaws.eu"),
}


@pytest.mark.parametrize(
    ("bucket", "region", "prefix", "url"), BUCKETS.values(), ids=BUCKETS.keys()
)
def test_a_bucket_has_the_url_of_its_region(
    bucket: str, region: str, prefix: str, url: str
) -> None:
    """Virtual-hosted and regional; path-style when the certificate would not cover the name."""
    assert str(IssuerUrl.for_bucket(bucket, region=region, prefix=prefix)) == url


@pytest.mark.parametrize("prefix", ["/x", "x/", "x//y", "..", "ä"], ids=ascii)
def test_a_prefix_that_makes_no_url_is_refused(prefix: str) -> None:
    """A prefix begins and ends without a slash."""
    with pytest.raises(InputError):
        IssuerUrl.for_bucket("bbb", region="eu-west-1", prefix=prefix)


def test_an_unknown_region_is_refused() -> None:
    """The region is checked before it becomes part of a host name."""
    with pytest.raises(InputError, match="'Europe' is not the name of an AWS region"):
        IssuerUrl.for_bucket("bbb", region="Europe")


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper", "a_b", "-ab", "ab-", "a..b", "192.168.0.1", "xn--abc", "a-s3alias"],
)
def test_a_name_that_s3_refuses_is_refused(name: str) -> None:
    """S3's rules for the names of new buckets."""
    with pytest.raises(InputError, match="cannot be the name of a bucket"):
        check_bucket_name(name)
