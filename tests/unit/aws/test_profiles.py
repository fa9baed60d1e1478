"""The profiles that people log in with: what works, and how it is said when it does not."""

import hashlib
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.credentials import SSOProvider
from botocore.tokens import SSOTokenProvider

from irsa.aws.client import Aws
from irsa.errors import AwsError

SSO = "sso_account_id = 111122223333\nsso_role_name = admin\n"
START = "sso_start_url = https://{}.awsapps.com/start\nsso_region = eu-west-1\n"
PROCESS = {
    "Version": 1,
    "AccessKeyId": "ASIAPROCESS",
    "SecretAccessKey": "secret",
    "SessionToken": "token",
    "Expiration": "2099-01-01T00:00:00Z",
}
PORTAL = {
    "accessKeyId": "ASIAPORTAL",
    "secretAccessKey": "secret",
    "sessionToken": "token",
    "expiration": 4070908800000,
}
ASSUMED = """<AssumeRoleResponse><AssumeRoleResult><Credentials>
<AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
WHO = """<GetCallerIdentityResponse><GetCallerIdentityResult>
<Arn>arn:aws:sts::111122223333:assumed-role/deploy/ci</Arn><UserId>U</UserId>
<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"""


class _Sts(BaseHTTPRequestHandler):
    """An STS that says who signed each call."""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        action = form["Action"][0]
        signer = self.headers["Authorization"].partition("Credential=")[2].partition("/")[0]
        self.server.calls.append((action, signer))
        body = (ASSUMED if action == "AssumeRole" else WHO).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        """The portal of a single sign-on: credentials for whoever has the session's token."""
        url, bearer = urlsplit(self.path), self.headers["x-amz-sso_bearer_token"]
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        self.server.calls.append((url.path, asked, bearer))
        known = bearer == "a-token"
        body = {"roleCredentials": PORTAL} if known else {"message": "Session token not found"}
        text = json.dumps(body).encode()
        self.send_response(200 if known else 401)
        if not known:
            self.send_header("x-amzn-errortype", "UnauthorizedException")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture(name="sts")
def _sts(monkeypatch):
    with HTTPServer(("127.0.0.1", 0), _Sts) as server:
        server.calls = []
        serve = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serve.start()
        for service in ("STS", "SSO"):
            address = f"http://127.0.0.1:{server.server_port}"
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", address)
        yield server
        server.shutdown()
        serve.join()


@pytest.fixture(name="profile")
def _profile(tmp_path, monkeypatch):
    """Writes AWS's own configuration, and nothing of this machine's is left of it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # botocore looks for the home directory once, when it is imported.
    for provider in (SSOProvider, SSOTokenProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws/sso/cache"))
    file = tmp_path / ".aws" / "config"
    file.parent.mkdir()

    def write(**sections):
        named = {name.replace("_", " "): text for name, text in sections.items()}
        file.write_text("".join(f"[{name}]\n{text}\n" for name, text in named.items()))

    return write


def _identity(name):
    with Aws.open(region="eu-west-1", profile=name) as aws:
        return aws.identity()


def _printing(tmp_path):
    script = tmp_path / "credentials"
    script.write_text(f"#!/bin/sh\necho '{json.dumps(PROCESS)}'\n")
    script.chmod(0o700)
    return f"credential_process = {script}\n"


def test_a_program_can_give_the_credentials(profile, sts, tmp_path):
    """`credential_process`, as with company log-ins."""
    profile(profile_tool=_printing(tmp_path))
    assert _identity("tool").account == "111122223333"
    assert sts.calls == [("GetCallerIdentity", "ASIAPROCESS")]


def test_a_role_is_assumed_from_another_profile(profile, sts, tmp_path):
    """`role_arn` with `source_profile`: calls are signed with the session's credentials."""
    role = "role_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = tool\n"
    profile(profile_tool=_printing(tmp_path), profile_deploy=role)
    assert _identity("deploy").arn == "arn:aws:sts::111122223333:assumed-role/deploy/ci"
    assert sts.calls == [("AssumeRole", "ASIAPROCESS"), ("GetCallerIdentity", "ASIAASSUMED")]


def _logged_in(tmp_path, *, until, token="a-token"):
    """What `aws sso login` leaves behind."""
    cache = tmp_path / ".aws" / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {"startUrl": "https://b.awsapps.com/start", "region": "eu-west-1", "accessToken": token}
    token["expiresAt"] = until
    name = hashlib.sha1(b"corp").hexdigest()  # as the AWS CLI names it
    (cache / f"{name}.json").write_text(json.dumps(token))


def test_a_single_sign_on_gives_the_credentials(profile, sts, tmp_path):
    """The portal is asked for the role of the profile, with the session's token."""
    _logged_in(tmp_path, until="2099-01-01T00:00:00Z")
    profile(profile_corp=f"sso_session = corp\n{SSO}", **{"sso-session corp": START.format("b")})
    assert _identity("corp").account == "111122223333"
    asked = {"role_name": "admin", "account_id": "111122223333"}
    assert sts.calls == [
        ("/federation/credentials", asked, "a-token"),
        ("GetCallerIdentity", "ASIAPORTAL"),
    ]


def test_a_session_that_was_ended_elsewhere_is_said_so(profile, sts, tmp_path):
    """The token's time is not up, but the portal does not know it any more."""
    _logged_in(tmp_path, until="2099-01-01T00:00:00Z", token="revoked")
    profile(profile_corp=f"sso_session = corp\n{SSO}", **{"sso-session corp": START.format("b")})
    with pytest.raises(AwsError, match="the AWS single sign-on session has ended") as caught:
        _identity("corp")
    assert caught.value.hint == "log in again: `aws sso login --profile corp`"
    assert [bearer for _, _, bearer in sts.calls] == ["revoked"]


@pytest.mark.parametrize(
    ("logged_in", "sentence", "hint"),
    [
        (True, "single sign-on session has ended", "log in again: `aws sso login --profile corp`"),
        (False, "nobody is logged in by AWS single", "log in: `aws sso login --profile corp`"),
    ],
    ids=["ended", "never"],
)
def test_a_session_that_is_not_there_is_said_so(profile, tmp_path, logged_in, sentence, hint):
    """`sso_session`: with the command that begins another."""
    if logged_in:
        _logged_in(tmp_path, until="2020-01-01T00:00:00Z")
    section = {"sso-session corp": START.format("b")}
    profile(profile_corp=f"sso_session = corp\n{SSO}", **section)
    with pytest.raises(AwsError, match=sentence) as caught:
        _identity("corp")
    assert caught.value.hint == hint


def test_an_older_single_sign_on_is_understood_too(profile):
    """Without a section of its own; a name that a shell would take apart is quoted."""
    profile(**{"profile 'an old one'": START.format("a") + SSO})
    with pytest.raises(AwsError, match="nobody is logged in by AWS single sign-on") as caught:
        _identity("an old one")
    assert caught.value.hint == "log in: `aws sso login --profile 'an old one'`"


def test_the_profile_of_the_environment_is_named_too(profile, monkeypatch):
    """AWS_PROFILE; without any, the command needs none."""
    profile(profile_old=START.format("a") + SSO, default=START.format("a") + SSO)
    with pytest.raises(AwsError) as caught:
        _identity(None)
    assert caught.value.hint == "log in: `aws sso login`"
    monkeypatch.setenv("AWS_PROFILE", "old")
    with pytest.raises(AwsError) as caught:
        _identity(None)
    assert caught.value.hint == "log in: `aws sso login --profile old`"


def test_a_program_that_fails_is_quoted(profile):
    """It knows best."""
    profile(profile_tool="credential_process = sh -c 'echo log in first >&2; exit 3'\n")
    with pytest.raises(AwsError, match=r"cannot be used: .*log in first") as caught:
        _identity("tool")
    assert "credential_process" in caught.value.hint


@pytest.mark.parametrize("name", ["deploy", "missing"])
def test_a_profile_that_leads_nowhere_is_an_error(profile, name):
    """Named, with the place to look."""
    role = "role_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = nowhere\n"
    profile(profile_deploy=role)
    with pytest.raises(AwsError, match=r"the AWS credentials cannot be used: .*(nowhere|missing)"):
        _identity(name)
