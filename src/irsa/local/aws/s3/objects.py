"""
Objects: read, written, deleted, one by one and many at once.

Never here: who may.
"""

from typing import Any
from urllib.parse import unquote
from xml.sax.saxutils import escape

from irsa.arns import bucket_arn
from irsa.local.aws import payload
from irsa.local.aws.access import verdict
from irsa.local.aws.call import Call, Permission
from irsa.local.aws.errors import ApiError, access_denied, not_implemented
from irsa.local.aws.request import Response
from irsa.local.aws.s3 import settings, store
from irsa.local.aws.s3.permissions import check_place, object_arn

MAX_DELETED = 1000


def read(call: Call) -> Response:
    """GetObject and HeadObject; who may not list is not told what does not exist."""
    version = call.request.query.get("versionId")
    found = call.world.s3.get_object(call.bucket, call.key, version_id=version)
    arn = bucket_arn(call.world.partition, call.bucket)
    if found is None and not verdict(call, "s3:ListBucket", arn).allowed:
        raise access_denied(reason="the object does not exist, and the caller may not list")
    return store.forward(call)


def write(call: Call) -> Response:
    """PutObject and CreateMultipartUpload."""
    settings.check_no_acl(call)
    if call.request.header("x-amz-server-side-encryption") not in (None, "AES256"):
        raise not_implemented("encryption by a key of KMS")
    for name in call.request.headers:
        if name.startswith(("x-amz-object-lock-", "x-amz-server-side-encryption-customer-")):
            raise not_implemented(f"PutObject with {name}")
    return store.forward(call)


def copy_permissions(call: Call) -> list[Permission]:
    """CopyObject: read there, write here."""
    check_place(call)
    source = _source(call)
    return [
        ("s3:GetObject", f"arn:{call.world.partition}:s3:::{source}"),
        ("s3:PutObject", object_arn(call)),
    ]


def copy(call: Call) -> Response:
    """CopyObject."""
    settings.check_no_acl(call)
    return store.forward(call)


def _source(call: Call) -> str:
    header = call.request.header("x-amz-copy-source") or ""
    path, _, version = unquote(header).removeprefix("/").partition("?versionId=")
    if version:
        raise not_implemented("CopyObject from a version")
    return path


def delete_many(call: Call) -> Response:
    """DeleteObjects: each key is allowed or refused by itself."""
    if not _has_digest(call):
        raise ApiError(
            "InvalidRequest",
            "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
        )
    document = store.document(call, "Delete")
    wanted = document.get("Object") or []
    objects: list[dict[str, Any]] = wanted if isinstance(wanted, list) else [wanted]
    if not 0 < len(objects) <= MAX_DELETED:
        raise ApiError("MalformedXML", "The XML you provided was not well-formed")
    refused = [entry for entry in objects if not _may_delete(call, entry)]
    allowed = [entry for entry in objects if entry not in refused]
    if not allowed:
        return _deleted("", refused)
    quiet = str(document.get("Quiet", "")).lower() == "true"
    inner = "".join(_entry(entry) for entry in allowed)
    body = f"<Delete>{inner}<Quiet>{str(quiet).lower()}</Quiet></Delete>".encode()
    answer = store.ask(call, "POST", query="delete", body=body)
    if answer.status != 200:
        return answer
    done = answer.body.decode().partition("<DeleteResult")[2].partition(">")[2]
    done = done.rpartition("</DeleteResult>")[0]
    return _deleted("" if quiet else done, refused)


def _has_digest(call: Call) -> bool:
    names = call.request.headers
    return (
        "content-md5" in names
        or "x-amz-trailer" in names
        or any(name.startswith(payload.CHECKSUM_PREFIX) for name in names)
    )


def _may_delete(call: Call, entry: dict[str, Any]) -> bool:
    action = "s3:DeleteObjectVersion" if entry.get("VersionId") else "s3:DeleteObject"
    return verdict(call, action, object_arn(call, str(entry.get("Key") or ""))).allowed


def _entry(entry: dict[str, Any]) -> str:
    version = entry.get("VersionId")
    suffix = f"<VersionId>{escape(version)}</VersionId>" if version else ""
    return f"<Object><Key>{escape(entry['Key'])}</Key>{suffix}</Object>"


def _deleted(done: str, refused: list[dict[str, Any]]) -> Response:
    failed = "".join(
        f"<Error><Key>{escape(entry['Key'])}</Key><Code>AccessDenied</Code>"
        "<Message>Access Denied</Message></Error>"
        for entry in refused
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{done}{failed}</DeleteResult>'
    )
    return Response(headers={"content-type": "application/xml"}, body=text.encode())


def delete_many_permissions(call: Call) -> list[Permission]:
    """DeleteObjects itself asks for nothing; each of its keys does."""
    check_place(call)
    call.notes["resource"] = bucket_arn(call.world.partition, call.bucket)
    return []
