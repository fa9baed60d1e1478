"""
The client behind the door: sends calls, and turns everything that can go wrong into `AwsError`.

Never here: whether a call should be made.
"""

import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

import boto3
import botocore
import botocore.config
import botocore.exceptions
import botocore.session

from irsa.arns import Arn
from irsa.aws.call import Call
from irsa.aws.failure import MISSING, Answer, refused, unsent
from irsa.aws.sending import Sessions
from irsa.errors import AwsError

CONNECT_SECONDS = 5
READ_SECONDS = 20
_WHO = Call(service="sts", operation="GetCallerIdentity")


class Observer(Protocol):
    """Someone who is told of every call that changes something, before it is sent and after."""

    def before(self, call: Call) -> None:
        """The call is about to be sent."""

    def after(self, call: Call) -> None:
        """The call took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who calls, as AWS sees it."""

    account: str
    arn: str
    partition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Service:
    """boto3's client of a service, and what sends its requests."""

    client: Any
    sessions: Sessions

    def close(self) -> None:
        self.client.close()
        self.sessions.close()


class Aws:
    """
    AWS, reached with the credentials and proxies that boto3 finds, as for every tool.

    Use `Aws.open`; close it, or use it as a context manager.
    """

    def __init__(
        self,
        session: botocore.session.Session,
        *,
        region: str,
        observer: Observer | None = None,
    ) -> None:
        self.region = region
        self._botocore = session
        self._session = boto3.Session(botocore_session=session, region_name=region)
        self._observer = observer
        self._services: dict[str, _Service] = {}
        self._lock = threading.Lock()
        self._identity: Identity | None = None

    @classmethod
    def open(
        cls, *, region: str, profile: str | None = None, observer: Observer | None = None
    ) -> "Aws":
        """
        Prepare to call AWS; nothing is sent yet.

        Raises:
            AwsError: The profile does not exist.
        """
        try:
            return cls(botocore.session.Session(profile=profile), region=region, observer=observer)
        except botocore.exceptions.BotoCoreError as error:
            raise unsent(_WHO, type(error).__name__, str(error)) from error

    def __enter__(self) -> "Aws":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            service.close()
        self._services.clear()

    def call(self, call: Call) -> dict[str, Any]:
        """
        Make a call that changes something.

        Returns:
            The answer; AWS's id of the request is in its `ResponseMetadata`.

        Raises:
            AwsError: AWS refused it or could not be reached; `code` says why.
        """
        if self._observer:
            self._observer.before(call)
        answer = self._send(call)
        if self._observer:
            self._observer.after(call)
        return answer

    def read(self, call: Call) -> dict[str, Any] | None:
        """
        Make a call that changes nothing; all pages of it, and the body of an object as bytes.

        Returns:
            The answer, or None if there is no such thing.

        Raises:
            AwsError: AWS refused it or could not be reached.
        """
        try:
            answer = self._send(call)
        except AwsError as error:
            if error.code in MISSING:
                return None
            raise
        answer.pop("ResponseMetadata", None)
        return answer

    def identity(self) -> Identity:
        """
        Who calls: one `sts:GetCallerIdentity`, remembered.

        Raises:
            AwsError: There are no credentials, or they are not accepted.
        """
        if self._identity is None:
            answer = self._send(_WHO)
            arn = Arn.parse(answer["Arn"])
            self._identity = Identity(
                account=answer["Account"], arn=answer["Arn"], partition=arn.partition
            )
        return self._identity

    def _send(self, call: Call) -> dict[str, Any]:
        try:
            return _answer(self._client(call.service), call)
        except botocore.exceptions.ClientError as error:
            caller = self._identity.arn if self._identity else None
            answer = _read_refusal(error)
            raise refused(call, answer, caller=caller, profile=self._profile) from error
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
            kind, text = type(error).__name__, str(error)
            raise unsent(call, kind, text, profile=self._profile) from error

    @property
    def _profile(self) -> str | None:
        profile: str | None = self._botocore.profile
        return profile

    def _client(self, service: str) -> Any:
        with self._lock:  # making a client is not safe in threads, using one is
            if service not in self._services:
                self._services[service] = self._made(service)
            return self._services[service].client

    def _made(self, service: str) -> _Service:
        client = self._session.client(service, config=_settings())
        timeout = (CONNECT_SECONDS, READ_SECONDS)
        sessions = Sessions.of(client, self._botocore, timeout=timeout)
        client.meta.events.register("before-send", sessions.send)
        return _Service(client=client, sessions=sessions)


def configured_region(profile: str | None = None) -> str | None:
    """
    The region that AWS's own configuration names: variables, then the profile.

    Raises:
        AwsError: The profile does not exist.
    """
    try:
        region: str | None = boto3.Session(profile_name=profile).region_name
    except botocore.exceptions.BotoCoreError as error:
        raise unsent(_WHO, type(error).__name__, str(error)) from error
    return region


def _settings() -> botocore.config.Config:
    return botocore.config.Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 3},
        user_agent_extra="irsa",
    )


def _answer(client: Any, call: Call) -> dict[str, Any]:
    method = botocore.xform_name(call.operation)
    if client.can_paginate(method):
        pages = client.get_paginator(method).paginate(**call.params)
        full: dict[str, Any] = pages.build_full_result()
        return full
    answer: dict[str, Any] = getattr(client, method)(**call.params)
    if call.name == "s3:GetObject":
        with answer["Body"] as body:
            answer["Body"] = body.read()
    return answer


def _read_refusal(error: Any) -> Answer:
    details = error.response.get("Error", {})
    metadata = error.response.get("ResponseMetadata", {})
    return Answer(
        code=str(details.get("Code", "Unknown")),
        text=str(details.get("Message", "")),
        request_id=metadata.get("RequestId"),
        operation=getattr(error, "operation_name", None),
    )
