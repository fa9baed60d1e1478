"""AssumeRoleWithWebIdentity, by every check that is known of STS."""

import base64
import json
from datetime import UTC, datetime

import pytest
from tests.aws.local_account import ACCOUNT, make_bucket, open_bucket, public_read, refused, trust

from irsa.identity import discovery, jwks
from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import KeyKind, SigningKey

NO_KEY = "Couldn't retrieve verification key from your identity provider,  please"
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def _now() -> int:
    return int(datetime.now(UTC).timestamp())


def test_a_good_token_opens_a_session(aws, cluster):
    """The response says who, from whom and for what; the keys work."""
    found = cluster.assume(DurationSeconds=900)
    role = cluster.role.rpartition("/")[2]
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/web-session"
    assert found["SubjectFromWebIdentityToken"] == "system:serviceaccount:shop:web"
    assert found["Provider"] == str(cluster.issuer)
    assert found["Audience"] == "sts.amazonaws.com"
    assert found["AssumedRoleUser"]["Arn"] == arn
    keys = found["Credentials"]
    assert keys["AccessKeyId"].startswith("ASIA")
    assert 890 <= (keys["Expiration"] - datetime.now(UTC)).total_seconds() <= 900
    session = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    identity = aws.client("sts", keys=session).get_caller_identity()
    assert (identity["Arn"], identity["Account"]) == (arn, ACCOUNT)
    assert identity["UserId"] == found["AssumedRoleUser"]["AssumedRoleId"]


@pytest.mark.parametrize("kind", list(KeyKind))
def test_every_kind_of_key_is_verified(cluster, kind):
    """RSA and EC, as Kubernetes signs with them."""
    cluster.key = SigningKey.generate(kind)
    public = (cluster.key.public,)
    cluster.publish(discovery.build(cluster.issuer, public), jwks.build(public))
    assert cluster.assume()["Credentials"]


@pytest.mark.parametrize(
    "token",
    [
        "not-a-token", "a.b.c", "aa.bb", f"{'e30.' * 2}AA",
    ],
)  # fmt: skip
def test_what_is_no_token_is_refused(cluster, token):
    """The ID Token provided is not a valid JWT."""
    with refused("InvalidIdentityToken", saying="is not a valid JWT", status=400):
        cluster.assume(token)


@pytest.mark.parametrize("claim", ["sub", "aud", "exp", "iat", "iss"])
def test_required_claims_are_missed(cluster, claim):
    """By name."""
    with refused("InvalidIdentityToken", saying=f"Missing a required claim: {claim}"):
        cluster.assume(cluster.token(**{claim: None}))


def test_times_are_whole_numbers(cluster):
    """No floats."""
    with refused("InvalidIdentityToken", saying="is not a valid JWT"):
        cluster.assume(cluster.token(exp=_now() + 3600.5))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256", "EdDSA"])
def test_other_algorithms_are_refused(cluster, algorithm):
    """RS256 to ES512 only."""
    header, rest = cluster.token().split(".", 1)
    changed = json.loads(base64.urlsafe_b64decode(header + "==")) | {"alg": algorithm}
    text = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    with refused("InvalidIdentityToken", saying="is not a valid JWT"):
        cluster.assume(f"{text}.{rest}")


@pytest.mark.parametrize("suffix", ["/", "/path", "x"])
def test_the_issuer_is_compared_as_text(cluster, suffix):
    """A slash makes another issuer."""
    issuer = f"{cluster.issuer}{suffix}"
    words = f"No OpenIDConnect provider found in your account for {issuer}"
    with refused("InvalidIdentityToken", saying=words):
        cluster.assume(cluster.token(iss=issuer))


def test_the_provider_is_that_of_the_roles_account(cluster):
    """A role elsewhere has its own providers."""
    role = cluster.role.replace(ACCOUNT, "999999999999")
    with refused("InvalidIdentityToken", saying="No OpenIDConnect provider found"):
        cluster.assume(RoleArn=role)


def test_without_a_provider_nothing_goes(iam, cluster):
    """Deleting it ends new sessions at once."""
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=cluster.provider)
    with refused("InvalidIdentityToken", saying="No OpenIDConnect provider found"):
        cluster.assume()


def test_an_issuer_is_https(cluster):
    """Whatever else it is."""
    with refused("InvalidIdentityToken", saying="Issuer must be a valid HTTPS URL"):
        cluster.assume(cluster.token(iss="http://x.example.com"))


@pytest.mark.parametrize("key", [DISCOVERY_KEY, JWKS_KEY])
def test_both_documents_must_be_there(s3, cluster, key):
    """Deleted ones are missed at once: nothing is cached."""
    assert cluster.assume()
    s3.delete_object(Bucket=cluster.name, Key=key)
    with refused("InvalidIdentityToken", saying=NO_KEY, status=400):
        cluster.assume()


@pytest.mark.parametrize("key", [DISCOVERY_KEY, JWKS_KEY])
def test_a_bucket_that_all_may_list_says_what_is_missing(aws, s3, cluster, key):
    """404, not 403, is an answer that STS cannot use either."""
    opened = json.loads(public_read(cluster.name, DISCOVERY_KEY, JWKS_KEY))
    arn = f"arn:aws:s3:::{cluster.name}"
    listing = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": arn}
    opened["Statement"].append(listing)
    s3.put_bucket_policy(Bucket=cluster.name, Policy=json.dumps(opened))
    assert cluster.assume()
    s3.delete_object(Bucket=cluster.name, Key=key)
    with refused("InvalidIdentityToken", saying=NO_KEY):
        cluster.assume()
    assert f"{key} answers 404" in aws.calls()[-1]["reason"]


@pytest.mark.parametrize("key", [DISCOVERY_KEY, JWKS_KEY])
def test_both_documents_must_be_public(s3, cluster, key):
    """Read by the same rules as by anybody."""
    s3.put_bucket_policy(Bucket=cluster.name, Policy=public_read(cluster.name, key))
    with refused("InvalidIdentityToken", saying=NO_KEY):
        cluster.assume()


def test_a_restricted_bucket_cannot_be_read_by_sts_either(s3, cluster):
    """RestrictPublicBuckets shuts it out."""
    s3.put_public_access_block(
        Bucket=cluster.name, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    with refused("InvalidIdentityToken", saying=NO_KEY):
        cluster.assume()


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://other.example.com"}, {"jwks_uri": None},
        {"jwks_uri": "https://example.com/keys.json"}, {"jwks_uri": "KEYS_PLAIN"},
        {"response_types_supported": None}, {"subject_types_supported": None},
        {"id_token_signing_alg_values_supported": None},
    ],
    ids=["issuer", "no keys", "elsewhere", "plain", "types", "subjects", "algorithms"],
)  # fmt: skip
def test_an_incomplete_discovery_document_is_refused(cluster, changes):
    """All that STS is known to insist on."""
    public = (cluster.key.public,)
    document = json.loads(discovery.build(cluster.issuer, public)) | changes
    if document["jwks_uri"] == "KEYS_PLAIN":
        document["jwks_uri"] = cluster.issuer.jwks_url.replace("https", "http")
    kept = {key: value for key, value in document.items() if value is not None}
    cluster.publish(json.dumps(kept).encode(), jwks.build(public))
    with refused("InvalidIdentityToken", saying=NO_KEY):
        cluster.assume()


def test_a_jwks_without_keys_is_refused(cluster):
    """And one that is no JSON."""
    document = discovery.build(cluster.issuer, (cluster.key.public,))
    for keys in (b'{"keys":[]}', b"<html>"):
        cluster.publish(document, keys)
        with refused("InvalidIdentityToken", saying=NO_KEY):
            cluster.assume()


def test_a_jwks_of_more_than_100_keys_is_refused(cluster):
    """100 of one family are the limit."""
    key = cluster.key.public.jwk()
    for count in (101, 100):
        keys = [key, *(key | {"kid": str(number)} for number in range(count - 1))]
        document = discovery.build(cluster.issuer, (cluster.key.public,))
        cluster.publish(document, json.dumps({"keys": keys}).encode())
        if count > 100:
            with refused("InvalidIdentityToken", saying=NO_KEY):
                cluster.assume()
        else:
            assert cluster.assume()


def test_another_key_under_the_same_id_is_noticed(cluster):
    """Token signature invalid."""
    forged = SigningKey.generate(KeyKind.ec_p256)
    right, cluster.key = cluster.key, forged
    with refused("InvalidIdentityToken", saying="Token signature invalid"):
        cluster.assume(cluster.token(headers={"kid": right.public.kid}))


def test_an_unpublished_key_is_unknown(cluster):
    """Its id is not in the JWKS."""
    cluster.key = SigningKey.generate(KeyKind.ec_p256)
    with refused("InvalidIdentityToken", saying=NO_KEY):
        cluster.assume()


def test_a_changed_claim_breaks_the_signature(cluster):
    """The payload of one token under the signature of another."""
    one, other = cluster.token().split("."), cluster.token(sub="system:serviceaccount:a:b")
    with refused("InvalidIdentityToken", saying="Token signature invalid"):
        cluster.assume(".".join([one[0], other.split(".")[1], one[2]]))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": ["https://kubernetes.default.svc.cluster.local"]}, {"aud": "STS.amazonaws.com"},
        {"azp": "someone"},
    ],
    ids=["api server", "case", "azp"],
)  # fmt: skip
def test_the_audience_must_be_registered(cluster, claims):
    """A token for the API server is not for AWS."""
    with refused("InvalidIdentityToken", saying="Incorrect token audience"):
        cluster.assume(cluster.token(**claims))


def test_azp_stands_for_the_audience(iam, cluster):
    """The condition key `aud` takes its value."""
    iam.add_client_id_to_open_id_connect_provider(
        OpenIDConnectProviderArn=cluster.provider, ClientID="app"
    )
    token = cluster.token(aud=["whatever"], azp="app")
    with refused("AccessDenied"):
        cluster.assume(token)
    text = trust(cluster.provider, cluster.issuer).replace('"sts.amazonaws.com"', '"app"')
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=text)
    assert cluster.assume(token)["Audience"] == "app"


def test_an_expired_token_is_refused(cluster):
    """In STS's own words."""
    with refused("ExpiredTokenException", saying="Token expired: current date/time", status=400):
        cluster.assume(cluster.token(iat=_now() - 7200, exp=_now() - 1))


def test_a_token_of_yesterday_is_too_old(cluster):
    """Even if it has not expired."""
    with refused("ExpiredTokenException", saying="Token too old: 864"):
        cluster.assume(cluster.token(iat=_now() - 86401, exp=_now() + 3600))
    assert cluster.assume(cluster.token(iat=_now() - 86000, exp=_now() + 3600))


@pytest.mark.parametrize(
    "claims",
    [{"sub": "system:serviceaccount:shop:other"}, {"sub": "system:serviceaccount:shop:web2"}],
)
def test_another_subject_is_not_let_in(cluster, claims):
    """The trust policy names one service account."""
    with refused("AccessDenied", saying=NOT_AUTHORIZED, status=403):
        cluster.assume(cluster.token(**claims))


@pytest.mark.parametrize(
    "more",
    [
        {"Effect": "Deny"}, {"Action": "sts:AssumeRole"},
        {"Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"}},
        {"Condition": {"StringEquals": {"PREFIX:sub": "system:serviceaccount:shop:*"}}},
        {"Condition": {"StringEquals": {"PREFIX:namespace": "shop"}}},
        {"Condition": {"Null": {"PREFIX:sub": "true"}}},
    ],
    ids=["deny", "action", "provider", "literal star", "unknown claim", "null"],
)  # fmt: skip
def test_a_trust_policy_that_does_not_fit_lets_nobody_in(iam, cluster, more):
    """One AccessDenied for all of it."""
    text = trust(cluster.provider, cluster.issuer, **more)
    text = text.replace("PREFIX", cluster.issuer.provider)
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=text)
    with refused("AccessDenied", saying=NOT_AUTHORIZED):
        cluster.assume()


def test_everybody_but_lets_nobody_in(iam, cluster):
    """An allowance with NotPrincipal would open the role to strangers."""
    text = json.loads(trust(cluster.provider, cluster.issuer))
    (statement,) = text["Statement"]
    other = f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example.com"
    del statement["Principal"]
    statement["NotPrincipal"] = {"Federated": other}
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=json.dumps(text))
    with refused("AccessDenied", saying=NOT_AUTHORIZED):
        cluster.assume()


@pytest.mark.parametrize(
    "condition",
    [
        {"StringLike": {"PREFIX:sub": "system:serviceaccount:shop:*"}},
        {"StringEquals": {"PREFIX:aud": "sts.amazonaws.com"}},
    ],
    ids=["star", "no subject"],
)  # fmt: skip
def test_a_wide_trust_policy_lets_in_what_it_says(iam, cluster, condition):
    """AWS takes it, whatever one thinks of it."""
    text = trust(cluster.provider, cluster.issuer, Condition=condition)
    text = text.replace("PREFIX", cluster.issuer.provider)
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=text)
    assert cluster.assume(cluster.token(sub="system:serviceaccount:shop:other"))


def test_the_sessions_name_can_be_conditioned(iam, cluster):
    """By sts:RoleSessionName."""
    condition = {"StringEquals": {"sts:RoleSessionName": "right"}}
    text = trust(cluster.provider, cluster.issuer, Condition=condition)
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=text)
    assert cluster.assume(RoleSessionName="right")
    with refused("AccessDenied"):
        cluster.assume(RoleSessionName="wrong")


def _trusting(iam, cluster, operator, claim, value):
    condition = {operator: {f"{cluster.issuer.provider}:{claim}": value}}
    text = trust(cluster.provider, cluster.issuer, Condition=condition)
    iam.update_assume_role_policy(RoleName=f"{cluster.name}-role", PolicyDocument=text)


def test_the_way_of_authentication_can_be_conditioned(iam, cluster):
    """By `amr`, which has several values."""
    _trusting(iam, cluster, "ForAnyValue:StringEquals", "amr", ["mfa"])
    assert cluster.assume(cluster.token(amr=["pwd", "mfa"]))
    for more in ({"amr": ["pwd"]}, {"amr": "mfa"}, {}):
        with refused("AccessDenied"):
            cluster.assume(cluster.token(**more))


def test_with_azp_the_audience_is_another_key(iam, cluster):
    """`oaud` is what `aud` was."""
    _trusting(iam, cluster, "ForAnyValue:StringEquals", "oaud", ["elsewhere"])
    token = cluster.token(aud=["elsewhere"], azp="sts.amazonaws.com")
    assert cluster.assume(token)["Audience"] == "sts.amazonaws.com"
    with refused("AccessDenied"):
        cluster.assume()


def test_several_audiences_are_several_values(iam, cluster):
    """A plain StringEquals on `aud` does not hold for two."""
    both = cluster.token(aud=["sts.amazonaws.com", "elsewhere"])
    with refused("AccessDenied"):
        cluster.assume(both)
    _trusting(iam, cluster, "ForAnyValue:StringEquals", "aud", ["elsewhere"])
    assert cluster.assume(both)


def test_a_missing_role_looks_like_a_refusal(cluster):
    """AWS does not tell which roles exist."""
    for role in (f"{cluster.role}-none", cluster.role.replace("role/", "role/path/")):
        with refused("AccessDenied", saying=NOT_AUTHORIZED, status=403):
            cluster.assume(RoleArn=role)


@pytest.mark.parametrize(
    "parameters",
    [
        {"DurationSeconds": 899}, {"DurationSeconds": 43201}, {"RoleSessionName": "a"},
        {"RoleSessionName": "x" * 65}, {"RoleSessionName": "a/b"}, {"WebIdentityToken": "abc"},
        {"WebIdentityToken": "x" * 20001}, {"RoleArn": "arn:aws:iam::1:x"}, {"RoleArn": None},
        {"RoleSessionName": None}, {"RoleArn": "not-an-arn-but-long-enough"},
    ],
    ids=[
        "short", "long", "name", "long name", "character", "token", "long token", "role",
        "no role", "no name", "no arn",
    ],
)  # fmt: skip
def test_parameters_have_limits(cluster, parameters):
    """ValidationError, before anything else is looked at."""
    if None in parameters.values():
        fixed = {"RoleArn": cluster.role, "RoleSessionName": "xx"}
        kept = {key: value for key, value in fixed.items() if key not in parameters}
        client = cluster.aws.client("sts", keys=None)
        with refused("ValidationError", status=400):
            client.assume_role_with_web_identity(WebIdentityToken=cluster.token(), **kept)
        return
    with refused("ValidationError", status=400):
        cluster.assume(**parameters)


def test_a_refused_token_is_not_quoted(cluster):
    """A secret does not come back in an error."""
    with refused("ValidationError", saying="Value '***' at 'webIdentityToken'"):
        cluster.assume("abc")


def test_a_session_is_no_longer_than_the_role_allows(iam, cluster):
    """MaxSessionDuration counts."""
    with refused("ValidationError", saying="exceeds the MaxSessionDuration"):
        cluster.assume(DurationSeconds=3601)
    iam.update_role(RoleName=f"{cluster.name}-role", MaxSessionDuration=7200)
    assert cluster.assume(DurationSeconds=7200)


def test_what_is_not_offered_is_refused(cluster):
    """Never taken and forgotten."""
    with refused("NotImplemented", status=501):
        cluster.assume(ProviderId="www.amazon.com")


@pytest.mark.parametrize("prefix", ["", "a/b"])
def test_issuers_by_path_and_with_prefixes_work(aws, s3, name, signing_key, prefix):
    """A bucket with dots is reached by path; a prefix is part of the issuer."""
    iam, bucket = aws.client("iam"), f"{name}.with.dots"
    make_bucket(s3, bucket)
    issuer = IssuerUrl.for_bucket(bucket, region="eu-west-1", prefix=prefix)
    public = (signing_key.public,)
    keys = [f"{prefix}/{key}".removeprefix("/") for key in (DISCOVERY_KEY, JWKS_KEY)]
    for key, body in zip(keys, (discovery.build(issuer, public), jwks.build(public)), strict=True):
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    open_bucket(s3, bucket, public_read(bucket, *keys))
    provider = iam.create_open_id_connect_provider(
        Url=str(issuer), ClientIDList=["sts.amazonaws.com"]
    )["OpenIDConnectProviderArn"]
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(provider, issuer))
    now = _now()
    token = signing_key.sign_jwt(
        {
            "iss": str(issuer), "sub": "system:serviceaccount:shop:web", "iat": now,
            "aud": ["sts.amazonaws.com"], "exp": now + 60,
        }
    )  # fmt: skip
    assert aws.client("sts", keys=None).assume_role_with_web_identity(
        RoleArn=role["Role"]["Arn"], RoleSessionName="s-1", WebIdentityToken=token
    )
