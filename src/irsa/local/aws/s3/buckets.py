"""
Buckets: made with the defaults of April 2023, listed, deleted when empty.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
Never here: a bucket's settings.
"""

from typing import Any
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from irsa.arns import find_partition
from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.request import Response
from irsa.local.aws.s3 import names, store

ENFORCED = "BucketOwnerEnforced"
_ORIGIN = "us-east-1"
_ALL_BLOCKED = (
    "<PublicAccessBlockConfiguration>"
    "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
    "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>"
    "</PublicAccessBlockConfiguration>"
)
_OWNERSHIP = (
    f"<OwnershipControls><Rule><ObjectOwnership>{ENFORCED}</ObjectOwnership></Rule>"
    "</OwnershipControls>"
)
ENCRYPTION = (
    "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    "<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
)


def create(call: Call) -> Response:
    """CreateBucket."""
    names.check(call.bucket)
    _check_headers(call)
    config = store.document(call, "CreateBucketConfiguration")
    region = _region(call, config.get("LocationConstraint"))
    if call.bucket in names.FOREIGN:
        raise ApiError(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all "
            "users of the system. Please select a different name and try again.",
            status=409,
        )
    existing = call.world.bucket(call.bucket)
    if existing is not None:
        return _again(call, existing.region_name)
    call.world.s3.create_bucket(call.bucket, region)
    _settle(call, config.get("Tags"))
    return _created(call)


def _check_headers(call: Call) -> None:
    if call.request.header("x-amz-acl") not in (None, "private"):
        raise ApiError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
    if call.request.header("x-amz-object-ownership") not in (None, ENFORCED):
        raise not_implemented("buckets with ACLs (object ownership other than BucketOwnerEnforced)")
    for name in ("x-amz-bucket-object-lock-enabled", "x-amz-bucket-namespace"):
        if call.request.header(name):
            raise not_implemented(f"CreateBucket with {name}")


def _region(call: Call, constraint: str | None) -> str:
    endpoint = call.target.region
    wanted = "eu-west-1" if constraint == "EU" else constraint
    if endpoint == _ORIGIN and wanted is None:
        return _ORIGIN
    if wanted is None:
        raise ApiError(
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    if find_partition(wanted) is None or wanted == _ORIGIN:
        raise ApiError(
            "InvalidLocationConstraint", "The specified location-constraint is not valid"
        )
    if endpoint not in (_ORIGIN, wanted):
        raise ApiError(
            "IllegalLocationConstraintException",
            f"The {wanted} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    return wanted


def _again(call: Call, region: str) -> Response:
    if region == call.target.region == _ORIGIN:
        return _created(call)
    raise ApiError(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
        status=409,
        details={"BucketName": call.bucket},
    )


def _settle(call: Call, tags: Any) -> None:
    store.ask(call, "PUT", query="publicAccessBlock", body=_ALL_BLOCKED.encode())
    store.ask(call, "PUT", query="ownershipControls", body=_OWNERSHIP.encode())
    store.ask(call, "PUT", query="encryption", body=ENCRYPTION.encode())
    found = (tags or {}).get("Tag", [])
    pairs = found if isinstance(found, list) else [found]
    if pairs:
        entries = "".join(
            f"<Tag><Key>{escape(tag['Key'])}</Key><Value>{escape(tag['Value'] or '')}</Value></Tag>"
            for tag in pairs
        )
        body = f"<Tagging><TagSet>{entries}</TagSet></Tagging>"
        store.ask(call, "PUT", query="tagging", body=body.encode())


def _created(call: Call) -> Response:
    return Response(headers={"location": f"/{call.bucket}"})


def delete(call: Call) -> Response:
    """DeleteBucket, with everything that was set on it."""
    answer = store.forward(call)
    if answer.status == 204:
        call.world.bucket_policies.pop(call.bucket, None)
    return answer


def head(call: Call) -> Response:
    """HeadBucket."""
    return Response(
        headers={
            "x-amz-bucket-region": call.target.region,
            "x-amz-access-point-alias": "false",
            "content-type": "application/xml",
        }
    )


def listing(call: Call) -> Response:
    """ListBuckets."""
    query = {name: text for name, text in call.request.query.items() if not name.startswith("X-")}
    return store.ask(call, "GET", query=urlencode(query))
