"""
The way of a call: host, operation, caller, parameters, permission, handler, record.

Never here: the operations.
"""

import logging
import secrets
from dataclasses import replace
from typing import Any

from irsa.local.aws import access, errors, query, rest, s3control
from irsa.local.aws.call import Answer, Call, Operation
from irsa.local.aws.callers import caller_of
from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.hosts import target_of
from irsa.local.aws.log import CallLog
from irsa.local.aws.operations import OPERATIONS
from irsa.local.aws.request import Request, Response
from irsa.local.aws.s3 import routes
from irsa.local.aws.sso import pages
from irsa.local.aws.world import World

logger = logging.getLogger(__name__)


class Front:
    """
    Answers every request, one at a time: moto's state is not made for threads.

    Args:
        world: The account.
        log: Where each call is recorded.
    """

    def __init__(self, world: World, log: CallLog) -> None:
        self._world = world
        self._log = log

    def answer(self, request: Request) -> Response:
        """Answer one request, and record it."""
        target = target_of(request.host)
        if target is None:
            return Response(status=403, body=b"not a host name of AWS\n")
        call = Call(
            world=self._world,
            request=request,
            target=target,
            operation="",
            request_id=secrets.token_hex(8).upper(),
        )
        with self._world.lock, self._world.as_seen():
            response, error = self._try(call)
        self._record(call, response, error)
        return _completed(response, call)

    def _try(self, call: Call) -> tuple[Response, ApiError | None]:
        try:
            return _carry_out(call), None
        except ApiError as error:
            return _refused(error, call), error
        except Exception:
            logger.exception("the local AWS failed at %s:%s", call.service, call.operation)
            failure = ApiError("InternalFailure", "The local AWS failed; see its log", status=500)
            return _refused(failure, call), failure

    def _record(self, call: Call, response: Response, error: ApiError | None) -> None:
        code = error.code if error else None
        if error is None and response.status >= 400:
            code = _code_of(response)
        entry: dict[str, Any] = {
            "service": call.service,
            "operation": call.operation or f"{call.request.method} {call.request.path}",
            "caller": call.caller.arn if call.caller else "anonymous",
            "resource": call.notes.pop("resource", None),
            "bucket": call.bucket or None,
            "key": call.key or None,
            "allowed": code not in _REFUSALS,
            "status": response.status,
            "code": code,
            "message": error.message if error else None,
            "reason": error.reason if error else None,
            "requestId": call.request_id,
            **call.notes,
        }
        self._log.write(self._world.clock(), entry)


_REFUSALS = {
    "AccessDenied", "AuthorizationHeaderMalformed", "ExpiredToken", "ExpiredTokenException",
    "ForbiddenException", "IDPCommunicationError", "IncompleteSignature", "InvalidAccessKeyId",
    "InvalidClientException", "InvalidClientTokenId", "InvalidGrantException",
    "InvalidIdentityToken", "MissingAuthenticationToken", "NotImplemented",
    "RequestTimeTooSkewed", "SignatureDoesNotMatch", "UnauthorizedClientException",
    "UnauthorizedException",
}  # fmt: skip


# Whoever logs in has no keys yet: a secret or a token says who calls, whatever is signed.
_UNSIGNED = (*rest.SERVICES, pages.SERVICE)


def _carry_out(call: Call) -> Response:
    operation = _identified(call)
    if call.service not in _UNSIGNED:
        call.caller = caller_of(call.request, call.target, call.world)
    if call.caller is None and not operation.anonymous:
        raise ApiError(
            "MissingAuthenticationToken", "Request is missing Authentication Token", status=403
        )
    if call.service in ("iam", "sts"):
        call.params = query.params_of(call.service, call.operation, query.form_of(call.request))
    elif call.service in rest.SERVICES:
        call.params = rest.params_of(call.service, call.operation, call.request)
    for action, resource in operation.permissions(call):
        call.notes.setdefault("resource", resource)
        access.require(call, action, resource)
    answer = _answered(call, operation)
    if isinstance(answer, Response):
        return answer
    if call.service in rest.SERVICES:
        return rest.answer(answer)
    return query.answer(call.service, call.operation, answer, call.request_id)


def _answered(call: Call, operation: Operation) -> Answer:
    if call.service == "iam" and not call.operation.startswith(("Get", "List")):
        changed: Answer = call.world.change(lambda: operation.handler(call))
        return changed
    return operation.handler(call)


def _identified(call: Call) -> Operation:
    name = _operation_name(call)
    operation = OPERATIONS[call.service].get(name) if name else None
    if operation is None:
        what = name or f"{call.request.method} {call.request.path}"
        raise not_implemented(f"{call.service}:{what}")
    return operation


def _operation_name(call: Call) -> str | None:
    request, target = call.request, call.target
    if call.service == "s3":
        call.bucket, call.key = routes.place_of(request, target)
        _find_bucket(call)
        name = routes.operation_of(request, bucket=call.bucket, key=call.key)
    elif call.service == "s3control":
        name = s3control.operation_of(request)
    elif call.service in _UNSIGNED:
        name = pages.operation_of(call.service, request) or rest.operation_of(call.service, request)
    else:
        name = query.form_of(request).get("Action")
    call.operation = name or ""
    return name


def _find_bucket(call: Call) -> None:
    """BUCKET.s3.amazonaws.com leads to the bucket's own region."""
    bucket = call.world.bucket(call.bucket)
    if call.target.global_name and call.target.bucket and bucket is not None:
        call.target = replace(call.target, region=bucket.region_name)


def _refused(error: ApiError, call: Call) -> Response:
    if call.service == pages.SERVICE:
        return pages.refusal(error)
    if call.service in rest.SERVICES:
        return rest.refusal(error, call.service)
    return errors.response(error, call.service, call.request_id)


def _completed(response: Response, call: Call) -> Response:
    headers: dict[str, str] = dict(response.headers)
    of_s3 = call.service in ("s3", "s3control")
    headers["x-amz-request-id" if of_s3 else "x-amzn-requestid"] = call.request_id
    return Response(status=response.status, headers=headers, body=response.body)


def _code_of(response: Response) -> str:
    _, found, rest = response.body.partition(b"<Code>")
    return rest.partition(b"</Code>")[0].decode() if found else str(response.status)
