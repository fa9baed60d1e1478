"""
One call of an operation, on its way through the front; and what an operation is.

Never here: the operations themselves.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from irsa.local.aws.callers import Caller
from irsa.local.aws.hosts import Target
from irsa.local.aws.request import Request, Response
from irsa.local.aws.world import World


@dataclass(kw_only=True)
class Call:
    """
    One call.

    Args:
        caller: None for an anonymous call.
        params: Of IAM and STS, decoded; empty for S3.
        bucket: For S3, the bucket's name, if the call names one.
        key: For S3, the object's key, if the call names one.
        notes: Further facts for the log; never a token, a key or a body.
    """

    world: World
    request: Request
    target: Target
    operation: str
    request_id: str
    caller: Caller | None = None
    params: dict[str, Any] = field(default_factory=dict)
    bucket: str = ""
    key: str = ""
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def service(self) -> str:
        """The service's name as botocore has it."""
        return self.target.service


Answer = Mapping[str, Any] | Response
Permission = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    What is known of an operation.

    Args:
        handler: Carries it out and returns the result; raises ApiError.
        permissions: The actions and resources that the caller must be allowed.
        anonymous: Whether an unsigned call is even considered.
    """

    handler: Callable[[Call], Answer]
    permissions: Callable[[Call], Iterable[Permission]]
    anonymous: bool = False
