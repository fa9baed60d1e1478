"""
Somebody logs in to a rig's AWS by single sign-on, as `aws sso login` does.

IRSA_TEST_AWS_CLI names an AWS CLI of version 2, which is then used for it. The AWS CLI that is
installed with `irsa[local]` is version 1 and has no such command: without the variable the same
calls are made here, and the same file is written.
"""

import hashlib
import json
import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore import UNSIGNED
from botocore.config import Config
from tests.aws.sign_on import START, Person

REGION = "eu-west-1"
SESSION = "corp"
BROWSER = """\
import os, ssl, sys, urllib.request
context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
urllib.request.urlopen(sys.argv[1], context=context)
"""


def sections(account: str, *, role: str = "AdministratorAccess") -> str:
    """AWS's configuration: the profile `new` has a session of its own name, `old` has none."""
    start = f"sso_start_url = {START}\nsso_region = {REGION}\n"
    wanted = f"sso_account_id = {account}\nsso_role_name = {role}\n"
    return (
        f"[sso-session {SESSION}]\n{start}sso_registration_scopes = sso:account:access\n"
        f"[profile new]\nsso_session = {SESSION}\n{wanted}"
        f"[profile old]\n{start}{wanted}"
    )


@dataclass
class LogIn:
    """
    Somebody with a home directory of their own.

    Args:
        rig: The rig.
        home: The directory; the tokens lie below it.
        stack: Ends what is opened here.
    """

    rig: Any
    home: Path
    stack: ExitStack

    def client(self, service: str, *, keys: None, region: str) -> Any:
        """A boto3 client that signs nothing."""
        proxies = {"https": self.rig.env["HTTPS_PROXY"]}
        made = boto3.Session(region_name=region).client(
            service,
            verify=self.rig.env["AWS_CA_BUNDLE"],
            config=Config(proxies=proxies, signature_version=UNSIGNED),
            aws_access_key_id=keys,
        )
        self.stack.callback(made.close)
        return made

    def web(self) -> httpx.Client:
        """A browser."""
        import ssl

        context = ssl.create_default_context(cafile=self.rig.env["AWS_CA_BUNDLE"])
        return httpx.Client(proxy=self.rig.env["HTTPS_PROXY"], verify=context, timeout=60)

    @property
    def person(self) -> Person:
        return Person(self)  # type: ignore[arg-type] # it has what is asked of it

    def begin(self, profile: str) -> None:
        """Log in."""
        if program := os.environ.get("IRSA_TEST_AWS_CLI"):
            browser = self.home / "browser.py"
            browser.write_text(BROWSER)
            environment = {"BROWSER": f"{sys.executable} {browser} %s &"}
            self.rig.run([program, "sso", "login", "--profile", profile], **environment)
            return
        client = self.person.register(**({} if profile == "new" else {"scopes": []}))
        answer = self.person.token(client)
        ends = datetime.now(UTC) + timedelta(seconds=answer["expiresIn"])
        again = {"refreshToken": answer["refreshToken"]} if "refreshToken" in answer else {}
        token = {
            "startUrl": START,
            "region": REGION,
            "accessToken": answer["accessToken"],
            "expiresAt": f"{ends:%Y-%m-%dT%H:%M:%SZ}",
            **client,
            "registrationExpiresAt": "2099-01-01T00:00:00Z",
            **again,
        }
        self.file(profile).parent.mkdir(parents=True, exist_ok=True)
        self.file(profile).write_text(json.dumps(token))

    def file(self, profile: str) -> Path:
        """Where the AWS CLI keeps the token of a profile."""
        name = hashlib.sha1((SESSION if profile == "new" else START).encode()).hexdigest()
        return self.home / ".aws/sso/cache" / f"{name}.json"

    def token(self, profile: str) -> dict[str, Any]:
        """What it keeps there."""
        kept: dict[str, Any] = json.loads(self.file(profile).read_text())
        return kept

    def let_pass(self, profile: str) -> None:
        """The access token's time is up."""
        over = self.token(profile) | {"expiresAt": "2020-01-01T00:00:00Z"}
        self.file(profile).write_text(json.dumps(over))

    def revoke(self, profile: str) -> None:
        """The session ends elsewhere."""
        self.person.portal.logout(accessToken=self.token(profile)["accessToken"])

    def secrets(self, profile: str) -> list[str]:
        """What must be seen nowhere."""
        names = ("accessToken", "refreshToken", "clientSecret")
        return [text for name, text in self.token(profile).items() if name in names]
