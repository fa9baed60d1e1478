"""
S3 Control: block-public-access of the whole account.

Never here: what it means for a bucket.
"""

from collections.abc import Callable

from irsa.local.aws.call import Call, Permission
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.request import Request, Response
from irsa.local.aws.s3 import store
from irsa.local.aws.s3.settings import BLOCKS

_PATH = "/v20180820/configuration/publicAccessBlock"
_OPERATIONS = {
    "GET": "GetPublicAccessBlock",
    "PUT": "PutPublicAccessBlock",
    "DELETE": "DeletePublicAccessBlock",
}


def operation_of(request: Request) -> str | None:
    """The operation's name; None for one that is not known here."""
    return _OPERATIONS.get(request.method) if request.path == _PATH else None


def on_account(action: str) -> Callable[[Call], list[Permission]]:
    """An action on the account that the call names, which must be this one."""

    def permissions(call: Call) -> list[Permission]:
        named = {call.request.header("x-amz-account-id"), call.target.account} - {None}
        if named != {call.world.account}:
            raise access_denied(reason=f"the call names the accounts {sorted(map(str, named))}")
        return [(action, "*")]

    return permissions


def get(call: Call) -> Response:
    """GetPublicAccessBlock."""
    block = call.world.account_block
    if block is None:
        raise ApiError(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
            status=404,
        )
    inner = "".join(f"<{name}>{str(block[name]).lower()}</{name}>" for name in BLOCKS)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<PublicAccessBlockConfiguration>{inner}</PublicAccessBlockConfiguration>"
    )
    return Response(headers={"content-type": "application/xml"}, body=text.encode())


def put(call: Call) -> Response:
    """PutPublicAccessBlock."""
    document = store.document(call, "PublicAccessBlockConfiguration")
    call.world.account_block = {name: document.get(name) in ("true", "TRUE") for name in BLOCKS}
    return Response(status=200)


def delete(call: Call) -> Response:
    """DeletePublicAccessBlock."""
    call.world.account_block = None
    return Response(status=204)
