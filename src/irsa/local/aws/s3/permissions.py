"""
What a caller must be allowed for each operation of S3, and what must hold before that is asked.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
Never here: the operations.
"""

from collections.abc import Callable

from irsa.arns import bucket_arn
from irsa.local.aws.call import Call, Permission
from irsa.local.aws.errors import ApiError, access_denied
from irsa.local.aws.s3.names import FOREIGN

Permissions = Callable[[Call], list[Permission]]


def everywhere(action: str) -> Permissions:
    """An action on no bucket in particular."""

    def permissions(_: Call) -> list[Permission]:
        return [(action, "*")]

    return permissions


def on_bucket(action: str) -> Permissions:
    """An action on a bucket, which must exist."""

    def permissions(call: Call) -> list[Permission]:
        check_place(call)
        return [(action, bucket_arn(call.world.partition, call.bucket))]

    return permissions


def on_object(action: str) -> Permissions:
    """An action on an object; with a version id, on that version of it."""

    def permissions(call: Call) -> list[Permission]:
        check_place(call)
        name = f"{action}Version" if "versionId" in call.request.query else action
        return [(name, object_arn(call))]

    return permissions


def create_bucket(call: Call) -> list[Permission]:
    """CreateBucket, and TagResource if it comes with tags."""
    arn = bucket_arn(call.world.partition, call.bucket)
    tagged = b"<Tags>" in call.request.body or b"<Tag>" in call.request.body
    return [("s3:CreateBucket", arn), *([("s3:TagResource", arn)] if tagged else [])]


def put_object(call: Call) -> list[Permission]:
    """PutObject, and PutObjectTagging if it comes with tags."""
    check_place(call)
    tagged = "x-amz-tagging" in call.request.headers
    extra = [("s3:PutObjectTagging", object_arn(call))] if tagged else []
    return [("s3:PutObject", object_arn(call)), *extra]


def object_arn(call: Call, key: str | None = None) -> str:
    """The ARN of the call's object, or of another key in its bucket."""
    return bucket_arn(call.world.partition, call.bucket, call.key if key is None else key)


def check_place(call: Call) -> None:
    """
    The bucket exists, belongs to whom the caller expects, and is asked for in its own region.

    Raises:
        ApiError: One of it is not so.
    """
    if call.bucket in FOREIGN:
        raise access_denied(reason="the bucket belongs to another account")
    bucket = call.world.bucket(call.bucket)
    if bucket is None or call.target.partition != call.world.partition:
        raise no_such_bucket(call.bucket)
    owner = call.request.header("x-amz-expected-bucket-owner")
    if owner not in (None, call.world.account):
        raise access_denied(reason=f"the bucket does not belong to the expected owner {owner}")
    if bucket.region_name != call.target.region:
        raise _elsewhere(call.bucket, bucket.region_name)


def no_such_bucket(name: str) -> ApiError:
    """NoSuchBucket, which everybody is told."""
    return ApiError(
        "NoSuchBucket",
        "The specified bucket does not exist",
        status=404,
        details={"BucketName": name},
    )


def _elsewhere(bucket: str, region: str) -> ApiError:
    return ApiError(
        "PermanentRedirect",
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint.",
        status=301,
        details={"Bucket": bucket, "Endpoint": f"{bucket}.s3.{region}.amazonaws.com"},
        headers={"x-amz-bucket-region": region},
    )
