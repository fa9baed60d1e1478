"""
IAM's errors, worded once.

Never here: when they are raised.
"""

from irsa.local.aws import documents
from irsa.local.aws.errors import ApiError


def no_such(what: str) -> ApiError:
    """NoSuchEntity."""
    return ApiError("NoSuchEntity", f"{what} cannot be found.", status=404)


def exists(what: str) -> ApiError:
    """EntityAlreadyExists."""
    return ApiError("EntityAlreadyExists", f"{what} already exists.", status=409)


def limit(what: str) -> ApiError:
    """LimitExceeded."""
    return ApiError("LimitExceeded", f"Cannot exceed quota for {what}", status=409)


def conflict(what: str) -> ApiError:
    """DeleteConflict."""
    return ApiError("DeleteConflict", f"Cannot delete entity, must {what} first.", status=409)


def invalid(message: str) -> ApiError:
    """InvalidInput."""
    return ApiError("InvalidInput", message)


def malformed(error: documents.MalformedDocumentError) -> ApiError:
    """MalformedPolicyDocument."""
    return ApiError("MalformedPolicyDocument", str(error))
