"""Somebody who logs in by IAM Identity Center: what the AWS CLI does, step by step."""

import base64
import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from tests.aws.local_account import ACCOUNT, REGION, LocalAws

START = "https://local.awsapps.com/start"
SCOPES = ["sso:account:access"]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
VERIFIER = "a-verifier-that-is-long-enough-for-the-standard-43"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)
BACK = "http://127.0.0.1:8400/oauth/callback"
BY_CODE: dict[str, Any] = {
    "grantTypes": ["authorization_code", "refresh_token"],
    "redirectUris": ["http://127.0.0.1/oauth/callback"],
    "issuerUrl": START,
    "scopes": SCOPES,
}


@dataclass
class Person:
    """Somebody with an AWS CLI and a browser."""

    aws: LocalAws
    region: str = REGION

    @property
    def oidc(self) -> Any:
        return self.aws.client("sso-oidc", keys=None, region=self.region)

    @property
    def portal(self) -> Any:
        return self.aws.client("sso", keys=None, region=self.region)

    def meet(self) -> None:
        """Reach each host once: certificates are made by the clock, which tests then move."""
        for host in ("oidc", "device.sso", "portal.sso", "sts"):
            self.open(f"https://{host}.{self.region}.amazonaws.com/")

    def register(self, **more: Any) -> dict[str, str]:
        """A client's id and secret."""
        wanted = {"clientName": "tests", "clientType": "public", "scopes": SCOPES, **more}
        answer = self.oidc.register_client(**wanted)
        return {name: answer[name] for name in ("clientId", "clientSecret")}

    def start(self, client: dict[str, str]) -> dict[str, Any]:
        """A log-in by device code, not yet allowed."""
        answer: dict[str, Any] = self.oidc.start_device_authorization(**client, startUrl=START)
        return answer

    def open(self, address: str) -> httpx.Response:
        """Open a page, as a browser does; it is not sent on."""
        with self.aws.web() as browser:
            return browser.get(address)

    def poll(self, client: dict[str, str], started: dict[str, Any]) -> dict[str, Any]:
        """Ask for the token of a device code."""
        answer: dict[str, Any] = self.oidc.create_token(
            **client, grantType=DEVICE, deviceCode=started["deviceCode"]
        )
        return answer

    def token(self, client: dict[str, str] | None = None) -> dict[str, Any]:
        """Log in by device code."""
        client = client or self.register()
        started = self.start(client)
        assert self.open(started["verificationUriComplete"]).status_code == 200
        return self.poll(client, started)

    def authorize(self, client: dict[str, str], **more: str) -> httpx.Response:
        """Open the page of the log-in by browser."""
        asked = {
            "response_type": "code",
            "client_id": client["clientId"],
            "redirect_uri": BACK,
            "state": "a-state",
            "code_challenge_method": "S256",
            "code_challenge": CHALLENGE,
            **more,
        }
        address = f"https://oidc.{self.region}.amazonaws.com/authorize"
        return self.open(f"{address}?{httpx.QueryParams(asked)}")

    def brought_back(self, client: dict[str, str]) -> str:
        """The code that the browser brings back."""
        sent = self.authorize(client)
        assert sent.status_code == 302, sent.text
        return parse_qs(urlsplit(sent.headers["location"]).query)["code"][0]

    def exchange(self, client: dict[str, str], brought: str, **more: str) -> dict[str, Any]:
        """Turn such a code into a token."""
        wanted = {"redirectUri": BACK, "codeVerifier": VERIFIER, "code": brought, **more}
        answer: dict[str, Any] = self.oidc.create_token(
            **client, grantType="authorization_code", **wanted
        )
        return answer

    def refresh(self, client: dict[str, str], token: str) -> dict[str, Any]:
        """Get another access token."""
        answer: dict[str, Any] = self.oidc.create_token(
            **client, grantType="refresh_token", refreshToken=token
        )
        return answer

    def credentials(self, token: str, **more: str) -> dict[str, Any]:
        """The credentials of a role."""
        wanted = {"roleName": "AdministratorAccess", "accountId": ACCOUNT, **more}
        answer: dict[str, Any] = self.portal.get_role_credentials(accessToken=token, **wanted)
        found: dict[str, Any] = answer["roleCredentials"]
        return found

    def keys(self, token: str, **more: str) -> tuple[str, str, str]:
        """Those credentials as a client takes them."""
        found = self.credentials(token, **more)
        return found["accessKeyId"], found["secretAccessKey"], found["sessionToken"]
