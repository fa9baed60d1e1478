"""
Every error that irsa raises on purpose: what is wrong, with which value, and what to do next.

An error knows its exit code, so that nothing below the command line ever exits or prints.
Never here: printing, imports from irsa.
"""

from typing import ClassVar

EXCERPT_LENGTH = 256


class IrsaError(Exception):
    """
    Something went wrong that the reader can do something about.

    Args:
        message: Lower case, no full stop; names the thing and its value.
        hint: The next command to type, or the page to read.
    """

    exit_code: ClassVar[int] = 1
    meaning: ClassVar[str] = "a fault in irsa itself; please report it"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class RefusedError(IrsaError):
    """A guard said no: wrong cluster, wrong account, an unsafe step, a plan that is out of date."""

    exit_code = 3
    meaning = "refused by a guard (wrong cluster or account, an unsafe step, a stale plan)"


class AwsError(IrsaError):
    """
    AWS refused a call, or could not be reached.

    Args:
        code: The error code AWS answered with, such as `AccessDenied`; None if it did not answer.
        operation: The API operation, such as `iam:CreateRole`.
        request_id: AWS's id of the request, for its support.
    """

    exit_code = 4
    meaning = "AWS refused a call or could not be reached"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        operation: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.operation = operation
        self.request_id = request_id


class KubeError(IrsaError):
    """
    The Kubernetes API refused a request, or could not be reached.

    Args:
        status: The HTTP status; None if there was no answer.
        reason: The reason in the API server's Status object, such as `Forbidden`.
        retry_after: For how many seconds the server wants to be left alone; None if it did not say.
    """

    exit_code = 5
    meaning = "the Kubernetes API refused a request or could not be reached"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        status: int | None = None,
        reason: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class WebError(IrsaError):
    """A document could not be read anonymously over HTTPS, as AWS would read it."""

    exit_code = 7
    meaning = "a public document could not be read over anonymous HTTPS"


class RigError(IrsaError):
    """The local rig (Kubernetes and AWS on this machine) could not do what was asked."""

    exit_code = 8
    meaning = "the local rig could not be built, started or found"


class ProofError(IrsaError):
    """A proof failed: a pod did not get its role, or an attack was not refused."""

    exit_code = 9
    meaning = "the proof failed, or a pod is without its role: the chain does not hold"


class InputError(IrsaError):
    """A file, a value or an option cannot be used: key file, issuer URL, token, ARN."""

    exit_code = 65
    meaning = "a file or a value cannot be used (configuration, key, issuer URL, token)"


class ConfigError(InputError):
    """The configuration is wrong: the message says in which file, line and path."""


def excerpt(text: str) -> str:
    """Foreign text, made fit for a message: one line, at most 256 characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT_LENGTH else line[: EXCERPT_LENGTH - 1] + "…"
