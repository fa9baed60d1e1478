"""
A bucket's settings other than its policy: block-public-access, ownership, encryption, tags.

Never here: what block-public-access means for a policy.
"""

from irsa.local.aws.call import Call
from irsa.local.aws.errors import ApiError, not_implemented
from irsa.local.aws.request import Response
from irsa.local.aws.s3 import store
from irsa.local.aws.s3.buckets import ENCRYPTION, ENFORCED

BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_TRUE = ("true", "TRUE")


def put_public_access_block(call: Call) -> Response:
    """PutPublicAccessBlock: what is not named is off, as in AWS."""
    document = store.document(call, "PublicAccessBlockConfiguration")
    blocks = "".join(
        f"<{name}>{'true' if document.get(name) in _TRUE else 'false'}</{name}>" for name in BLOCKS
    )
    body = f"<PublicAccessBlockConfiguration>{blocks}</PublicAccessBlockConfiguration>"
    return store.ask(call, "PUT", query="publicAccessBlock", body=body.encode())


def put_ownership_controls(call: Call) -> Response:
    """PutBucketOwnershipControls: ACLs stay off here."""
    document = store.document(call, "OwnershipControls")
    rule = document.get("Rule") or {}
    if rule.get("ObjectOwnership") != ENFORCED:
        raise not_implemented(f"ObjectOwnership {rule.get('ObjectOwnership')}: ACLs are off")
    return store.forward(call)


def delete_ownership_controls(_: Call) -> Response:
    """DeleteBucketOwnershipControls would bring ACLs back."""
    raise not_implemented("DeleteBucketOwnershipControls: ACLs are off")


def put_encryption(call: Call) -> Response:
    """PutBucketEncryption: SSE-S3 only."""
    document = store.document(call, "ServerSideEncryptionConfiguration")
    rule = document.get("Rule") or {}
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    if default.get("SSEAlgorithm") != "AES256":
        raise not_implemented(f"encryption by {default.get('SSEAlgorithm')}")
    return store.forward(call)


def delete_encryption(call: Call) -> Response:
    """DeleteBucketEncryption: back to the default, which is SSE-S3."""
    store.ask(call, "PUT", query="encryption", body=ENCRYPTION.encode())
    return Response(status=204)


def put_tagging(call: Call) -> Response:
    """PutBucketTagging and PutObjectTagging."""
    store.document(call, "Tagging")
    return store.forward(call)


def put_versioning(call: Call) -> Response:
    """PutBucketVersioning."""
    document = store.document(call, "VersioningConfiguration")
    if document.get("Status") not in ("Enabled", "Suspended") or document.get("MfaDelete"):
        raise ApiError(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
        )
    return store.forward(call)


def refuse_acl(call: Call) -> Response:
    """PutBucketAcl and PutObjectAcl: ACLs are off, except the one that says nothing."""
    check_no_acl(call)
    if call.request.body:
        raise _no_acls()
    return Response()


def check_no_acl(call: Call) -> None:
    """
    A request that carries an ACL says at most that the bucket's owner owns the object.

    Raises:
        ApiError: AccessControlListNotSupported.
    """
    canned = call.request.header("x-amz-acl")
    grants = any(name.startswith("x-amz-grant-") for name in call.request.headers)
    if grants or canned not in (None, "bucket-owner-full-control"):
        raise _no_acls()


def _no_acls() -> ApiError:
    return ApiError("AccessControlListNotSupported", "The bucket does not allow ACLs")
