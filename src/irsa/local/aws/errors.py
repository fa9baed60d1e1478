"""
AWS's errors: codes, HTTP statuses, and their XML in each service's form.

Never here: irsa's own errors; these are what a client of AWS sees.
"""

from collections.abc import Mapping
from xml.sax.saxutils import escape

from irsa.local.aws.request import Response

_NAMESPACES = {
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "s3control": "http://awss3control.amazonaws.com/doc/2018-08-20/",
}


class ApiError(Exception):
    """
    A refusal as AWS words it.

    Args:
        code: AWS's error code.
        message: AWS's message, or the nearest to it that is known.
        status: The HTTP status.
        details: Further elements of S3's error document.
        reason: For the log only: why, in more words than AWS would say.
        note: Response headers that belong to the error.
    """

    def __init__(  # noqa: PLR0913 - two of them are enough for most
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        details: Mapping[str, str] | None = None,
        reason: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.details = dict(details or {})
        self.reason = reason
        self.headers = dict(headers or {})


def access_denied(message: str = "Access Denied", *, reason: str | None = None) -> ApiError:
    """AccessDenied, with the reason that only the log may tell."""
    return ApiError("AccessDenied", message, status=403, reason=reason)


def not_implemented(what: str) -> ApiError:
    """What this AWS has no handler for, or refuses to guess at."""
    return ApiError("NotImplemented", f"the local AWS does not offer {what}", status=501)


def response(error: ApiError, service: str, request_id: str) -> Response:
    """An error in the XML of its service."""
    text = _s3(error, request_id) if service == "s3" else _query(error, service, request_id)
    headers = {
        **error.headers,
        "content-type": "application/xml" if service == "s3" else "text/xml",
    }
    return Response(status=error.status, headers=headers, body=text.encode())


def _s3(error: ApiError, request_id: str) -> str:
    elements = {
        "Code": error.code,
        "Message": error.message,
        **error.details,
        "RequestId": request_id,
        "HostId": "local",
    }
    inner = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in elements.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'


def _query(error: ApiError, service: str, request_id: str) -> str:
    side = "Sender" if error.status < 500 else "Receiver"
    return (
        f'<ErrorResponse xmlns="{_NAMESPACES.get(service, "")}"><Error><Type>{side}</Type>'
        f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
