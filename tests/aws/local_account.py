"""Clients, helpers and a published cluster for the tests of the local AWS."""

import contextlib
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from irsa.identity.issuer import DISCOVERY_KEY, JWKS_KEY, IssuerUrl
from irsa.identity.keys import SigningKey
from irsa.local.aws.server import Server
from irsa.local.delays import NONE, Delays

ACCOUNT = "111122223333"
REGION = "eu-west-1"
ADMIN = ("AKIALOCALADMIN000001", "not-a-secret-of-anybody-not-a-secret-123")


class Clock:
    """The time of the local AWS, which a test may move."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @contextlib.contextmanager
    def moved(self, **by: float) -> Iterator[None]:
        """Move it for a while."""
        self.offset = timedelta(**by)
        try:
            yield
        finally:
            self.offset = timedelta()


@dataclass
class LocalAws:
    """The running server, and clients of it."""

    server: Server
    clock: Clock
    delays: Delays = NONE
    _clients: dict[Any, Any] = field(default_factory=dict)

    @property
    def proxy(self) -> str:
        return str(self.server.description["proxy"])

    @property
    def ca(self) -> str:
        return str(self.server.description["ca"])

    def client(
        self, service: str, *, keys: Any = ADMIN, region: str = REGION, **options: Any
    ) -> Any:
        """A boto3 client; `keys` None means unsigned."""
        place = (service, keys, region, repr(options))
        if place not in self._clients:
            self._clients[place] = self._make(service, keys=keys, region=region, options=options)
        return self._clients[place]

    def _make(self, service: str, *, keys: Any, region: str, options: dict[str, Any]) -> Any:
        signing = {"signature_version": UNSIGNED} if keys is None else {}
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        return boto3.client(
            service,
            region_name=region,
            verify=self.ca,
            config=Config(
                parameter_validation=False,  # the server is to check
                proxies={"https": self.proxy},
                retries={"total_max_attempts": 1},
                **signing,
                **options,
            ),
            **dict(zip(names, keys or (), strict=False)),
        )

    @contextlib.contextmanager
    def late(self, **seconds: float) -> Iterator[None]:
        """Let things be seen late for a while."""
        self.delays = Delays(**seconds)
        try:
            yield
        finally:
            self.delays = NONE

    def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            client.close()

    def web(self) -> httpx.Client:
        """A browser: anonymous HTTPS through the proxy."""
        context = ssl.create_default_context(cafile=self.ca)
        return httpx.Client(proxy=self.proxy, verify=context, timeout=10)

    def calls(self) -> list[dict[str, Any]]:
        """The log so far."""
        path = Path(str(self.server.description["log"]))
        return [json.loads(line) for line in path.read_text().splitlines()]


@contextlib.contextmanager
def refused(code: str, *, saying: str = "", status: int | None = None) -> Iterator[None]:
    """Assert that a call is refused with AWS's code."""
    with pytest.raises(ClientError) as caught:
        yield
    answer = caught.value.response
    assert answer["Error"]["Code"] == code, answer["Error"]
    assert saying in answer["Error"].get("Message", "")
    if status is not None:
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


def make_bucket(s3: Any, name: str, region: str = REGION) -> None:
    """Make a bucket in a region."""
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def policy(*statements: dict[str, Any]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def public_read(bucket: str, *keys: str, **more: Any) -> str:
    """The policy that opens some objects to everybody."""
    resources = [f"arn:aws:s3:::{bucket}/{key}" for key in keys]
    return policy(allow("s3:GetObject", resources, Principal="*", **more))


def open_bucket(s3: Any, bucket: str, text: str) -> None:
    """Let a public policy pass, and put it."""
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": False,
            "RestrictPublicBuckets": False,
        },
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=text)


@dataclass
class Cluster:
    """A cluster whose issuer is published, registered, and trusted by a role."""

    aws: LocalAws
    name: str
    issuer: IssuerUrl
    key: SigningKey
    role: str
    provider: str

    def token(self, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token as the API server would sign it; None takes a claim out."""
        now = int(datetime.now(UTC).timestamp())
        stated = {
            "iss": str(self.issuer),
            "sub": "system:serviceaccount:shop:web",
            "aud": ["sts.amazonaws.com"],
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            **claims,
        }
        known = {key: value for key, value in stated.items() if value is not None}
        return self.key.sign_jwt(known, headers)

    def assume(self, token: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call AssumeRoleWithWebIdentity, unsigned."""
        defaults = {
            "RoleArn": self.role,
            "RoleSessionName": "web-session",
            "WebIdentityToken": token if token is not None else self.token(),
        }
        client = self.aws.client("sts", keys=None)
        answer: dict[str, Any] = client.assume_role_with_web_identity(**(defaults | parameters))
        return answer

    def session(self, **parameters: Any) -> tuple[str, str, str]:
        """The keys of a session of the role."""
        found = self.assume(**parameters)["Credentials"]
        return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]

    def publish(self, document: bytes, keys: bytes) -> None:
        """Put the two documents."""
        s3 = self.aws.client("s3")
        s3.put_object(Bucket=self.name, Key=DISCOVERY_KEY, Body=document)
        s3.put_object(Bucket=self.name, Key=JWKS_KEY, Body=keys)


def trust(provider: str, issuer: IssuerUrl, **more: Any) -> str:
    """The trust policy of one service account."""
    prefix = issuer.provider
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Federated": provider},
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            f"{prefix}:aud": "sts.amazonaws.com",
                            f"{prefix}:sub": "system:serviceaccount:shop:web",
                        }
                    },
                    **more,
                }
            ],
        }
    )
