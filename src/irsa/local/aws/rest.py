"""
AWS's REST-JSON protocol, as IAM Identity Center speaks it: by AWS's own models.

Never here: what an operation does.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from botocore.model import Shape

from irsa.local.aws import constraints
from irsa.local.aws.errors import ApiError
from irsa.local.aws.models import operation_model, service_model
from irsa.local.aws.request import Request, Response

SERVICES = ("sso", "sso-oidc")
_TYPES: Mapping[str, type] = {"string": str, "list": list}


def operation_of(service: str, request: Request) -> str | None:
    """The operation's name by method, path and what its path fixes of the query; None if none."""
    if service not in SERVICES:
        return None
    model = service_model(service)
    fitting = {}
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        fixed = dict(parse_qsl(query))
        if (http["method"], path) == (request.method, request.path) and (
            fixed.items() <= request.query.items()
        ):
            fitting[name] = len(fixed)
    return max(fitting, key=lambda name: fitting[name], default=None)


def params_of(service: str, operation: str, request: Request) -> dict[str, Any]:
    """
    The operation's parameters, decoded and held against the model's limits.

    Raises:
        ApiError: InvalidRequestException.
    """
    model = operation_model(service, operation)
    shape = model.input_shape if model else None
    if shape is None:
        return {}
    body = _body(request)
    params = {name: _value(name, one, request, body) for name, one in shape.members.items()}
    known = {name: value for name, value in params.items() if value is not None}
    # A token that is missing is a token that is not known.
    token = {"accessToken": known.get("accessToken", "")} if "accessToken" in params else {}
    try:
        constraints.check(shape, known | token)
    except ApiError as error:
        raise _invalid(error.message) from error
    return known


def _body(request: Request) -> Mapping[str, Any]:
    if not request.body:
        return {}
    try:
        found = json.loads(request.body)
    except ValueError as error:
        raise _invalid("The body is not JSON") from error
    if not isinstance(found, dict):
        raise _invalid("The body is not a JSON object")
    return found


def _value(name: str, shape: Shape, request: Request, body: Mapping[str, Any]) -> Any:
    place = shape.serialization.get("location")
    key = shape.serialization.get("name", name)
    if place == "header":
        return request.header(key)
    if place == "querystring":
        return _scalar(name, shape, request.query.get(key))
    value = body.get(key)
    kind = _TYPES[shape.type_name]
    listed = value if isinstance(value, list) else []
    if value is not None and not (
        isinstance(value, kind) and all(isinstance(one, str) for one in listed)
    ):
        raise _invalid(f"{name} is not a {shape.type_name}")
    return value


def _scalar(name: str, shape: Shape, text: str | None) -> Any:
    if text is None or shape.type_name == "string":
        return text
    if not text.isdecimal():
        raise _invalid(f"{name} is not a number")
    return int(text)


def _invalid(message: str) -> ApiError:
    return ApiError("InvalidRequestException", message)


def answer(result: Mapping[str, Any]) -> Response:
    """The JSON of a successful operation."""
    known = {name: value for name, value in result.items() if value is not None}
    return _json(200, known)


def refusal(error: ApiError, service: str) -> Response:
    """An error: in OAuth's words for logging in, in AWS's for the portal."""
    body = (
        {"error": _oauth(error.code), "error_description": error.message}
        if service == "sso-oidc"
        else {"__type": error.code, "message": error.message}
    )
    return _json(error.status, body, error.code)


def _oauth(code: str) -> str:
    """`AuthorizationPendingException` is `authorization_pending`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", code.removesuffix("Exception")).lower()


def _json(status: int, body: Mapping[str, Any], kind: str | None = None) -> Response:
    headers = {"content-type": "application/json", **({"x-amzn-errortype": kind} if kind else {})}
    return Response(status=status, headers=headers, body=json.dumps(body).encode())
