"""
Which operation of S3 a request is, and on which bucket and key.

Never here: what the operation does.
"""

from urllib.parse import unquote

from irsa.local.aws.hosts import Target
from irsa.local.aws.request import Request

_PLAIN = {
    "prefix", "delimiter", "marker", "max-keys", "encoding-type", "fetch-owner", "start-after",
    "continuation-token", "key-marker", "version-id-marker", "versionId", "x-id", "partNumber",
    "max-uploads", "upload-id-marker", "max-parts", "part-number-marker", "max-buckets",
    "bucket-region", "response-content-type", "response-cache-control",
    "response-content-disposition", "response-content-encoding", "response-content-language",
    "response-expires",
}  # fmt: skip
_BUCKET = {
    ("GET", ""): "ListObjects",
    ("GET", "acl"): "GetBucketAcl",
    ("GET", "encryption"): "GetBucketEncryption",
    ("GET", "list-type"): "ListObjectsV2",
    ("GET", "location"): "GetBucketLocation",
    ("GET", "ownershipControls"): "GetBucketOwnershipControls",
    ("GET", "policy"): "GetBucketPolicy",
    ("GET", "policyStatus"): "GetBucketPolicyStatus",
    ("GET", "publicAccessBlock"): "GetPublicAccessBlock",
    ("GET", "tagging"): "GetBucketTagging",
    ("GET", "uploads"): "ListMultipartUploads",
    ("GET", "versioning"): "GetBucketVersioning",
    ("GET", "versions"): "ListObjectVersions",
    ("HEAD", ""): "HeadBucket",
    ("POST", "delete"): "DeleteObjects",
    ("PUT", ""): "CreateBucket",
    ("PUT", "acl"): "PutBucketAcl",
    ("PUT", "encryption"): "PutBucketEncryption",
    ("PUT", "ownershipControls"): "PutBucketOwnershipControls",
    ("PUT", "policy"): "PutBucketPolicy",
    ("PUT", "publicAccessBlock"): "PutPublicAccessBlock",
    ("PUT", "tagging"): "PutBucketTagging",
    ("PUT", "versioning"): "PutBucketVersioning",
    ("DELETE", ""): "DeleteBucket",
    ("DELETE", "encryption"): "DeleteBucketEncryption",
    ("DELETE", "ownershipControls"): "DeleteBucketOwnershipControls",
    ("DELETE", "policy"): "DeleteBucketPolicy",
    ("DELETE", "publicAccessBlock"): "DeletePublicAccessBlock",
    ("DELETE", "tagging"): "DeleteBucketTagging",
}
_OBJECT = {
    ("GET", ""): "GetObject",
    ("GET", "acl"): "GetObjectAcl",
    ("GET", "tagging"): "GetObjectTagging",
    ("GET", "uploadId"): "ListParts",
    ("HEAD", ""): "HeadObject",
    ("POST", "uploads"): "CreateMultipartUpload",
    ("POST", "uploadId"): "CompleteMultipartUpload",
    ("PUT", ""): "PutObject",
    ("PUT", "acl"): "PutObjectAcl",
    ("PUT", "tagging"): "PutObjectTagging",
    ("PUT", "uploadId"): "UploadPart",
    ("DELETE", ""): "DeleteObject",
    ("DELETE", "tagging"): "DeleteObjectTagging",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
}


def place_of(request: Request, target: Target) -> tuple[str, str]:
    """The bucket and the key that a request names, by virtual host or by path; "" for none."""
    path = unquote(request.path.removeprefix("/"))
    if target.bucket is not None:
        return target.bucket, path
    bucket, _, key = path.partition("/")
    return bucket, key


def operation_of(request: Request, *, bucket: str, key: str) -> str | None:
    """The operation's name as AWS has it; None for one that is not known here."""
    names = [name for name in request.query if not _is_plain(name)]
    if len(names) > 1:
        return None
    subresource = names[0] if names else ""
    if not bucket:
        return "ListBuckets" if (request.method, subresource) == ("GET", "") else None
    if not key:
        return _BUCKET.get((request.method, subresource))
    operation = _OBJECT.get((request.method, subresource))
    if "x-amz-copy-source" in request.headers:
        return {"PutObject": "CopyObject"}.get(operation or "")
    return operation


def _is_plain(name: str) -> bool:
    return name in _PLAIN or name.startswith("X-Amz-")
