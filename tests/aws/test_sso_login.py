"""IAM Identity Center, logging in: `oidc.REGION.amazonaws.com`, and the pages of the browser."""

import re
import time

import pytest
from tests.aws.local_account import refused
from tests.aws.sign_on import BACK, BY_CODE, DEVICE, START, Person


@pytest.fixture(name="client")
def _client(person):
    """A client that logs in by device code."""
    return person.register()


@pytest.fixture(name="browsing")
def _browsing(person):
    """A client that logs in by browser."""
    return person.register(**BY_CODE)


def test_a_client_gets_an_id_and_a_secret(person):
    """For 90 days."""
    found = person.oidc.register_client(clientName="x", clientType="public")
    assert found["clientId"]
    assert found["clientSecret"]
    assert found["clientSecretExpiresAt"] - found["clientIdIssuedAt"] == 90 * 86400


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"clientType": "confidential"}, "InvalidClientMetadataException"),
        ({"clientType": None}, "InvalidRequestException"),
        ({"scopes": ["sso:account:access", "x:y"]}, "InvalidScopeException"),
        ({"scopes": "sso:account:access"}, "InvalidRequestException"),
        ({"scopes": [7]}, "InvalidRequestException"),
        ({"grantTypes": ["password"]}, "UnsupportedGrantTypeException"),
        (BY_CODE | {"issuerUrl": "https://x.awsapps.com/start"}, "InvalidRequestException"),
        (BY_CODE | {"issuerUrl": None}, "InvalidRequestException"),
        (BY_CODE | {"redirectUris": None}, "InvalidRedirectUriException"),
        (BY_CODE | {"redirectUris": [BACK, "https://e.org/"]}, "InvalidRedirectUriException"),
    ],
)
def test_a_client_that_cannot_be_is_refused(aws, changed, code):
    """With OAuth's word for it, too."""
    wanted = {"clientName": "x", "clientType": "public", "scopes": ["sso:account:access"]}
    body = {name: value for name, value in (wanted | changed).items() if value is not None}
    with aws.web() as web:
        answer = web.post("https://oidc.eu-west-1.amazonaws.com/client/register", json=body)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (400, code)
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code.removesuffix("Exception")).lower()
    assert answer.json()["error"] == word


def test_what_is_not_offered_is_said_so(person):
    """It would be ignored otherwise."""
    with refused("NotImplemented", status=501):
        person.register(entitledApplicationArn="arn:aws:sso::111122223333:application/a/b")


@pytest.mark.parametrize("body", [b"{", b"[]"], ids=["broken", "list"])
def test_a_body_must_be_an_object(aws, body):
    """Of JSON."""
    with aws.web() as web:
        answer = web.post("https://oidc.eu-west-1.amazonaws.com/token", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_device_code_is_good_once_somebody_opened_the_page(person, client):
    """Before, the log-in is pending; the answer says where, how long, and how often to ask."""
    started = person.start(client)
    assert re.fullmatch(r"[A-Z]{4}-[A-Z]{4}", started["userCode"])
    page = "https://device.sso.eu-west-1.amazonaws.com/"
    assert started["verificationUri"] == page
    assert started["verificationUriComplete"] == f"{page}?user_code={started['userCode']}"
    assert (started["expiresIn"], started["interval"]) == (600, 1)
    with refused("AuthorizationPendingException", status=400):
        person.poll(client, started)
    assert started["userCode"] in person.open(started["verificationUriComplete"]).text
    token = person.poll(client, started)
    assert token["tokenType"] == "Bearer"
    assert person.credentials(token["accessToken"])


def test_a_device_code_is_used_once(person, client):
    """Then nobody knows it."""
    started = person.start(client)
    person.open(started["verificationUriComplete"])
    person.poll(client, started)
    with refused("InvalidGrantException", status=400):
        person.poll(client, started)


def test_a_device_code_belongs_to_its_client(person, client):
    """Another has none such."""
    started = person.start(client)
    person.open(started["verificationUriComplete"])
    with refused("InvalidGrantException"):
        person.poll(person.register(), started)


def test_a_device_code_ends_after_ten_minutes(aws, person, client):
    """For the program, and for whoever opens the page too late."""
    started = person.start(client)
    with aws.clock.moved(seconds=601):
        with refused("ExpiredTokenException", status=400):
            person.poll(client, started)
        assert person.open(started["verificationUriComplete"]).status_code == 400
    person.open(started["verificationUriComplete"])
    with aws.clock.moved(seconds=590):
        assert person.poll(client, started)


def test_whoever_polls_too_often_is_told_to_slow_down(aws, person, client, monkeypatch):
    """Twice at once is what the AWS CLI does; it is the third that is too many."""
    started, now = person.start(client), time.time()
    monkeypatch.setattr(type(aws.clock), "__call__", lambda clock: _at(now) + clock.offset)
    person.open(started["verificationUriComplete"])
    other = person.start(client)
    for _ in range(2):
        with refused("AuthorizationPendingException"):
            person.poll(client, other)
    with refused("SlowDownException", status=400):
        person.poll(client, other)
    with aws.clock.moved(seconds=1), refused("AuthorizationPendingException"):
        person.poll(client, other)
    assert person.poll(client, started)


def _at(seconds):
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize("typed", ["", "?user_code=", "?user_code=AAAA-AAAA"])
def test_the_page_wants_a_code(person, typed):
    """It says how."""
    answer = person.open(f"https://device.sso.eu-west-1.amazonaws.com/{typed}")
    assert answer.status_code == 400
    assert "?user_code=CODE" in answer.text


@pytest.mark.parametrize(
    "address", ["https://x.awsapps.com/start", "https://local.awsapps.com/other", "x", ""]
)
def test_there_is_one_start_url(person, client, address):
    """Others are unknown."""
    with refused("InvalidRequestException", status=400):
        person.oidc.start_device_authorization(**client, startUrl=address)


@pytest.mark.parametrize("end", ["", "/", "#/", "/#/"])
def test_the_start_url_may_end_as_browsers_show_it(person, client, end):
    """With a slash, or a number sign."""
    assert person.oidc.start_device_authorization(**client, startUrl=START + end)


def test_the_start_url_is_in_its_own_region(aws):
    """As an instance of IAM Identity Center is."""
    person = Person(aws, region="eu-central-1")
    with refused("InvalidRequestException", saying=""):
        person.start(person.register())
    assert person.authorize(person.register(**BY_CODE)).status_code == 400


def test_a_client_is_known_by_its_secret_in_its_region_for_its_time(aws, person, client):
    """Otherwise it is no client."""
    refusal = {"status": 401}
    with refused("InvalidClientException", **refusal):
        person.start(client | {"clientSecret": "wrong"})
    with refused("InvalidClientException", **refusal):
        person.start(client | {"clientId": "wrong"})
    with refused("InvalidClientException", **refusal):
        Person(aws, region="eu-central-1").start(client)
    with aws.clock.moved(days=90, seconds=1), refused("InvalidClientException", **refusal):
        person.start(client)


def test_grants_are_those_of_the_registration(person, client, browsing):
    """A client that did not ask for one may not use it."""
    with refused("UnauthorizedClientException", status=400):
        person.start(browsing)
    with refused("UnauthorizedClientException"):
        person.exchange(client, "code")
    with refused("UnsupportedGrantTypeException", status=400):
        person.oidc.create_token(**client, grantType="password")


@pytest.mark.parametrize("grant", [DEVICE, "refresh_token"])
def test_a_grant_needs_its_proof(person, client, grant):
    """The code, or the token."""
    with refused("InvalidRequestException", status=400):
        person.oidc.create_token(**client, grantType=grant)


@pytest.mark.parametrize("name", ["code", "redirectUri", "codeVerifier"])
def test_a_code_needs_all_that_goes_with_it(person, browsing, name):
    """The verifier above all."""
    with refused("InvalidRequestException"):
        person.exchange(browsing, person.brought_back(browsing), **{name: ""})


def test_a_browser_brings_a_code_back(person, browsing):
    """To the port that the program listens on, with the state that it sent."""
    sent = person.authorize(browsing)
    assert sent.headers["location"].startswith(f"{BACK}?code=")
    assert sent.headers["location"].endswith("&state=a-state")
    token = person.exchange(browsing, person.brought_back(browsing))
    assert token["refreshToken"]
    assert person.credentials(token["accessToken"])


def test_such_a_code_is_used_once(person, browsing):
    """Also when it was used badly."""
    code = person.brought_back(browsing)
    person.exchange(browsing, code)
    with refused("InvalidGrantException", status=400):
        person.exchange(browsing, code)
    code = person.brought_back(browsing)
    with refused("InvalidGrantException"):
        person.exchange(browsing, code, codeVerifier="another")
    with refused("InvalidGrantException"):
        person.exchange(browsing, code)


@pytest.mark.parametrize(
    "changed",
    [{"codeVerifier": "another"}, {"redirectUri": BACK.replace("8400", "8401")}],
    ids=["verifier", "redirect"],
)
def test_such_a_code_is_good_for_what_it_was_given_out_for(person, browsing, changed):
    """PKCE: who caught the code has no verifier."""
    with refused("InvalidGrantException"):
        person.exchange(browsing, person.brought_back(browsing), **changed)


def test_such_a_code_belongs_to_its_client_for_ten_minutes(aws, person, browsing):
    """No other, and not later."""
    with refused("InvalidGrantException"):
        person.exchange(person.register(**BY_CODE), person.brought_back(browsing))
    code = person.brought_back(browsing)
    with aws.clock.moved(seconds=601), refused("InvalidGrantException"):
        person.exchange(browsing, code)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "http://127.0.0.1:8400/elsewhere"},
        {"redirect_uri": "http://e.org/oauth/callback"},
        {"response_type": "token"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
    ],
)
def test_a_browser_is_not_sent_anywhere_else(person, browsing, changed):
    """What is not registered gets an answer, and no code."""
    answer = person.authorize(browsing, **changed)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_a_token_is_refreshed_as_long_as_the_session_lasts(aws, person, client):
    """An hour each, eight in all."""
    token = person.token(client)
    assert token["expiresIn"] == 3600
    with aws.clock.moved(hours=1):
        with refused("UnauthorizedException", status=401):
            person.credentials(token["accessToken"])
        again = person.refresh(client, token["refreshToken"])
        assert again["expiresIn"] == 3600
        assert person.credentials(again["accessToken"])
    with aws.clock.moved(hours=7.5):
        assert person.refresh(client, token["refreshToken"])["expiresIn"] <= 1800
    with aws.clock.moved(hours=8, seconds=1), refused("InvalidGrantException", status=400):
        person.refresh(client, token["refreshToken"])


def test_a_refresh_token_belongs_to_its_client(person, client):
    """And must be known."""
    token = person.token(client)
    with refused("InvalidGrantException"):
        person.refresh(person.register(), token["refreshToken"])
    with refused("InvalidGrantException"):
        person.refresh(client, "unknown")


@pytest.mark.parametrize("asked", [{"scopes": []}, {"grantTypes": [DEVICE]}])
def test_an_older_client_logs_in_for_eight_hours(aws, person, asked):
    """Without scopes, or without the grant type: no refresh token."""
    client = person.register(**asked)
    token = person.token(client)
    assert token["expiresIn"] == 8 * 3600
    assert "refreshToken" not in token
    with aws.clock.moved(hours=7.9):
        assert person.credentials(token["accessToken"])


def test_operations_of_other_programs_are_not_offered(aws):
    """CreateTokenWithIAM is for applications."""
    with refused("NotImplemented", status=501):
        aws.client("sso-oidc").create_token_with_iam(clientId="x", grantType="x")


def test_a_signature_is_neither_asked_for_nor_looked_at(aws):
    """Whoever logs in has no keys yet, or those of an earlier session that is over."""
    with aws.web() as web:
        answer = web.post(
            "https://oidc.eu-west-1.amazonaws.com/client/register",
            json={"clientName": "x", "clientType": "public"},
            headers={"authorization": "AWS4-HMAC-SHA256 Credential=x"},
        )
    assert answer.status_code == 200
