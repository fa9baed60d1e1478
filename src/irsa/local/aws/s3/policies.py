"""
Bucket policies, and what block-public-access makes of them.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
Never here: the evaluation of a policy.
"""

import re
from dataclasses import dataclass
from typing import Any

from irsa.local.aws import documents, payload, principals
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.request import Response
from irsa.local.aws.world import World

MAX_SIZE = 20 * 1024
# A statement is not public if one of these keys is held to a fixed value.
_NARROWING = {
    "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths",
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceip", "aws:sourceorgid", "aws:sourceorgpaths",
    "aws:sourceowner", "aws:sourcevpc", "aws:sourcevpce", "aws:userid",
    "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
}  # fmt: skip
_POSITIVE = re.compile(r"(StringEquals|StringLike|ArnEquals|ArnLike|IpAddress)(IgnoreCase)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Block-public-access in effect: the strictest of the bucket's and the account's."""

    policy: bool
    restrict: bool


def block_of(world: World, bucket: str) -> Block:
    """What is blocked for a bucket."""
    found = world.bucket(bucket)
    own = found.public_access_block if found else None
    account = world.account_block or {}
    return Block(
        policy=bool(own and own.block_public_policy) or account.get("BlockPublicPolicy", False),
        restrict=bool(own and own.restrict_public_buckets)
        or account.get("RestrictPublicBuckets", False),
    )


def policy_of(world: World, bucket: str) -> documents.Document | None:
    """The bucket's policy; None if it has none."""
    text = world.bucket_policies.get(bucket)
    return documents.parse(text) if text is not None else None


def is_public(document: documents.Document) -> bool:
    """Whether a policy gives something to everybody."""
    return any(_statement_is_public(statement) for statement in documents.statements(document))


def _statement_is_public(statement: documents.Document) -> bool:
    if statement["Effect"] != "Allow" or not _for_everybody(statement):
        return False
    return not any(
        _POSITIVE.fullmatch(operator) and key.lower() in _NARROWING and _fixed(expected)
        for operator, keys in statement.get("Condition", {}).items()
        for key, expected in keys.items()
    )


def _for_everybody(statement: documents.Document) -> bool:
    if "NotPrincipal" in statement:
        return True
    principal = statement.get("Principal")
    return principal == "*" or (
        isinstance(principal, dict) and "*" in documents.values(principal.get("AWS", []))
    )


def _fixed(expected: Any) -> bool:
    return all(
        "*" not in str(value) and "?" not in str(value) and not str(value).startswith("0.0.0.0/0")
        for value in documents.values(expected)
    )


def put(call: Call) -> Response:
    """PutBucketPolicy."""
    body, _ = payload.content(call.request)
    if len(body) > MAX_SIZE:
        raise ApiError("PolicyTooLarge", "Policies must be smaller than 20 KB")
    try:
        document = documents.check_bucket(body, call.bucket)
    except documents.MalformedDocumentError as error:
        raise ApiError("MalformedPolicy", str(error)) from error
    if principals.stranger(call.world, document):
        raise ApiError("MalformedPolicy", "Invalid principal in policy")
    if is_public(document) and block_of(call.world, call.bucket).policy:
        name = call.caller.arn if call.caller else "anonymous"
        raise access_denied(
            f"User: {name} is not authorized to perform: s3:PutBucketPolicy on resource: "
            f'"arn:{call.world.partition}:s3:::{call.bucket}" because public policies are '
            "prevented by the BlockPublicPolicy setting in S3 Block Public Access."
        )
    call.world.bucket_policies[call.bucket] = body
    return Response(status=204)


def get(call: Call) -> Response:
    """GetBucketPolicy."""
    body = _existing(call)
    return Response(headers={"content-type": "application/json"}, body=body)


def delete(call: Call) -> Response:
    """DeleteBucketPolicy, which is fine without one."""
    call.world.bucket_policies.pop(call.bucket, None)
    return Response(status=204)


def status(call: Call) -> Response:
    """GetBucketPolicyStatus."""
    public = is_public(documents.parse(_existing(call)))
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<PolicyStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsPublic>{str(public).lower()}</IsPublic></PolicyStatus>"
    )
    return Response(headers={"content-type": "application/xml"}, body=text.encode())


def _existing(call: Call) -> bytes:
    body = call.world.bucket_policies.get(call.bucket)
    if body is None:
        raise ApiError(
            "NoSuchBucketPolicy",
            "The bucket policy does not exist",
            status=404,
            details={"BucketName": call.bucket},
        )
    return body
